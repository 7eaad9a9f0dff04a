//! When a peer that cannot be asked has vanished: what its kernel does not acknowledge says so.

use std::time::Duration;

use super::port::Side;
use super::settings::WebSocketRules;

/// Probes sent before a silent peer is given up, where there is time for so many: one that gets lost is no death.
const PROBES: u64 = 3;

/// When the peer of a TCP connection is given up. Whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Between two probes.
    pub every: Duration,
    /// How many of them.
    pub probes: u32,
    /// How long the peer may acknowledge nothing, neither probes nor what it was sent, or take nothing of it.
    pub patience: Duration,
}

impl Bounds {
    /// Those of a side: the time after which it would be pinged and the time it would have to answer, together.
    /// `None` where no pings are wanted.
    pub(super) fn of(side: Side, rules: &WebSocketRules) -> Option<Bounds> {
        let silence = match side {
            Side::Client => rules.ping,
            Side::Upstream => rules.upstream_ping.or(rules.ping),
        };
        Some(Bounds::new(silence?, rules.tolerance))
    }

    fn new(silence: Duration, tolerance: Duration) -> Bounds {
        let (silence, tolerance) = (seconds(silence), seconds(tolerance));
        let every = tolerance / PROBES.min(tolerance);
        let probes = tolerance / every;
        let patience = silence + tolerance;
        Bounds {
            // The last probe has its time to be answered before patience ends.
            idle: Duration::from_secs(patience - probes * every),
            every: Duration::from_secs(every),
            probes: u32::try_from(probes).unwrap_or(u32::MAX),
            patience: Duration::from_secs(patience),
        }
    }
}

/// Whole seconds, at least one.
fn seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)).clamp(1, u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_probe_ends_with_patience() {
        for silence in [0, 1, 7, 30, 86_400] {
            for tolerance in 0..40 {
                let Bounds { idle, every, probes, patience } =
                    Bounds::new(Duration::from_secs(silence), Duration::from_secs(tolerance));
                let (silence, tolerance) = (silence.max(1), tolerance.max(1));
                assert_eq!(patience, Duration::from_secs(silence + tolerance));
                assert_eq!(idle + every * probes, patience);
                assert!(idle >= Duration::from_secs(silence) && every >= Duration::from_secs(1));
                assert!(u64::from(probes) >= tolerance.min(PROBES), "{probes} of {tolerance}");
            }
        }
    }

    #[test]
    fn parts_of_seconds_count_as_whole_ones() {
        let bounds = Bounds::new(Duration::from_millis(1200), Duration::from_millis(250));
        let [one, two, three] = [1, 2, 3].map(Duration::from_secs);
        assert_eq!(bounds, Bounds { idle: two, every: one, probes: 1, patience: three });
        Bounds::new(Duration::MAX, Duration::MAX);
    }
}
