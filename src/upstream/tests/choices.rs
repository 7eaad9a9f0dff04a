//! Seats, backups and the ways to choose.

use super::*;
use crate::config::{Balance, Surroundings, parse};

/// A group as a file describes it, asked for at seven ports.
fn read(section: &str, identities: &mut Identities) -> Group {
    let text = format!("[tidegate]\nhttp = :1\ndefault = http:app\n[upstream:app]\n{section}\n");
    let (config, problems) = parse(text.as_bytes(), "g", &Surroundings::none());
    assert_eq!(problems, []);
    Group::of(&config.upstreams[0], identities)
}

fn servers(options: &[&str], balance: &str) -> Group {
    let lines = options.iter().zip(1..).map(|(option, port)| format!("server = a:{port} {option}"));
    let lines: Vec<String> = lines.chain([format!("balance = {balance}")]).collect();
    read(&lines.join("\n"), &mut Identities::default())
}

/// Picks that keep their seats, until there is none or `count` have one.
fn seated(state: &mut State, group: &Group, count: usize) -> Vec<(u16, Seat)> {
    let mut rng = Rng::new(7);
    let tried = Tried::new();
    let seeker = seeker(&tried);
    let pick = |_| match state.pick(group, &seeker, &mut rng, Millis(0)) {
        Pick::Server(place, seat) => Some((place, seat)),
        Pick::Full => None,
        Pick::Nowhere => panic!("nowhere"),
    };
    (0..count).map_while(pick).collect()
}

fn shares(seated: &[(u16, Seat)], servers: usize) -> Vec<usize> {
    let of = |place| seated.iter().filter(|(found, _)| usize::from(*found) == place).count();
    (0..servers).map(of).collect()
}

fn by_key(state: &mut State, group: &Group, key: u64) -> u16 {
    let tried = Tried::new();
    let seeker = Seeker { key: Some(key), ..seeker(&tried) };
    match state.pick(group, &seeker, &mut Rng::new(0), Millis(0)) {
        Pick::Server(place, _) => place,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_one_with_the_fewest_sessions_is_next() {
    let group = servers(&["", "", ""], "least");
    let mut state = State::new(0);
    let mut all = seated(&mut state, &group, 30);
    assert_eq!(shares(&all, 3), [10, 10, 10]);
    // Of one server eight end: the next eight go there.
    let mut stay = 2;
    all.retain(|(place, _)| {
        let stays = *place != 1 || stay > 0;
        stay -= usize::from(*place == 1 && stays);
        stays
    });
    assert_eq!(shares(&all, 3), [10, 2, 10]);
    let next = seated(&mut state, &group, 8);
    assert_eq!(shares(&next, 3), [0, 8, 0]);
}

#[test]
fn sessions_of_other_workers_count() {
    let group = servers(&["", ""], "least");
    let theirs = seated(&mut State::new(0), &group, 10);
    (0..4).for_each(|_| group.servers[0].seats.sit());
    let mine = seated(&mut State::new(1), &group, 4);
    assert_eq!((shares(&mine, 2), shares(&theirs, 2)), (vec![0, 4], vec![5, 5]));
    drop((mine, theirs));
    (0..4).for_each(|_| group.servers[0].seats.rise());
    assert!(group.servers.iter().all(|server| server.seats.taken() == 0));
}

#[test]
fn weights_are_heeded_in_every_way() {
    for (balance, slack) in [("round-robin", 0), ("least", 1), ("random-2", 60)] {
        let group = servers(&["weight=3", "", "weight=2"], balance);
        let shares = shares(&seated(&mut State::new(0), &group, 600), 3);
        for (share, wanted) in shares.iter().zip([300usize, 100, 200]) {
            assert!(share.abs_diff(wanted) <= slack, "{balance} {shares:?}");
        }
    }
}

#[test]
fn of_two_that_chance_picks_the_better_is_taken() {
    let group = servers(&["", ""], "random-2");
    (0..100).for_each(|_| group.servers[0].seats.sit());
    assert_eq!(shares(&seated(&mut State::new(0), &group, 100), 2), [0, 100]);
}

#[test]
fn a_key_always_leads_to_the_same_server() {
    let group = servers(&["", "weight=2", ""], "hash:${REMOTE_ADDR}");
    assert!(matches!(group.balance, Balance::Hash(_)));
    let places = |group: &Group, offset| -> Vec<u16> {
        let mut state = State::new(offset);
        (0..4000u64).map(|n| by_key(&mut state, group, hash(&n.to_be_bytes()))).collect()
    };
    let all = places(&group, 0);
    assert_eq!(all, places(&group, 1), "in every worker");
    let again = servers(&["", "weight=2", ""], "hash:${REMOTE_ADDR}");
    assert_eq!(all, places(&again, 0), "in every process");
    let share = |wanted| all.iter().filter(|place| **place == wanted).count();
    for (place, wanted) in [(0, 1000usize), (1, 2000), (2, 1000)] {
        assert!(share(place).abs_diff(wanted) < 150, "{place}: {}", share(place));
    }
}

#[test]
fn a_server_that_leaves_moves_its_own_share_only() {
    let group = servers(&["", "", "", ""], "hash:${REMOTE_ADDR}");
    let (mut state, now) = (State::new(0), Millis(0));
    let keys = || (0..2000u64).map(|n| hash(&n.to_be_bytes()));
    let before: Vec<u16> = keys().map(|key| by_key(&mut state, &group, key)).collect();
    state.report(&group.servers[2], Outcome::Failed, now);
    let mut moved = [0; 4];
    for (key, place) in keys().zip(&before) {
        let after = by_key(&mut state, &group, key);
        assert!(after == *place || *place == 2 && after != 2);
        moved[usize::from(after)] += usize::from(after != *place);
    }
    assert!(moved.iter().enumerate().all(|(place, n)| place == 2 || *n > 100), "{moved:?}");
    state.report(&group.servers[2], Outcome::Connected, now);
    assert_eq!(keys().map(|key| by_key(&mut state, &group, key)).collect::<Vec<_>>(), before);
}

#[test]
fn who_says_nothing_of_what_decides_goes_in_turn() {
    let group = servers(&["", "", ""], "hash:${cookie[sid]}");
    assert_eq!(shares(&seated(&mut State::new(0), &group, 9), 3), [3, 3, 3]);
}

#[test]
fn a_full_server_gets_nothing_until_a_seat_is_given_back() {
    for balance in ["round-robin", "least", "random-2"] {
        let group = servers(&["max=2", "max=3"], balance);
        let mut state = State::new(0);
        let mut all = seated(&mut state, &group, 10);
        assert_eq!(shares(&all, 2), [2, 3], "{balance}");
        all.pop();
        assert_eq!(seated(&mut state, &group, 10).len(), 1);
    }
    let single = servers(&["max=1"], "round-robin");
    let one = seated(&mut State::new(0), &single, 5);
    assert_eq!((one.len(), single.servers[0].seats.taken()), (1, 1));
}

#[test]
fn what_was_asked_for_goes_elsewhere_while_its_server_is_full() {
    let group = servers(&["max=1", "max=1"], "hash:${REMOTE_ADDR}");
    let mut state = State::new(0);
    let first = by_key(&mut state, &group, 5);
    group.servers[usize::from(first)].seats.sit();
    assert_eq!(by_key(&mut state, &group, 5), 1 - first);
}

#[test]
fn backups_are_for_when_no_other_is_usable() {
    let group = servers(&["", "backup", "backup", ""], "round-robin");
    let (mut state, now) = (State::new(0), Millis(1));
    let all = &group.servers;
    let seen = |state: &mut State| {
        let mut seen = turns(state, &group, now, 12);
        seen.sort_unstable();
        seen.dedup();
        seen
    };
    assert_eq!(seen(&mut state), [0, 3]);
    state.report(&all[0], Outcome::Failed, now);
    assert_eq!(seen(&mut state), [3]);
    state.report(&all[3], Outcome::Failed, now);
    assert_eq!(seen(&mut state), [1, 2]);
    state.report(&all[1], Outcome::Failed, now);
    state.report(&all[2], Outcome::Failed, now);
    assert_eq!(seen(&mut state), [0, 3], "all are marked: those that are there for it come first");
    state.report(&all[3], Outcome::Connected, now);
    assert_eq!(seen(&mut state), [3]);
    // A full server is as good as none.
    let group = servers(&["max=1", "backup"], "round-robin");
    assert_eq!(shares(&seated(&mut State::new(0), &group, 4), 2), [1, 3]);
}

#[test]
fn one_request_tries_no_more_often_than_it_may() {
    for (retries, attempts) in [("retries = off", 1), ("retries = 2", 3), ("", 7)] {
        let lines: Vec<String> = (1..20).map(|port| format!("server = a:{port}")).collect();
        let section = format!("{}\n{retries}", lines.join("\n"));
        let group = read(&section, &mut Identities::default());
        let (mut state, mut tried) = (State::new(0), Tried::new());
        while let Some(place) = pick(&mut state, &group, Millis(0), &tried) {
            tried.add(place);
        }
        assert_eq!(tried.len(), attempts, "{retries}");
        assert_eq!(state.try_again(&group, Millis(0)), attempts > 1);
    }
}

#[test]
fn whoever_comes_stands_behind_those_who_wait() {
    let group = read("server = a:1 max=2\nserver = a:2\nqueue = 5", &mut Identities::default());
    let queued = group.line.as_ref().expect("a line").join(group.queue);
    let mut state = State::new(0);
    let mut pick = |waited| {
        let tried = Tried::new();
        let seeker = Seeker { waited, ..seeker(&tried) };
        state.pick(&group, &seeker, &mut Rng::new(0), Millis(0))
    };
    assert!(matches!(pick(false), Pick::Full) && matches!(pick(true), Pick::Server(..)));
    drop(queued);
    assert!(matches!(pick(false), Pick::Server(..)));
}

#[test]
fn who_may_wait_for_a_good_server_does_not_try_a_marked_one() {
    for (queue, found) in [("queue = 1", None), ("", Some(1))] {
        let section = format!("server = a:1 max=1\nserver = a:2\n{queue}");
        let group = read(&section, &mut Identities::default());
        let mut state = State::new(0);
        state.report(&group.servers[1], Outcome::Failed, Millis(0));
        group.servers[0].seats.sit();
        assert_eq!(pick(&mut state, &group, Millis(0), &Tried::new()), found);
    }
}

#[test]
fn a_server_that_closed_a_connection_is_asked_again_only_when_no_other_is_good() {
    let group = servers(&["", ""], "round-robin");
    let mut state = State::new(0);
    let mut tried = Tried::new();
    let places = |state: &mut State, tried: &Tried| -> Vec<Option<u16>> {
        let seeker = Seeker { avoid: Some(0), ..seeker(tried) };
        let mut pick = || match state.pick(&group, &seeker, &mut Rng::new(0), Millis(0)) {
            Pick::Server(place, _) => Some(place),
            Pick::Full | Pick::Nowhere => None,
        };
        (0..4).map(|_| pick()).collect()
    };
    assert_eq!(places(&mut state, &tried), [Some(1); 4]);
    tried.add(1);
    assert_eq!(places(&mut state, &tried), [Some(0); 4]);
}

#[test]
fn a_check_that_passes_lifts_marks_and_one_that_fails_keeps_requests_away() {
    let group =
        read("server = a:1\nserver = a:2\nhealth = tcp fall 1 rise 1", &mut Identities::default());
    let (check, mut state) = (group.check.as_ref().expect("a check"), State::new(0));
    let [one, two] = group.servers.as_slice() else { panic!("two servers") };
    let seen = |state: &mut State, now| turns(state, &group, Millis(now), 10);
    state.report(one, Outcome::Failed, Millis(100));
    assert!(state.is_marked(one, Millis(500)) && one.health.is_marked(Millis(500)));
    one.health.note(Ok(()), check, Millis(600));
    assert!(!state.is_marked(one, Millis(601)) && seen(&mut state, 601).contains(&0));
    state.report(one, Outcome::Failed, Millis(700));
    assert!(state.is_marked(one, Millis(701)), "a mark that is newer than the check holds");
    one.health.note(Err(Ill::Silent), check, Millis(800));
    two.health.note(Err(Ill::Silent), check, Millis(800));
    assert_eq!(pick(&mut state, &group, Millis(800), &Tried::new()), None, "all are down");
    two.health.note(Ok(()), check, Millis(900));
    assert_eq!(seen(&mut state, 900), [1; 10]);
}

#[test]
fn servers_that_are_back_weigh_less_in_every_way() {
    for balance in ["round-robin", "least", "random-2"] {
        let section = format!("server = a:1\nserver = a:2\nslow-start = 10s\nbalance = {balance}");
        let group = read(&section, &mut Identities::default());
        let mut state = State::new(0);
        let [one, _] = group.servers.as_slice() else { panic!("two servers") };
        assert_eq!(shares(&seated(&mut state, &group, 20), 2), [10, 10], "{balance}");
        state.report(one, Outcome::Failed, Millis(0));
        state.report(one, Outcome::Connected, Millis(1));
        let shares = shares(&seated(&mut state, &group, 110), 2);
        assert!((5..=15).contains(&shares[0]), "{balance}: {shares:?}");
    }
}
