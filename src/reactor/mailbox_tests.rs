//! Mail across threads: nothing lost, nothing twice, in order, and no wake-up missed.

use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::super::testing::PATIENCE;
use super::*;

fn mailbox<T>(room: usize) -> (Poll, Sender<T>, Mailbox<T>) {
    let poll = Poll::new().unwrap();
    let waker = Arc::new(Waker::new(poll.registry(), Token(1)).unwrap());
    let (sender, mailbox) = Mailbox::new(room, waker);
    (poll, sender, mailbox)
}

fn wakes(poll: &mut Poll, timeout: Duration) -> usize {
    let mut events = Events::with_capacity(8);
    poll.poll(&mut events, Some(timeout)).unwrap();
    events.iter().count()
}

#[test]
fn a_batch_wakes_once_and_what_is_left_needs_no_wake() {
    let (mut poll, sender, mailbox) = mailbox(8);
    (0..5).for_each(|n| sender.send(n).unwrap());
    assert_eq!(wakes(&mut poll, PATIENCE), 1);
    let mut got = Vec::new();
    assert!(mailbox.drain(&mut got, 3));
    assert!(!mailbox.drain(&mut got, 3));
    assert_eq!(got, [0, 1, 2, 3, 4]);
    assert_eq!(wakes(&mut poll, Duration::ZERO), 0);
    sender.send(5).unwrap();
    assert_eq!(wakes(&mut poll, PATIENCE), 1);
}

#[test]
fn full_and_gone_give_the_item_back() {
    let (_poll, sender, mailbox) = mailbox(2);
    sender.send("a").unwrap();
    sender.send("b").unwrap();
    assert_eq!(sender.send("c"), Err(Refused::Full("c")));
    drop(mailbox);
    assert_eq!(sender.send("d"), Err(Refused::Gone("d")));
    assert_eq!(sender.send_waiting("e"), Err("e"));
    assert_eq!(Refused::Gone("f").into_inner(), "f");
}

#[test]
fn an_outbox_keeps_order_when_the_mailbox_is_full() {
    let (mut poll, sender, mailbox) = mailbox(2);
    let mut outbox = Outbox::new(sender, 3);
    assert_eq!(outbox.flush(), Ok(true));
    assert_eq!(wakes(&mut poll, Duration::ZERO), 0);
    (0..3).for_each(|n| outbox.push(n).unwrap());
    assert_eq!(outbox.push(3), Err(3));
    assert_eq!(outbox.flush(), Ok(false));
    assert_eq!((outbox.len(), outbox.is_empty()), (1, false));
    assert_eq!(wakes(&mut poll, PATIENCE), 1);
    outbox.push(3).unwrap();
    let mut got = Vec::new();
    mailbox.drain(&mut got, 10);
    assert_eq!(outbox.flush(), Ok(true));
    mailbox.drain(&mut got, 10);
    assert_eq!(got, [0, 1, 2, 3]);
    outbox.push(4).unwrap();
    outbox.push(5).unwrap();
    drop(mailbox);
    assert_eq!(outbox.flush().unwrap_err(), [4, 5]);
    assert!(outbox.is_empty());
}

/// Four threads send, one receives and sleeps in its poll whenever it has seen all there was.
#[test]
fn nothing_is_lost_between_threads_and_no_wake_is_missed() {
    const SENDERS: usize = 4;
    const EACH: usize = 20_000;
    let (mut poll, sender, mailbox) = mailbox(64);
    let threads: Vec<_> = (0..SENDERS)
        .map(|from| {
            let sender = sender.clone();
            thread::spawn(move || send_all(from, EACH, &sender))
        })
        .collect();
    let (mut next, mut got, mut total) = ([0; SENDERS], Vec::new(), 0);
    let end = Instant::now() + 6 * PATIENCE;
    let mut more = false;
    while total < SENDERS * EACH {
        assert!(Instant::now() < end, "{total} of {} came", SENDERS * EACH);
        // A missed wake-up shows as a poll that runs into its timeout with mail waiting.
        let woken = wakes(&mut poll, if more { Duration::ZERO } else { PATIENCE });
        assert!(more || woken > 0, "slept through mail at {total}");
        more = mailbox.drain(&mut got, 50);
        total += got.len();
        for (from, number) in got.drain(..) {
            assert_eq!(number, next[from]);
            next[from] += 1;
        }
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn send_all(from: usize, count: usize, sender: &Sender<(usize, usize)>) {
    for number in 0..count {
        if from.is_multiple_of(2) {
            sender.send_waiting((from, number)).unwrap();
            continue;
        }
        let mut item = (from, number);
        while let Err(refused) = sender.send(item) {
            item = refused.into_inner();
            thread::yield_now();
        }
    }
}
