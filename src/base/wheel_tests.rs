//! The wheel against a sorted map, and its sizes.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::super::Slab;
use super::*;

/// What the wheel means, said slowly.
#[derive(Default)]
struct Twin {
    armed: HashMap<u32, u64>,
    due: BTreeMap<(u64, u32), ()>,
    present: u64,
}

impl Twin {
    fn rearm(&mut self, timer: u32, deadline: u64) {
        self.disarm(timer);
        let tick = deadline.div_ceil(TICK).max(self.present + 1).min(LAST);
        self.armed.insert(timer, tick);
        self.due.insert((tick, timer), ());
    }

    fn disarm(&mut self, timer: u32) {
        if let Some(tick) = self.armed.remove(&timer) {
            self.due.remove(&(tick, timer));
        }
    }

    /// All timers due, by tick, and within a tick by number.
    fn expire(&mut self, now: u64) -> Vec<(u64, u32)> {
        let later = self.due.split_off(&(now / TICK + 1, 0));
        let due = std::mem::replace(&mut self.due, later);
        self.present = self.present.max(now / TICK);
        self.armed.retain(|timer, tick| !due.contains_key(&(*tick, *timer)));
        due.into_keys().collect()
    }
}

fn owners(count: usize) -> Vec<Key> {
    let mut slab = Slab::new();
    (0..count).map(|_| slab.insert(())).collect()
}

#[test]
fn an_entry_is_24_bytes() {
    assert_eq!(size_of::<Entry>(), 24);
}

#[test]
fn never_early_and_at_most_a_tick_late() {
    let owner = owners(1)[0];
    for deadline in [1, 8, 9, 511, 512, 513, 32_768, 32_769, 10_000_000_001] {
        let mut wheel = Wheel::new();
        wheel.insert(owner, deadline);
        assert_eq!(wheel.pop_expired(deadline - 1), None);
        assert_eq!(wheel.pop_expired(deadline + TICK - 1), Some(owner));
        assert_eq!(wheel.pop_expired(u64::MAX), None);
    }
}

#[test]
fn waking_at_the_next_deadline_gets_there_in_few_steps() {
    let owner = owners(1)[0];
    let mut wheel = Wheel::new();
    wheel.insert(owner, 3_600_000);
    let mut wakes = 0;
    loop {
        wakes += 1;
        let at = wheel.next_deadline().unwrap();
        assert!(at <= 3_600_000);
        if wheel.pop_expired(at).is_some() {
            break;
        }
    }
    assert!(wakes <= 5, "{wakes} wakes");
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn rearming_in_the_past_waits_for_the_next_tick() {
    let owner = owners(1)[0];
    let mut wheel = Wheel::new();
    let timer = wheel.insert(owner, 100);
    assert_eq!(wheel.pop_expired(1000), Some(owner));
    assert_eq!(wheel.pop_expired(1000), None);
    wheel.rearm(timer, 5);
    assert_eq!(wheel.pop_expired(1000), None);
    assert_eq!(wheel.pop_expired(1000 + TICK), Some(owner));
    wheel.rearm(timer, u64::MAX);
    assert!(wheel.is_armed(timer));
    assert_eq!(wheel.pop_expired(1 << 40), None);
    assert_eq!(wheel.pop_expired(u64::MAX), None);
    wheel.rearm(timer, 0);
    assert!(wheel.is_armed(timer));
}

#[test]
fn memory_goes_back() {
    let owner = owners(1)[0];
    let mut wheel = Wheel::new();
    let timers: Vec<TimerKey> = (0..1000).map(|n| wheel.insert(owner, n)).collect();
    timers.into_iter().for_each(|timer| wheel.remove(timer));
    assert_eq!((wheel.len(), wheel.armed()), (0, 0));
    assert_eq!(wheel.entries.iter().filter(|chunk| chunk.is_some()).count(), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u64),
    Rearm(usize, u64),
    Disarm(usize),
    Remove(usize),
    Advance(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let span =
        || prop_oneof![0u64..100, 0u64..5_000, 0u64..100_000, 0u64..100_000_000, any::<u64>()];
    let near =
        || prop_oneof![8 => 0u64..50, 4 => 0u64..2_000, 2 => 0u64..60_000, 1 => 0u64..90_000_000];
    let step = prop_oneof![
        4 => span().prop_map(Step::Insert),
        4 => (any::<usize>(), span()).prop_map(|(n, at)| Step::Rearm(n, at)),
        1 => any::<usize>().prop_map(Step::Disarm),
        1 => any::<usize>().prop_map(Step::Remove),
        4 => near().prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 0..400)
}

proptest! {
    #[test]
    fn as_a_sorted_map(steps in steps()) {
        let owners = owners(400);
        let (mut wheel, mut twin) = (Wheel::new(), Twin::default());
        let mut timers: Vec<(TimerKey, u32)> = Vec::new();
        let (mut now, mut made) = (0u64, 0u32);
        for step in steps {
            match step {
                Step::Insert(after) => {
                    let deadline = now.saturating_add(after);
                    timers.push((wheel.insert(owners[made as usize], deadline), made));
                    twin.rearm(made, deadline);
                    made += 1;
                }
                Step::Rearm(n, after) if !timers.is_empty() => {
                    let (timer, number) = timers[n % timers.len()];
                    wheel.rearm(timer, now.saturating_add(after));
                    twin.rearm(number, now.saturating_add(after));
                }
                Step::Disarm(n) if !timers.is_empty() => {
                    let (timer, number) = timers[n % timers.len()];
                    wheel.disarm(timer);
                    twin.disarm(number);
                }
                Step::Remove(n) if !timers.is_empty() => {
                    let (timer, number) = timers.swap_remove(n % timers.len());
                    wheel.remove(timer);
                    twin.disarm(number);
                }
                Step::Advance(by) => {
                    now += by;
                    let expected = twin.expire(now);
                    let mut popped = Vec::new();
                    while let Some(owner) = wheel.pop_expired(now) {
                        popped.push((expected[popped.len()].0, owner.index()));
                    }
                    popped.sort_unstable();
                    prop_assert_eq!(popped, expected);
                }
                _ => {}
            }
            prop_assert_eq!(wheel.armed(), twin.armed.len());
            prop_assert_eq!(wheel.len(), timers.len());
            let earliest = twin.due.keys().next().map(|(tick, _)| tick * TICK);
            match (wheel.next_deadline(), earliest) {
                (None, None) => {}
                (Some(at), Some(earliest)) => {
                    prop_assert!(at <= earliest && at / TICK > now / TICK);
                }
                (at, earliest) => prop_assert!(false, "{at:?} {earliest:?}"),
            }
        }
    }
}
