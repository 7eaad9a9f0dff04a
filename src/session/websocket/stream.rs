//! The short way of most messages through a tracked tunnel: while nothing is due and both ends are
//! open, a look at each header is all that data frames need.

use crate::base::Millis;
use crate::buf::{Pool, Rx};
use crate::proto::ws::Sender;

use super::super::cx::Cx;
use super::super::port::{Port, Side};
use super::super::settings::WebSocketRules;
use super::track::{Track, Watch, pair};

impl Track {
    /// Hands on all that came, adds to `bytes` what it was from each side, and returns whether that
    /// is all there is to do. If not, [`Track::advance`] goes on where this stopped.
    #[inline]
    pub(in super::super) fn stream(
        &mut self,
        ports: &mut [Port; 2],
        bytes: &mut [u64; 2],
        active: &mut Millis,
        rules: &WebSocketRules,
        cx: &mut Cx<'_>,
    ) -> bool {
        let open = |port: &Port| port.rx_end.is_none() && !port.tx_broken;
        if cx.now >= self.calm || !open(&ports[0]) || !open(&ports[1]) {
            return false;
        }
        let before = *bytes;
        let all = (ports[0].rx.is_empty() || self.flow(Side::Client, ports, bytes, rules, cx.pool))
            && (ports[1].rx.is_empty() || self.flow(Side::Upstream, ports, bytes, rules, cx.pool));
        if *bytes != before {
            *active = cx.now;
        }
        all
    }

    /// Whether bytes that came of `side` are one short message, where both ends are open and nothing waits, and nothing is
    /// due: then all of them may go over as they are. If not, nothing has happened. Rules have nothing to say of it: no
    /// limit is as low ([`WebSocketRules::max_message`]).
    #[inline(always)]
    pub(in super::super) fn passes_lone(&mut self, side: Side, bytes: &[u8], now: Millis) -> bool {
        let [client, upstream] = &mut self.watch;
        // Knowing its side makes it shorter.
        now < self.calm
            && match side {
                Side::Client => client.tracker.lone(bytes, Sender::Client, &mut client.tally),
                Side::Upstream => upstream.tracker.lone(bytes, Sender::Server, &mut upstream.tally),
            }
    }

    /// The same of what is not one short message.
    #[inline(never)]
    pub(in super::super) fn passes(
        &mut self,
        side: Side,
        bytes: &[u8],
        rules: &WebSocketRules,
        now: Millis,
    ) -> bool {
        let frames = self.frames(side, rules);
        let Watch { tracker, tally } = &mut self.watch[side as usize];
        now < self.calm && tracker.stream_all(bytes, &frames, tally)
    }

    /// How many of the bytes that come next of `side` may go over unseen; see [`Client::reach`](super::super::Client::reach).
    /// No byte where a frame of a message of many begins: their order has to be seen.
    pub(in super::super) fn reach(
        &self,
        side: Side,
        next: &[u8],
        rules: &WebSocketRules,
        now: Millis,
    ) -> Option<u64> {
        if now >= self.calm {
            return Some(0);
        }
        let tracker = &self.watch[side as usize].tracker;
        let reach = tracker.reach(next, &self.frames(side, rules));
        Some(reach).filter(|reach| *reach > 0 || !tracker.at_message())
    }

    /// So many of them went over.
    pub(in super::super) fn pass_unseen(
        &mut self,
        side: Side,
        next: &[u8],
        n: u64,
        rules: &WebSocketRules,
    ) {
        let frames = self.frames(side, rules);
        let Watch { tracker, tally } = &mut self.watch[side as usize];
        tracker.go_over(next, n, &frames, tally);
    }

    /// One direction of it, in which something came. False, with nothing or some of it handed on,
    /// where more is needed.
    // Knowing its side makes it much shorter.
    #[inline(always)]
    fn flow(
        &mut self,
        side: Side,
        ports: &mut [Port; 2],
        bytes: &mut [u64; 2],
        rules: &WebSocketRules,
        pool: &Pool,
    ) -> bool {
        let (from, to) = pair(ports, side);
        if !to.tx.is_empty() {
            return false;
        }
        let frames = self.frames(side, rules);
        let watch = &mut self.watch[side as usize];
        let first = from.rx.bytes();
        let passed = watch.tracker.stream(first, &frames, &mut watch.tally);
        if passed == first.len() && !from.rx.is_split() {
            bytes[side as usize] += passed as u64;
            to.tx.take_over(&mut from.rx);
            return true;
        }
        self.flow_on(side, passed, ports, bytes, rules, pool)
    }

    /// The same from behind the first `passed` bytes on, where these are not all.
    fn flow_on(
        &mut self,
        side: Side,
        mut passed: usize,
        ports: &mut [Port; 2],
        bytes: &mut [u64; 2],
        rules: &WebSocketRules,
        pool: &Pool,
    ) -> bool {
        let (from, to) = pair(ports, side);
        let len = from.rx.len();
        if passed == from.rx.bytes().len() {
            passed += self.rest(side, &from.rx, len - passed, rules);
        }
        bytes[side as usize] += passed as u64;
        if passed == len {
            to.tx.take_over(&mut from.rx);
            return true;
        }
        while passed > 0
            && let Some(segment) = from.rx.take(passed as u64, pool)
        {
            passed -= segment.len();
            to.tx.push(segment, pool);
        }
        false
    }

    /// How much passes of the `len` bytes behind the first piece.
    fn rest(&mut self, side: Side, rx: &Rx, len: usize, rules: &WebSocketRules) -> usize {
        let frames = self.frames(side, rules);
        let watch = &mut self.watch[side as usize];
        if watch.tracker.left() >= len as u64 {
            watch.tracker.pass(len as u64);
            return len;
        }
        let mut passed = 0;
        for segment in rx.iter().skip(1) {
            let piece = segment.bytes();
            let n = watch.tracker.stream(piece, &frames, &mut watch.tally);
            passed += n;
            if n < piece.len() {
                break;
            }
        }
        passed
    }
}
