//! The resolver: at start, again, failing, and forgotten.

use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::super::testing::PATIENCE;
use super::*;

const SHORT: Duration = Duration::from_millis(5);

fn until(what: &str, enough: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !enough() {
        assert!(Instant::now() < end, "{what}: not in time");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_system_knows_localhost_and_not_nowhere() {
    let names = Names::start(Duration::from_secs(60)).unwrap();
    let local = names.add("localhost", 81);
    let nowhere = names.add("nowhere.invalid", 82);
    let missing = names.settle(PATIENCE);
    assert_eq!(missing.len(), 1);
    assert!(Arc::ptr_eq(&missing[0], &nowhere));
    assert!(nowhere.is_failing() && nowhere.address(0).is_none());
    assert_eq!((local.host(), local.port()), ("localhost", 81));
    let address = local.address(7).unwrap();
    assert!(address.ip().is_loopback() && address.port() == 81);
    assert!(local.addresses().contains(&address));
    assert!(Arc::ptr_eq(&local, &names.add("localhost", 81)));
    assert!(!Arc::ptr_eq(&local, &names.add("localhost", 83)));
}

#[test]
fn a_failure_keeps_what_was_known_and_success_replaces_it() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    static SEEN: AtomicBool = AtomicBool::new(false);
    let lookup: Lookup = |_, port| {
        let at = |last: u8| SocketAddr::from(([10, 0, 0, last], port));
        match (CALLS.fetch_add(1, Ordering::SeqCst), SEEN.load(Ordering::SeqCst)) {
            (0, _) => Ok(vec![at(1), at(2)]),
            (1..4, _) => Err(io::ErrorKind::TimedOut.into()),
            (_, false) => Ok(Vec::new()),
            (_, true) => Ok(vec![at(3)]),
        }
    };
    let names = Names::start_with(SHORT, lookup).unwrap();
    let cell = names.add("app", 80);
    assert!(names.settle(PATIENCE).is_empty());
    until("failing", || cell.is_failing());
    let ports: Vec<_> = (0..3).map(|turn| cell.address(turn).unwrap().to_string()).collect();
    assert_eq!(ports, ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.1:80"]);
    SEEN.store(true, Ordering::SeqCst);
    until("replaced", || cell.address(0).unwrap().to_string() == "10.0.0.3:80");
    assert!(!cell.is_failing());
}

#[test]
fn a_name_nobody_has_is_not_looked_up() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let lookup: Lookup = |_, _| {
        CALLS.fetch_add(1, Ordering::SeqCst);
        Ok(Vec::new())
    };
    let names = Names::start_with(SHORT, lookup).unwrap();
    let cell = names.add("app", 80);
    until("looked up twice", || CALLS.load(Ordering::SeqCst) >= 2);
    drop(cell);
    until("forgotten", || names.shared.state().names.is_empty());
}

#[test]
fn starting_waits_no_longer_than_it_was_told() {
    let slow: Lookup = |_, _| {
        thread::sleep(PATIENCE);
        Ok(Vec::new())
    };
    let names = Names::start_with(SHORT, slow).unwrap();
    let cell = names.add("app", 80);
    let start = Instant::now();
    let missing = names.settle(Duration::from_millis(20));
    assert!(start.elapsed() < PATIENCE);
    assert!(Arc::ptr_eq(&missing[0], &cell));
}

#[test]
fn a_name_in_doubt_is_looked_up_soon_and_what_changes_is_known() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let lookup: Lookup = |_, port| {
        let at = |last: u8| SocketAddr::from(([10, 0, 0, last], port));
        match CALLS.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(vec![at(1), at(2)]),
            1 => Ok(vec![at(2), at(1)]),
            _ => Ok(vec![at(2), at(3)]),
        }
    };
    let begun = Instant::now();
    let names = Names::start_with(Duration::from_secs(3600), lookup).unwrap();
    let cell = names.add("app", 80);
    assert!(names.settle(PATIENCE).is_empty());
    let has = |last: u8| cell.has(|| Some(SocketAddr::from(([10, 0, 0, last], 80))));
    assert!(has(1) && has(3), "before it moves nobody looks closely");
    let known = Clock::new().now();
    // Many doubts are one look-up, and no sooner than a second after the last.
    (0..100).for_each(|_| cell.doubt());
    until("looked up", || CALLS.load(Ordering::SeqCst) == 2);
    assert!(begun.elapsed() >= DOUBT);
    assert!(has(3) && !cell.has_changed_since(known), "another order is no other address");
    until("looked up again", || {
        cell.doubt();
        CALLS.load(Ordering::SeqCst) == 3
    });
    until("moved", || !has(1) && cell.has_changed_since(known));
    assert!(has(2) && has(3));
}
