//! What a worker counts: written by one thread, read by any.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many close reasons there is room for.
pub const CLOSE_REASONS: usize = 80;

/// One number. Only the worker that owns it may change it: `add` is a load and a store.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    const fn zero() -> Counter {
        Counter(AtomicU64::new(0))
    }

    /// Adds `count`.
    #[inline]
    pub fn add(&self, count: u64) {
        self.0.store(self.get().wrapping_add(count), Ordering::Relaxed);
    }

    /// Takes `count` off, of a number that is a present state.
    #[inline]
    pub fn sub(&self, count: u64) {
        self.0.store(self.get().wrapping_sub(count), Ordering::Relaxed);
    }

    /// Says what the number is now, of a number that is a present state.
    #[inline]
    pub fn set(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    /// The number.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// The counters of one worker, on cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
pub struct Counters {
    /// Client connections accepted.
    pub accepted: Counter,
    /// Client connections closed.
    pub closed: Counter,
    /// Client connections now.
    pub clients: Counter,
    /// Sessions now.
    pub sessions: Counter,
    /// Requests whose head was complete and valid.
    pub requests: Counter,
    /// Final responses by class: 1xx (only 101), 2xx, 3xx, 4xx, 5xx.
    pub responses: [Counter; 5],
    /// Bytes read from clients.
    pub client_in: Counter,
    /// Bytes written to clients.
    pub client_out: Counter,
    /// Bytes read from upstreams.
    pub upstream_in: Counter,
    /// Bytes written to upstreams.
    pub upstream_out: Counter,
    /// Upstream connections begun.
    pub dials: Counter,
    /// Requests sent on an upstream connection that was idle.
    pub reuses: Counter,
    /// Upstream connections that failed, while dialling or later.
    pub upstream_failures: Counter,
    /// Requests sent a second time.
    pub retries: Counter,
    /// Upstream connections now, idle ones included.
    pub upstreams: Counter,
    /// Tunnels opened.
    pub tunnels_opened: Counter,
    /// Tunnels closed.
    pub tunnels_closed: Counter,
    /// Bytes of heads that were copied.
    pub copied_head: Counter,
    /// Bytes of payload that were copied; 0 as long as everybody reads.
    pub copied_payload: Counter,
    /// Times accepting stopped for want of descriptors or memory.
    pub accept_pauses: Counter,
    /// Messages published in channels.
    pub published: Counter,
    /// Messages that went to those who have joined, each counted.
    pub delivered: Counter,
    /// Messages of channels that somebody did not get.
    pub channel_dropped: Counter,
    /// What apps said about channels and meant nothing.
    pub channel_commands_refused: Counter,
    /// Lines of the access log that were lost.
    pub log_lost: Counter,
    /// Sessions ended, by number of close reason.
    pub close_reasons: [Counter; CLOSE_REASONS],
}

impl Default for Counters {
    fn default() -> Self {
        Counters::new()
    }
}

impl Counters {
    /// All at 0.
    pub const fn new() -> Counters {
        Counters {
            accepted: Counter::zero(),
            closed: Counter::zero(),
            clients: Counter::zero(),
            sessions: Counter::zero(),
            requests: Counter::zero(),
            responses: [const { Counter::zero() }; 5],
            client_in: Counter::zero(),
            client_out: Counter::zero(),
            upstream_in: Counter::zero(),
            upstream_out: Counter::zero(),
            dials: Counter::zero(),
            reuses: Counter::zero(),
            upstream_failures: Counter::zero(),
            retries: Counter::zero(),
            upstreams: Counter::zero(),
            tunnels_opened: Counter::zero(),
            tunnels_closed: Counter::zero(),
            copied_head: Counter::zero(),
            copied_payload: Counter::zero(),
            accept_pauses: Counter::zero(),
            published: Counter::zero(),
            delivered: Counter::zero(),
            channel_dropped: Counter::zero(),
            channel_commands_refused: Counter::zero(),
            log_lost: Counter::zero(),
            close_reasons: [const { Counter::zero() }; CLOSE_REASONS],
        }
    }

    /// Every number but the close reasons, by its name, in the order of a connection's life.
    pub fn named(&self) -> [(&'static str, u64); 29] {
        // Taken apart without a rest, so that no number is forgotten.
        let Counters {
            accepted,
            closed,
            clients,
            sessions,
            requests,
            responses,
            client_in,
            client_out,
            upstream_in,
            upstream_out,
            dials,
            reuses,
            upstream_failures,
            retries,
            upstreams,
            tunnels_opened,
            tunnels_closed,
            copied_head,
            copied_payload,
            accept_pauses,
            published,
            delivered,
            channel_dropped,
            channel_commands_refused,
            log_lost,
            close_reasons: _,
        } = self;
        let [responses_1xx, responses_2xx, responses_3xx, responses_4xx, responses_5xx] = responses;
        [
            ("accepted", accepted),
            ("closed", closed),
            ("clients", clients),
            ("sessions", sessions),
            ("accept_pauses", accept_pauses),
            ("requests", requests),
            ("responses_1xx", responses_1xx),
            ("responses_2xx", responses_2xx),
            ("responses_3xx", responses_3xx),
            ("responses_4xx", responses_4xx),
            ("responses_5xx", responses_5xx),
            ("retries", retries),
            ("tunnels_opened", tunnels_opened),
            ("tunnels_closed", tunnels_closed),
            ("upstreams", upstreams),
            ("dials", dials),
            ("reuses", reuses),
            ("upstream_failures", upstream_failures),
            ("client_bytes_in", client_in),
            ("client_bytes_out", client_out),
            ("upstream_bytes_in", upstream_in),
            ("upstream_bytes_out", upstream_out),
            ("copied_head", copied_head),
            ("copied_payload", copied_payload),
            ("published", published),
            ("delivered", delivered),
            ("channel_dropped", channel_dropped),
            ("channel_commands_refused", channel_commands_refused),
            ("log_lost", log_lost),
        ]
        .map(|(name, counter)| (name, counter.get()))
    }

    /// Counts a final response.
    #[inline]
    pub fn response(&self, status: u16) {
        if let Some(class) = (status / 100).checked_sub(1)
            && let Some(counter) = self.responses.get(usize::from(class))
        {
            counter.add(1);
        }
    }

    /// Counts the end of a session for the close reason of this number.
    #[inline]
    pub fn close_reason(&self, number: usize) {
        if let Some(counter) = self.close_reasons.get(number) {
            counter.add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let counters = Counters::new();
        counters.clients.add(5);
        counters.clients.sub(2);
        counters.sessions.set(9);
        assert_eq!((counters.clients.get(), counters.sessions.get()), (3, 9));
        for status in [99, 101, 200, 204, 599, 600, u16::MAX] {
            counters.response(status);
        }
        assert_eq!(counters.responses.each_ref().map(Counter::get), [1, 2, 0, 0, 1]);
        counters.close_reason(CLOSE_REASONS);
        counters.close_reason(CLOSE_REASONS - 1);
        assert_eq!(counters.close_reasons[CLOSE_REASONS - 1].get(), 1);
        assert_eq!(align_of::<Counters>(), 128);
    }

    #[test]
    fn every_number_has_a_name_of_its_own() {
        let counters = Counters::new();
        counters.log_lost.add(7);
        let named = counters.named();
        assert!(named.contains(&("log_lost", 7)));
        let mut names = named.map(|(name, _)| name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), named.len());
    }
}
