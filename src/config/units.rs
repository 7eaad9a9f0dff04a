//! Words, durations and sizes as files write them.

use std::time::Duration;

/// What a word says as a yes or no.
pub(super) fn word_flag(text: &str) -> Option<bool> {
    const YES: [&str; 4] = ["true", "on", "yes", "1"];
    const NO: [&str; 4] = ["false", "off", "no", "0"];
    let is = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(YES) { Some(true) } else { is(NO).then_some(false) }
}

/// Digits and nothing else, as a number that fits.
pub(super) fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// `250ms 30s 5m 1h`; a bare number is seconds.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(end)?;
    let number = digits(number)?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs);
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "" | "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        _ => None,
    }
}

/// `64k 1m 2g`; a bare number is bytes.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(end)?;
    let each = match unit {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return None,
    };
    digits(number)?.checked_mul(each)
}

/// A size in the largest unit that divides it.
pub(super) fn show_size(size: u64) -> String {
    match size {
        _ if size.is_multiple_of(1 << 20) => format!("{}m", size >> 20),
        _ if size.is_multiple_of(1 << 10) => format!("{}k", size >> 10),
        _ => size.to_string(),
    }
}

/// `text` fit for one line of a message: no control characters, at most `most` characters.
pub(super) fn shown(text: &str, most: usize) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(most).map(clean).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}
