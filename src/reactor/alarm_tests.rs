//! Alarms on a real poll: in time and not before, and set no more often than they must be.

use std::time::Instant;

use mio::{Events, Poll};

use super::super::testing::PATIENCE;
use super::*;
use crate::base::Clock;

const TOKEN: Token = Token(7);
const SOON: Duration = Duration::from_millis(30);
const LATE: Duration = Duration::from_secs(3600);

/// A poll with an alarm, and the time it goes by.
struct Sleeper {
    poll: Poll,
    alarm: Alarm,
    clock: Clock,
}

impl Sleeper {
    fn new() -> Sleeper {
        let poll = Poll::new().unwrap();
        let alarm = Alarm::new(poll.registry(), TOKEN).unwrap();
        Sleeper { poll, alarm, clock: Clock::new() }
    }

    /// Asks for a wait as long as this; what is left to the poll.
    fn ask(&mut self, wait: Duration) -> Option<Duration> {
        self.clock.tick();
        self.alarm.arm(self.clock.now(), Some(wait))
    }

    /// How long it slept until the alarm woke it, if that was within `most`.
    fn sleep(&mut self, most: Duration) -> Option<Duration> {
        let begun = Instant::now();
        let mut events = Events::with_capacity(8);
        self.poll.poll(&mut events, Some(most)).unwrap();
        for event in &events {
            assert_eq!(event.token(), TOKEN);
            self.alarm.rang();
        }
        (!events.is_empty()).then(|| begun.elapsed())
    }
}

#[test]
fn wakes_in_time_and_once_for_each_time_it_is_set() {
    let mut sleeper = Sleeper::new();
    assert_eq!(sleeper.sleep(SOON), None, "it was not set");
    for _ in 0..3 {
        let asked = Instant::now();
        assert_eq!(sleeper.ask(SOON), None);
        sleeper.sleep(PATIENCE).expect("it goes off");
        assert!(asked.elapsed() >= SOON);
        assert_eq!(sleeper.sleep(SOON), None, "it went off once");
    }
}

#[test]
fn is_not_set_anew_for_a_later_time() {
    let mut sleeper = Sleeper::new();
    assert_eq!(sleeper.ask(SOON), None);
    assert_eq!(sleeper.ask(LATE), None);
    sleeper.sleep(PATIENCE).expect("the first time holds");
    assert_eq!(sleeper.ask(LATE), None);
    assert_eq!(sleeper.sleep(2 * SOON), None, "then it is set for the later one");
}

#[test]
fn is_set_anew_for_an_earlier_time() {
    let mut sleeper = Sleeper::new();
    assert_eq!(sleeper.ask(LATE), None);
    assert_eq!(sleeper.ask(SOON), None);
    sleeper.sleep(PATIENCE).expect("the earlier time holds");
}

#[test]
fn one_that_went_off_unseen_is_set_anew() {
    let mut sleeper = Sleeper::new();
    assert_eq!(sleeper.ask(SOON), None);
    std::thread::sleep(2 * SOON);
    let asked = Instant::now();
    assert_eq!(sleeper.ask(SOON), None);
    sleeper.sleep(PATIENCE).expect("it goes off");
    assert!(asked.elapsed() >= SOON, "what it counted before is taken back");
}

#[test]
fn leaves_to_the_poll_what_is_none_of_its_own() {
    let mut sleeper = Sleeper::new();
    assert_eq!(sleeper.ask(Duration::ZERO), Some(Duration::ZERO));
    let now = sleeper.clock.now();
    assert_eq!(sleeper.alarm.arm(now, None), None);
    assert_eq!(sleeper.ask(Duration::MAX), Some(Duration::MAX), "no timer can be told of it");
}
