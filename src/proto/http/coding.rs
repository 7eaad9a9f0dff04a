//! Content codings of files that were compressed beforehand (RFC 9110 section 8.4), and which of them a client takes.

use super::list;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
    /// `gzip` (RFC 1952).
    Gzip,
}

impl Coding {
    /// All of them, the one that usually is smallest first.
    pub const ALL: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

    /// Its name in `Content-Encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
        }
    }

    /// What the name of a file in it ends with, behind the name of the file as it is.
    pub const fn suffix(self) -> &'static str {
        match self {
            Coding::Brotli => ".br",
            Coding::Zstd => ".zst",
            Coding::Gzip => ".gz",
        }
    }

    /// The codings that the values of `Accept-Encoding` would rather have than none, best first
    /// (RFC 9110 section 12.5.3).
    pub fn wanted<'a>(accept: impl Iterator<Item = &'a [u8]>) -> [Option<Coding>; 3] {
        let (mut weights, mut any, mut plain) = ([None; 3], None, None);
        for element in accept.flat_map(list::elements) {
            let mut parts = element.split(|byte| *byte == b';').map(list::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(weight).unwrap_or(1000);
            let slot = match name {
                b"*" => Some(&mut any),
                _ if name.eq_ignore_ascii_case(b"identity") => Some(&mut plain),
                _ => Coding::ALL
                    .iter()
                    .zip(&mut weights)
                    .find(|(coding, _)| coding.is(name))
                    .map(|(_, w)| w),
            };
            if let Some(slot) = slot {
                slot.get_or_insert(weight);
            }
        }
        let mut wanted: [(u16, Option<Coding>); 3] = [(0, None); 3];
        for ((slot, coding), weight) in wanted.iter_mut().zip(Coding::ALL).zip(weights) {
            let weight = weight.or(any).unwrap_or(0);
            if weight > 0 && weight >= plain.unwrap_or(0) {
                *slot = (weight, Some(coding));
            }
        }
        wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        wanted.map(|(_, coding)| coding)
    }

    fn is(self, name: &[u8]) -> bool {
        let old = self == Coding::Gzip && name.eq_ignore_ascii_case(b"x-gzip");
        old || name.eq_ignore_ascii_case(self.name().as_bytes())
    }
}

/// The thousandths of a `q=` parameter; a malformed one counts as zero.
pub(super) fn weight(parameter: &[u8]) -> Option<u16> {
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?;
    let text = std::str::from_utf8(value).unwrap_or_default();
    Some(text.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: &[&str]) -> String {
        let all = Coding::wanted(accept.iter().map(|value| value.as_bytes()));
        all.into_iter().flatten().map(Coding::name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn weights_decide_and_then_size() {
        for (accept, codings) in [
            ("gzip, deflate, br, zstd", "br zstd gzip"),
            ("gzip, deflate", "gzip"),
            ("X-GZIP", "gzip"),
            ("br;q=0.5, gzip;q=0.8", "gzip br"),
            ("gzip;q=0", ""),
            ("*", "br zstd gzip"),
            ("*;q=0.1, gzip", "gzip br zstd"),
            ("br;q=0, *", "zstd gzip"),
            ("identity", ""),
            ("identity;q=0.5, gzip;q=0.4, br;q=0.6", "br"),
            ("identity;q=0, gzip", "gzip"),
            ("gzip;q=oops", ""),
            ("", ""),
            ("compress, bz2", ""),
        ] {
            assert_eq!(wanted(&[accept]), codings, "{accept}");
        }
        assert_eq!(wanted(&["gzip", "br"]), "br gzip");
        assert_eq!(wanted(&[]), "");
    }
}
