//! The texts of one second: for HTTP, for the common log, and ISO 8601.

use std::time::{Duration, UNIX_EPOCH};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// The last second httpdate can write: the end of the year 9999.
const LAST: u64 = 253_402_300_799;

/// One second of wall time as text, all in UTC.
#[derive(Debug, Clone)]
pub struct Dates {
    http: String,
    log: String,
    iso: [u8; 24],
}

impl Dates {
    /// The texts for a number of seconds since 1970.
    pub fn of(seconds: u64) -> Dates {
        let time = UNIX_EPOCH + Duration::from_secs(seconds.min(LAST));
        // Sat, 21 Nov 2026 02:30:00 GMT
        let http = httpdate::fmt_http_date(time);
        let (day, month, year, hours) = (&http[5..7], &http[8..11], &http[12..16], &http[17..25]);
        let number = MONTHS.iter().position(|name| *name == month).unwrap_or(0) + 1;
        Dates {
            log: format!("{day}/{month}/{year}:{hours} +0000"),
            iso: fixed(&format!("{year}-{number:02}-{day}T{hours}.000Z")),
            http,
        }
    }

    /// `Sat, 21 Nov 2026 02:30:00 GMT` (RFC 9110 section 5.6.7).
    #[inline]
    pub fn http(&self) -> &str {
        &self.http
    }

    /// `21/Nov/2026:02:30:00 +0000`.
    #[inline]
    pub fn log(&self) -> &str {
        &self.log
    }

    /// `2026-11-21T02:30:00.123Z`, with these milliseconds.
    pub fn iso(&self, millis: u16) -> IsoDate {
        let mut iso = self.iso;
        for (place, weight) in [(20, 100), (21, 10), (22, 1)] {
            iso[place] = b'0' + (millis / weight % 10) as u8;
        }
        IsoDate(iso)
    }
}

/// A date as in RFC 3339, to the millisecond, in UTC.
#[derive(Debug, Clone, Copy)]
pub struct IsoDate([u8; 24]);

impl IsoDate {
    /// The text.
    pub fn as_str(&self) -> &str {
        text(&self.0)
    }
}

fn fixed<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [b' '; N];
    let len = text.len().min(N);
    bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
    bytes
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last() {
        let first = Dates::of(0);
        assert_eq!(first.http(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(first.log(), "01/Jan/1970:00:00:00 +0000");
        assert_eq!(first.iso(7).as_str(), "1970-01-01T00:00:00.007Z");
        let last = Dates::of(u64::MAX);
        assert_eq!(last.iso(999).as_str(), "9999-12-31T23:59:59.999Z");
    }
}
