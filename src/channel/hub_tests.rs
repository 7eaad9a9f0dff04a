//! Hubs of several cores with letters between them, in an order of chance.

use std::collections::{HashMap, HashSet};

use super::super::publication::Keep;
use super::*;
use crate::base::{Rng, Slab};
use crate::proto::ws::Kind;

fn key(slab: &mut Slab<()>) -> Key {
    slab.insert(())
}

fn saying(channel: &str) -> Saying {
    let keep = Keep { messages: 20, age: None };
    Saying { channel: channel.into(), kind: Kind::Text, payload: [].into(), keep }
}

/// Lets a hub read its own letters.
fn alone(hub: &mut Hub) -> Vec<Effect> {
    hub.tell_homes();
    let mut effects = Vec::new();
    while let Some((_, letter)) = hub.next_letter() {
        effects.extend(hub.take(letter, 1));
    }
    effects
}

#[test]
fn who_has_joined_is_told_from_who_has_left() {
    let (mut slab, mut hub) = (Slab::new(), Hub::new(0, 1, 0, 0));
    let (one, two, three) = (key(&mut slab), key(&mut slab), key(&mut slab));
    let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
    for who in [one, one, two, three] {
        assert_eq!(hub.join(&a, who, 2), Ok("a".into()));
    }
    assert_eq!(hub.join(&b, two, 2), Ok("b".into()));
    assert_eq!(hub.join(&"c".into(), two, 2), Err(Full));
    assert_eq!(hub.here("a"), [one, two, three]);
    hub.ask(Arc::clone(&a), one, None);
    let effects = alone(&mut hub);
    assert!(
        matches!(effects[..], [Effect::Tell(who, Answer::Present { count: 3, .. })] if who == one)
    );
    hub.leave(one);
    assert_eq!(hub.here("a"), [three, two]);
    hub.leave(three);
    hub.leave(two);
    assert!(hub.here("a").is_empty() && hub.here("b").is_empty());
    alone(&mut hub);
    assert_eq!(hub.join(&"c".into(), one, 2), Ok("c".into()), "a channel nobody is in makes room");
}

#[test]
fn who_leaves_one_channel_stays_in_others() {
    let (mut slab, mut hub) = (Slab::new(), Hub::new(0, 1, 0, 0));
    let (one, two) = (key(&mut slab), key(&mut slab));
    for channel in ["a", "b", "c"] {
        for who in [one, two] {
            assert!(hub.join(&channel.into(), who, 3).is_ok());
        }
    }
    let here = |hub: &Hub| ["a", "b", "c"].map(|channel| hub.here(channel).to_vec());
    hub.leave_one("a", one);
    assert_eq!(here(&hub), [vec![two], vec![one, two], vec![one, two]]);
    // Again, and where it never was, that is nothing.
    hub.leave_one("a", one);
    hub.leave_one("d", one);
    hub.leave_one("c", one);
    assert_eq!(here(&hub), [vec![two], vec![one, two], vec![two]]);
    assert!(hub.join(&"a".into(), one, 3).is_ok());
    hub.leave_one("b", two);
    assert_eq!(here(&hub), [vec![two, one], vec![one], vec![two]]);
    hub.leave_one("b", one);
    hub.leave(one);
    hub.leave(two);
    alone(&mut hub);
    assert!(hub.members.is_empty());
}

#[test]
fn one_that_joins_and_publishes_hears_itself() {
    let (mut slab, mut hub) = (Slab::new(), Hub::new(0, 1, 0, 0));
    let one = key(&mut slab);
    assert_eq!(hub.join(&"a".into(), one, 1), Ok("a".into()));
    hub.publish(saying("a"), Some(one));
    let effects = alone(&mut hub);
    assert!(matches!(
        &effects[..],
        [Effect::Deliver(..), Effect::Tell(_, Answer::Published { id: 1000, reached: 1 })]
    ));
}

/// What others are told, and what a GET is.
fn told(effects: &[Effect]) -> Vec<String> {
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::Deliver(notice, _) if notice.notice => {
            Some(String::from_utf8_lossy(&notice.payload).into_owned())
        }
        Effect::Tell(_, Answer::Present { count, who, more }) => {
            Some(format!("{count} {} +{more}", who.join(" ")))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn who_is_there_is_known_by_name() {
    let (mut slab, mut hub) = (Slab::new(), Hub::new(0, 1, 0, 0));
    let a: Arc<str> = "a".into();
    let person = |name: &str, announced| Arc::new(Person { name: name.to_owned(), announced });
    let mut come = |hub: &mut Hub, person: &Arc<Person>| {
        let who = key(&mut slab);
        assert!(hub.join(&a, who, 1).is_ok());
        hub.introduce(&a, who, Arc::clone(person));
        who
    };
    let (ann, bob, eve) = (person("ann", true), person("b\"", true), person("eve", false));
    let first = come(&mut hub, &ann);
    assert_eq!(told(&alone(&mut hub)), ["{\"joined\":\"ann\"}"], "one hears of itself");
    let again = come(&mut hub, &ann);
    assert!(told(&alone(&mut hub)).is_empty(), "ann is here already");
    let silent = come(&mut hub, &eve);
    assert!(told(&alone(&mut hub)).is_empty(), "nobody is told of eve");
    let other = come(&mut hub, &bob);
    assert_eq!(told(&alone(&mut hub)), ["{\"joined\":\"b\\\"\"}"]);
    hub.ask(Arc::clone(&a), first, None);
    assert_eq!(told(&alone(&mut hub)), ["4 ann b\" eve +0"]);
    hub.leave(first);
    hub.leave(silent);
    assert!(told(&alone(&mut hub)).is_empty(), "ann is here still");
    hub.leave(again);
    assert_eq!(told(&alone(&mut hub)), ["{\"left\":\"ann\"}"]);
    hub.ask(Arc::clone(&a), other, None);
    assert_eq!(told(&alone(&mut hub)), ["1 b\" +0"]);
    hub.leave(other);
    assert!(told(&alone(&mut hub)).is_empty(), "nobody is left who could be told");
    assert!(hub.homes.is_empty() && hub.members.is_empty() && hub.people.is_empty());
}

#[test]
fn names_in_an_answer_are_bounded() {
    let (mut slab, mut hub) = (Slab::new(), Hub::new(0, 1, 0, 0));
    let a: Arc<str> = "a".into();
    for number in 0..1003 {
        let who = key(&mut slab);
        assert!(hub.join(&a, who, 1).is_ok());
        let person = Person { name: format!("{number:04}"), announced: false };
        hub.introduce(&a, who, Arc::new(person));
    }
    hub.ask(a, key(&mut slab), None);
    let effects = alone(&mut hub);
    let [Effect::Tell(_, Answer::Present { count: 1003, who, more: 3 })] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!((who.len(), &*who[999]), (1000, "0999"));
}

/// Hubs, the letters on their way between each two, and what every subscriber has got.
struct World {
    hubs: Vec<Hub>,
    post: Vec<Vec<VecDeque<Letter>>>,
    /// What came together on each core, and is not delivered yet.
    pending: Vec<Vec<(Arc<Publication>, u32)>>,
    slabs: Vec<Slab<()>>,
    joined: HashMap<(usize, Key), &'static str>,
    got: HashMap<(usize, Key), Vec<u64>>,
    /// Those who wait for a story, or have got one; before it comes they hear nothing.
    waiting: HashSet<(usize, Key)>,
}

impl World {
    fn new(cores: usize) -> World {
        World {
            hubs: (0..cores).map(|me| Hub::new(me, cores, 1 << 20, 0)).collect(),
            post: (0..cores).map(|_| (0..cores).map(|_| VecDeque::new()).collect()).collect(),
            pending: vec![Vec::new(); cores],
            slabs: (0..cores).map(|_| Slab::new()).collect(),
            joined: HashMap::new(),
            got: HashMap::new(),
            waiting: HashSet::new(),
        }
    }

    /// A core's letters leave; its own it reads at once.
    fn send(&mut self, core: usize) {
        self.hubs[core].tell_homes();
        while let Some((to, letter)) = self.hubs[core].next_letter() {
            match to == core {
                true => self.take(core, letter),
                false => self.post[core][to].push_back(letter),
            }
        }
    }

    fn take(&mut self, core: usize, letter: Letter) {
        match self.hubs[core].take(letter, 1) {
            Some(Effect::Deliver(publication, circle)) => {
                let of = |one: &(Arc<Publication>, u32)| (Arc::clone(&one.0.channel), one.1);
                let same = (Arc::clone(&publication.channel), circle);
                if self.pending[core].last().is_some_and(|last| of(last) != same) {
                    self.deliver(core);
                }
                self.pending[core].push((publication, circle));
            }
            Some(Effect::Tell(who, Answer::Story { kept, .. })) => {
                self.deliver(core);
                let who = (core, who);
                self.waiting.remove(&who);
                if self.joined.contains_key(&who) {
                    self.got.entry(who).or_default().extend(kept.iter().map(|one| one.id));
                }
            }
            Some(Effect::Tell(..) | Effect::Miss(_)) | None => {}
        }
    }

    /// What came together goes to all of its circle who still are there.
    fn deliver(&mut self, core: usize) {
        let pending = std::mem::take(&mut self.pending[core]);
        let Some((first, circle)) = pending.first() else { return };
        for who in self.hubs[core].circle(&first.channel, *circle) {
            let who = (core, *who);
            assert!(self.joined.contains_key(&who), "nothing comes to one who has left");
            if !self.waiting.contains(&who) {
                let ids = pending.iter().map(|(publication, _)| publication.id);
                self.got.entry(who).or_default().extend(ids);
            }
        }
    }

    fn read(&mut self, from: usize, to: usize) {
        if let Some(letter) = self.post[from][to].pop_front() {
            self.take(to, letter);
        }
    }

    fn settle(&mut self) {
        let cores = self.hubs.len();
        for _ in 0..4 {
            for (from, to) in (0..cores).flat_map(|from| (0..cores).map(move |to| (from, to))) {
                self.send(from);
                while !self.post[from][to].is_empty() {
                    self.read(from, to);
                }
            }
            (0..cores).for_each(|core| self.deliver(core));
        }
    }
}

#[test]
fn everybody_gets_the_same_in_the_same_order_whatever_the_post_does() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let mut world = World::new(3);
        let names = ["a", "b", "c"];
        for _ in 0..300 {
            let mut below = |n: usize| (rng.number() % n as u64) as usize;
            let (core, other, name) = (below(3), below(3), names[below(3)]);
            match below(8) {
                0 => {
                    let who = key(&mut world.slabs[core]);
                    assert_eq!(world.hubs[core].join(&name.into(), who, 100), Ok(name.into()));
                    world.joined.insert((core, who), name);
                    if below(2) == 0 {
                        world.hubs[core].ask(name.into(), who, Some(0));
                        world.waiting.insert((core, who));
                    }
                }
                1 => {
                    let mut all: Vec<_> = world.joined.keys().copied().collect();
                    all.sort_by_key(|(core, who)| (*core, who.to_u64()));
                    if let Some(who) = all.get(below(all.len().max(1))).copied() {
                        world.joined.remove(&who);
                        world.hubs[who.0].leave(who.1);
                    }
                }
                2 => world.hubs[core].publish(saying(name), None),
                3 => world.send(core),
                4 => world.deliver(core),
                _ => world.read(core, other),
            }
        }
        world.settle();
        // All have heard of all by now: what is published reaches everybody, once.
        for core in 0..3 {
            world.hubs[core].publish(saying("a"), None);
        }
        world.settle();
        let mut order: HashMap<&str, Vec<u64>> = HashMap::new();
        for (who, name) in &world.joined {
            let got = world.got.get(who).cloned().unwrap_or_default();
            assert!(got.is_sorted_by(|one, next| one < next), "seed {seed}: {got:?}");
            assert!(*name != "a" || got.len() >= 3, "seed {seed}: {got:?}");
            let known = order.entry(name).or_default();
            known.extend(&got);
            known.sort_unstable();
            known.dedup();
        }
        // Nobody misses what came between the first and the last that it got.
        for (who, name) in &world.joined {
            let got = world.got.get(who).cloned().unwrap_or_default();
            let (Some(first), Some(last)) = (got.first(), got.last()) else { continue };
            let known: Vec<u64> =
                order[name].iter().copied().filter(|id| first <= id && id <= last).collect();
            assert_eq!(got, known, "seed {seed}");
        }
        for (core, who) in std::mem::take(&mut world.joined).into_keys() {
            world.hubs[core].leave(who);
        }
        world.settle();
        assert!(world.hubs.iter().all(|hub| hub.members.is_empty() && hub.out.is_empty()));
        for hub in &mut world.hubs {
            hub.keep_at_most(0);
            assert!(hub.homes.is_empty(), "seed {seed}");
        }
    }
}
