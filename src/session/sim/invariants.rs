//! What holds after every turn, and at the end of every run.

use super::client::{Answer, Client};
use super::plan::Malice;
use super::router::{Router, Session};
use super::upstream::Book;
use crate::buf::{BLOCK, HIGH_WATER, RX_BLOCKS};
use crate::session::testing::{World, capacity};

/// What one push beyond the high-water mark may add: a segment, and the block of the prefix before it.
const SLACK: usize = 3 * BLOCK + (70 << 10);
/// The same in a tunnel: a message that came in pieces of 2 KiB, which each keep their block.
const MESSAGE: usize = 36 * BLOCK;

/// Checks one session and what it shares.
pub(super) fn after_a_turn(session: &mut Session, world: &World) {
    assert!(world.actions.is_empty());
    session.tunnelled |= session.machine.tunnel().is_some();
    let slack = if session.tunnelled { MESSAGE } else { SLACK };
    for port in &session.ports {
        let (rx, tx) = capacity(port);
        assert!(rx <= (RX_BLOCKS + 1) * BLOCK, "{rx} bytes received and not consumed");
        assert!(tx <= HIGH_WATER + slack, "{tx} bytes queued");
    }
}

/// Checks what is left when everybody has gone.
pub(super) fn at_the_end(router: &mut Router, clients: &[Client], book: &Book, drained: bool) {
    assert_eq!(router.world.pool.taken(), 0, "blocks are left");
    for wire in &router.wires {
        assert!(wire.router_is_gone(), "a connection is left");
    }
    let log = String::from_utf8(std::mem::take(&mut router.world.log)).expect("text");
    check_log(router, &log);
    for client in clients {
        check_answers(client, book, drained);
    }
}

/// One line for each exchange, two for each tunnel.
fn check_log(router: &Router, log: &str) {
    let counters = &router.world.counters;
    let unreadable = log.lines().filter(|line| line.contains("] \"-\" ")).count() as u64;
    let closes = log.lines().filter(|line| line.contains("\"CLOSE ")).count() as u64;
    let opens = log.lines().filter(|line| line.contains(" tunnel=")).count() as u64 - closes;
    assert_eq!(counters.tunnels_opened.get(), opens);
    assert_eq!(counters.tunnels_closed.get(), closes);
    assert_eq!(closes, opens);
    let lines = log.lines().count() as u64;
    assert_eq!(lines - unreadable - closes, counters.requests.get(), "lines and requests: {log}");
    let mut seen: Vec<u64> = log
        .lines()
        .filter(|line| !line.contains("\"CLOSE "))
        .filter_map(|line| super::router::id_in(line.as_bytes()))
        .collect();
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all, "two lines for one request: {log}");
    let ends: u64 = counters.close_reasons.iter().map(|counter| counter.get()).sum();
    // Each exchange but those that became tunnels, each tunnel, and each wait for a request that ended.
    let waits = router.sessions.len() as u64;
    assert!(ends >= lines - opens && ends <= lines - opens + waits, "{ends} ends: {log}");
}

/// Whoever did everything right, and met with nothing wrong, got everything.
fn check_answers(client: &Client, book: &Book, drained: bool) {
    for (ask, answer) in client.asks.iter().zip(&client.answers) {
        let twice = book.executed.get(&ask.id) == Some(&2) && ask.misdeed.is_none();
        let fine = (ask.is_clean() || twice && !ask.upgrade) && !book.tainted.contains(&ask.id);
        // On a connection that dies while it is idle a request may be lost; who is still sending when the
        // connection ends may lose what it was answered.
        let lost = book.mortal && !ask.is_replayable() || ask.reply.early && ask.body.len() > 0;
        let lost = lost || ask.upgrade && client.speaks_early();
        if fine && !lost && !client.is_rash() {
            let unasked = drained && *answer == Answer::Nothing;
            let whole = matches!(answer, Answer::Complete { ours: false } | Answer::Tunnelled);
            assert!(whole || unasked, "{answer:?} to {ask:?}");
        }
        let over = !matches!(answer, Answer::Complete { .. });
        let refused = ask.reply.malice == Some(Malice::RefuseBody);
        if over || refused || ask.misdeed.is_some() || client.ended_behind(ask.id) {
            return;
        }
    }
}
