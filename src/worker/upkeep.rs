//! What is left to do once the events of a turn are through, and when it must be looked at again.
//!
//! Bytes that only went straight on, from one end of a tunnel to the other, leave nothing to do: a turn that brought
//! nothing else ends there, and the next one waits for as long as this one did.

use std::time::Duration;

use crate::base::Millis;
use crate::session::CloseReason;

use super::turn::Worker;

impl Worker {
    /// How long the poll may wait, but for the alarm. Where bytes only went straight on, nothing is due earlier than it was.
    pub(super) fn begin_wait(&mut self) -> Option<Duration> {
        if !self.stirred {
            debug_assert!(self.is_alarmed(), "something is due, and nobody has stirred the turn");
            return None;
        }
        let timeout = self.alarm.arm(self.world.clock.now(), self.due_in());
        // Without the alarm nothing else says that something is due.
        self.stirred = timeout.is_some();
        timeout
    }

    /// Whether whatever is due will not be missed.
    fn is_alarmed(&self) -> bool {
        self.due_in().is_none_or(|wait| self.alarm.is_set_for(self.world.clock.now() + wait))
            && (self.world.log.is_empty() || self.chores.is_log_due())
    }

    /// Something is to be done that is more than to hand bytes on: it has the exact time, and upkeep follows.
    #[inline]
    pub(super) fn stir(&mut self) {
        if !self.stirred {
            self.stirred = true;
            self.world.clock.tick();
        }
    }

    /// What is seen to in each turn in which anything has happened but that bytes went straight on.
    pub(super) fn keep_up(&mut self, mail: bool) {
        if mail {
            self.read_mail();
        }
        self.fan_out();
        self.say_goodbye();
        self.accept_all();
        self.shake_hands();
        self.go_on();
        self.expire();
        self.begin_probes();
        self.do_chores();
        self.seat_waiting();
        self.post_letters();
        self.more_mail |= self.post_bulletins();
        self.more_mail |= self.peers.flush();
        self.make_room();
        // Crowded is who has letters that nothing else will have sent.
        self.more_mail |= self.world.crowded;
        self.plan_chores();
    }

    /// How long nothing is due without an event, where something is.
    fn due_in(&self) -> Option<Duration> {
        let now = self.world.clock.now();
        if !self.again.is_empty() || self.more_mail || !self.handshakes.is_empty() {
            return Some(Duration::ZERO);
        }
        let accept = self.doors.iter().any(|door| door.waiting).then_some(self.accept_after);
        let at = earliest(&[
            self.wheel.next_deadline().map(Millis),
            accept,
            self.drain_until,
            self.goodbye_at,
            self.next_chore(),
            self.lines.due(),
            self.probes.due(),
        ]);
        at.map(|at| at - now)
    }

    /// Sessions that stopped for their budget have another one.
    fn go_on(&mut self) {
        for key in std::mem::take(&mut self.again) {
            if let Some(session) = self.sessions.get_mut(key) {
                session.queued = false;
                self.drive(key);
            }
        }
    }

    fn expire(&mut self) {
        let now = self.world.clock.now();
        while let Some(key) = self.wheel.pop_expired(now.get()) {
            if let Some(session) = self.sessions.get_mut(key) {
                session.armed = Millis::NEVER;
                self.drive(key);
            }
        }
    }

    /// Tunnels whose ends can be told are told, shortly before the time to drain is up.
    fn say_goodbye(&mut self) {
        let now = self.world.clock.now();
        if self.goodbye_at.is_none_or(|at| now < at) {
            return;
        }
        self.goodbye_at = None;
        for key in self.sessions.keys().collect::<Vec<_>>() {
            if let Some(session) = self.sessions.get_mut(key)
                && session.machine.leave(CloseReason::Drained, now)
            {
                self.drive(key);
            }
        }
    }
}

/// The first of these times, where there is one.
// An iterator's `flatten` and `min` take five times as long, each turn.
pub(super) fn earliest(times: &[Option<Millis>]) -> Option<Millis> {
    let mut first = Millis::NEVER;
    for time in times {
        first = first.min(time.unwrap_or(Millis::NEVER));
    }
    Some(first).filter(|first| *first != Millis::NEVER)
}
