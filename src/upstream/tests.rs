//! Turns, marks and last resorts.

mod choices;
mod reloads;

use proptest::prelude::*;

use super::*;
use crate::base::{Address, Millis, Rng};
use crate::config::Protocol;

fn group(weights: &[u16], identities: &mut Identities) -> Group {
    let addresses: Vec<Address> = (0..weights.len())
        .map(|port| Address::Name { host: "app".into(), port: port as u16 })
        .collect();
    let mut group = Group::new("app", Protocol::Http, &addresses, identities);
    for (server, &weight) in group.servers.iter_mut().zip(weights) {
        server.weight = weight;
    }
    group
}

fn turns(state: &mut State, group: &Group, now: Millis, count: usize) -> Vec<u16> {
    let place = |_| pick(state, group, now, &Tried::new()).expect("a server");
    (0..count).map(place).collect()
}

/// A request that has been there.
fn seeker(tried: &Tried) -> Seeker<'_> {
    Seeker { tried, avoid: None, key: None, waited: false }
}

/// The place of a server whose seat is given back at once.
fn pick(state: &mut State, group: &Group, now: Millis, tried: &Tried) -> Option<u16> {
    match state.pick(group, &seeker(tried), &mut Rng::new(now.get()), now) {
        Pick::Server(place, _) => Some(place),
        Pick::Full | Pick::Nowhere => None,
    }
}

#[test]
fn each_server_has_its_turn() {
    let group = group(&[1, 1, 1], &mut Identities::default());
    assert_eq!(turns(&mut State::new(0), &group, Millis(0), 7), [0, 1, 2, 0, 1, 2, 0]);
    assert_eq!(turns(&mut State::new(1), &group, Millis(0), 4), [1, 2, 0, 1]);
    assert_eq!(turns(&mut State::new(5), &group, Millis(0), 4), [2, 0, 1, 2]);
}

#[test]
fn heavier_servers_have_more_turns_but_not_in_a_row() {
    let group = group(&[5, 1, 1], &mut Identities::default());
    assert_eq!(turns(&mut State::new(0), &group, Millis(0), 7), [0, 0, 1, 0, 2, 0, 0]);
}

#[test]
fn a_group_without_servers_has_none_to_give() {
    let group = group(&[], &mut Identities::default());
    assert_eq!(pick(&mut State::new(3), &group, Millis(0), &Tried::new()), None);
}

#[test]
fn a_failed_server_is_left_alone_and_comes_back_soon() {
    let group = group(&[1, 1, 1], &mut Identities::default());
    let mut state = State::new(0);
    let failed = &group.servers[1];
    state.report(failed, Outcome::Failed, Millis(0));
    assert!(state.is_marked(failed, Millis(999)));
    assert!(!turns(&mut state, &group, Millis(999), 30).contains(&1));
    // One request is sent to see; until its result is known the others stay away.
    let seen = turns(&mut state, &group, Millis(1000), 30);
    assert_eq!(seen.iter().filter(|&&place| place == 1).count(), 1);
    state.report(failed, Outcome::Connected, Millis(1001));
    let shares = turns(&mut state, &group, Millis(1001), 30);
    assert_eq!(shares.iter().filter(|&&place| place == 1).count(), 10);
}

#[test]
fn a_single_server_is_always_tried() {
    let group = group(&[1], &mut Identities::default());
    let mut state = State::new(0);
    for turn in 0..100 {
        assert_eq!(pick(&mut state, &group, Millis(turn), &Tried::new()), Some(0));
        state.report(&group.servers[0], Outcome::Failed, Millis(turn));
    }
}

#[test]
fn a_request_goes_everywhere_once_good_servers_first() {
    let group = group(&[1, 1, 1], &mut Identities::default());
    let mut state = State::new(0);
    state.report(&group.servers[0], Outcome::Failed, Millis(0));
    let mut tried = Tried::new();
    let mut order = Vec::new();
    while let Some(place) = pick(&mut state, &group, Millis(1), &tried) {
        tried.add(place);
        order.push(place);
    }
    assert_eq!(order, [1, 2, 0]);
}

#[test]
fn one_request_tries_a_few_servers_of_a_large_group() {
    let group = group(&[1; 40], &mut Identities::default());
    let mut state = State::new(0);
    let mut tried = Tried::new();
    while let Some(place) = pick(&mut state, &group, Millis(1), &tried) {
        tried.add(place);
    }
    assert_eq!(tried.len(), Tried::MAX);
}

#[test]
fn marks_outlive_a_reload_and_follow_the_address() {
    let mut identities = Identities::default();
    let before = group(&[1, 1], &mut identities);
    let mut state = State::new(0);
    turns(&mut state, &before, Millis(0), 3);
    state.report(&before.servers[1], Outcome::Failed, Millis(0));
    // The same server, now first of three and in another group.
    let mut after = group(&[1, 1, 1], &mut identities);
    after.servers.swap(0, 1);
    assert_eq!(after.id, before.id);
    assert_eq!(turns(&mut state, &after, Millis(1), 4), [1, 2, 1, 2]);
    let other = Group::new("other", Protocol::Http, [&before.servers[1].address], &mut identities);
    assert!(state.is_marked(&other.servers[0], Millis(1)));
    assert_ne!(other.id, before.id);
    let uwsgi = Group::new("u", Protocol::Uwsgi, [&before.servers[1].address], &mut identities);
    assert!(!state.is_marked(&uwsgi.servers[0], Millis(1)));
}

proptest! {
    #[test]
    fn shares_are_exact_after_every_full_round(
        weights in prop::collection::vec(1u16..9, 1..8),
        offset in 0usize..20,
        rounds in 1usize..4,
    ) {
        let group = group(&weights, &mut Identities::default());
        let mut state = State::new(offset);
        let total: usize = weights.iter().copied().map(usize::from).sum();
        let places = turns(&mut state, &group, Millis(0), total * rounds);
        for (place, weight) in (0..).zip(&weights) {
            let share = places.iter().filter(|&&found| found == place).count();
            prop_assert!(share.abs_diff(usize::from(*weight) * rounds) <= 1, "{:?}", places);
        }
    }

    #[test]
    fn a_marked_server_is_picked_only_when_nothing_else_is_left(
        servers in 1usize..6,
        steps in prop::collection::vec((0u8..4, 0u16..6, 0u64..3000), 1..60),
    ) {
        let group = group(&vec![1; servers], &mut Identities::default());
        let (mut state, mut now, mut tried) = (State::new(0), Millis(0), Tried::new());
        for (step, place, later) in steps {
            let server = &group.servers[usize::from(place) % servers];
            match step {
                0 => state.report(server, Outcome::Failed, now),
                1 => state.report(server, Outcome::Connected, now),
                2 => { now = Millis(now.get() + later); tried = Tried::new(); }
                _ => {
                    let untried: Vec<u16> = (0..servers as u16).filter(|place| !tried.contains(*place)).collect();
                    let marked = |place: u16| state.is_marked(&group.servers[usize::from(place)], now);
                    let good: Vec<u16> = untried.iter().copied().filter(|&place| !marked(place)).collect();
                    let picked = pick(&mut state, &group, now, &tried);
                    match picked {
                        Some(place) if good.is_empty() => prop_assert!(untried.contains(&place)),
                        Some(place) => prop_assert!(good.contains(&place)),
                        None => prop_assert!(untried.is_empty()),
                    }
                    picked.into_iter().for_each(|place| tried.add(place));
                }
            }
        }
    }

    #[test]
    fn a_server_that_is_back_is_asked_within_ten_seconds(failures in prop::collection::vec(0u64..20_000, 1..40)) {
        let group = group(&[1, 1], &mut Identities::default());
        let mut state = State::new(0);
        let mut now = Millis(0);
        for later in failures {
            now = Millis(now.get() + later);
            pick(&mut state, &group, now, &Tried::new());
            state.report(&group.servers[0], Outcome::Failed, now);
        }
        let back = Millis(now.get() + 10_000);
        prop_assert!(turns(&mut state, &group, back, 3).contains(&0));
    }
}
