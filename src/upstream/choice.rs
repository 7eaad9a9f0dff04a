//! The other ways to choose: fewest sessions, the better of two, and what is asked for.
//!
//! Each gets a weight for every server, 0 for those that take no part.

use crate::base::Rng;

use super::group::{Group, Server};

/// Whether `a` has fewer sessions for its weight than `b`, each with the one more that is to come.
fn is_less_loaded(a: (&Server, u32), b: (&Server, u32)) -> bool {
    let load = |server: &Server| u64::from(server.seats.taken()) + 1;
    load(a.0) * u64::from(b.1) < load(b.0) * u64::from(a.1)
}

/// The places of servers that take part, with their weights.
fn parts(
    group: &Group,
    weight: impl Fn(u16, &Server) -> u32,
) -> impl Iterator<Item = (u16, &Server, u32)> {
    let all = (0..=u16::MAX).zip(&group.servers);
    all.filter_map(move |(place, server)| match weight(place, server) {
        0 => None,
        weight => Some((place, server, weight)),
    })
}

/// The weight of each server that has the fewest sessions for its weight, 0 for the others: of equals whose turn it
/// is goes on.
pub(super) fn least(
    group: &Group,
    weight: impl Fn(u16, &Server) -> u32,
) -> impl Fn(u16, &Server) -> u32 {
    let mut best: Option<(&Server, u32)> = None;
    for (_, server, weight) in parts(group, &weight) {
        if best.is_none_or(|best| is_less_loaded((server, weight), best)) {
            best = Some((server, weight));
        }
    }
    move |place, server| match (best, weight(place, server)) {
        (Some(best), weight) if weight > 0 && !is_less_loaded(best, (server, weight)) => weight,
        _ => 0,
    }
}

/// Two servers by chance and weight, and of them the one with fewer sessions.
pub(super) fn random_two(
    group: &Group,
    rng: &mut Rng,
    weight: impl Fn(u16, &Server) -> u32,
) -> Option<u16> {
    let mut pick = |but: Option<u16>| {
        let parts = || parts(group, &weight).filter(|(place, ..)| Some(*place) != but);
        let mut left = rng.below(parts().map(|(.., weight)| u64::from(weight)).sum());
        parts().find(|(.., weight)| {
            let found = left < u64::from(*weight);
            left = left.saturating_sub((*weight).into());
            found
        })
    };
    let (first, one, one_weight) = pick(None)?;
    match pick(Some(first)) {
        Some((second, other, weight)) if is_less_loaded((other, weight), (one, one_weight)) => {
            Some(second)
        }
        _ => Some(first),
    }
}

/// The server that scores highest for `key`. Each server's score is its own affair: one that leaves gives away only
/// what it had, and gets the same back.
pub(super) fn by_key(group: &Group, key: u64, weight: impl Fn(u16, &Server) -> u32) -> Option<u16> {
    let mut best: Option<(u16, f64)> = None;
    for (place, server, weight) in parts(group, weight) {
        // A number above 0 and below 1; of so many the exponential of the smallest is shared by weight.
        let chance = (mix(server.hash ^ key) >> 11) as f64 + 0.5;
        let score = f64::from(weight) / -ln(chance / (1u64 << 53) as f64);
        if best.is_none_or(|(_, most)| score > most) {
            best = Some((place, score));
        }
    }
    best.map(|(place, _)| place)
}

/// The natural logarithm of a number above 2^-1000. The C library's may differ in its last bit from machine to machine,
/// this one does not; and nothing else would need `libm`, which takes 0.3 MB.
fn ln(x: f64) -> f64 {
    // x is 2^exponent * m, with m from the root of 1/2 to that of 2.
    let exponent = (x.to_bits() as i64 - std::f64::consts::FRAC_1_SQRT_2.to_bits() as i64) >> 52;
    let m = f64::from_bits((x.to_bits() as i64 - (exponent << 52)) as u64);
    // ln m = 2 artanh s = 2 (s + s^3 / 3 + s^5 / 5 + ...), and s is below 0.172.
    let s = (m - 1.0) / (m + 1.0);
    let sum = (0..12).rev().fold(0.0, |sum, n| sum * s * s + 1.0 / f64::from(2 * n + 1));
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * sum
}

/// What a text comes to: FNV-1a, mixed well. The same in every process, for two routers in front of the same servers.
pub fn hash(text: &[u8]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    mix(text.iter().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// The finish of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_one() {
        let mut rng = Rng::new(7);
        let chances = (0..100_000).map(|_| (rng.below(1 << 53) as f64 + 0.5) / (1u64 << 53) as f64);
        for x in chances.chain([0.25, 0.5, std::f64::consts::FRAC_1_SQRT_2, 1.0 - f64::EPSILON]) {
            let (ours, want) = (ln(x), x.ln());
            assert!(
                (ours - want).abs() <= 4.0 * f64::EPSILON * want.abs(),
                "{x}: {ours}, not {want}"
            );
        }
        assert_eq!(ln(0.5 / (1u64 << 53) as f64), (0.5 / (1u64 << 53) as f64).ln());
    }
}
