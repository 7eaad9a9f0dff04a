//! What of a request no line may have: tokens, which are as good as passwords while they hold. They stand in its query, and in a
//! `Referer` where a browser was shown a page by one.

use crate::proto::h1::RequestHead;

use super::super::expand::decoded;

/// What stands in their place.
const INSTEAD: &[u8] = b"token=-";
/// No token is shorter, in bytes: a signature alone is 43.
const SHORTEST: usize = 60;

/// A target without its tokens.
pub(super) struct Hidden {
    target: Vec<u8>,
    /// Where its query begins.
    query: usize,
}

impl Hidden {
    /// The target of a request that has a token in its query.
    pub(super) fn of(head: &RequestHead<'_, '_>) -> Option<Hidden> {
        let query = head.query.filter(|query| query.split(is_end).any(is_token))?;
        let mut target = head.target.strip_suffix(query).unwrap_or(b"?").to_vec();
        let begin = target.len();
        for (place, pair) in query.split(is_end).enumerate() {
            if place > 0 {
                target.push(b'&');
            }
            target.extend_from_slice(if is_token(pair) { INSTEAD } else { pair });
        }
        Some(Hidden { target, query: begin })
    }

    /// The head with this in place of what it says.
    pub(super) fn head<'s, 'a>(&'a self, head: &RequestHead<'s, 'a>) -> RequestHead<'s, 'a> {
        let mut masked = *head;
        masked.target = &self.target;
        masked.query = self.target.get(self.query..);
        masked
    }
}

/// Takes out of a rendered line whatever looks like a token (RFC 7515 section 7.1): three parts in base64url, the first of which is
/// an object in JSON.
pub(super) fn mask(line: &mut Vec<u8>) {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let begin = |rest: &[u8]| rest.windows(2).position(|pair| pair == b"ey");
    let mut at = 0;
    while let Some(found) = line.get(at..).and_then(begin) {
        at += found;
        let rest = line.get(at..).unwrap_or_default();
        let len = rest.iter().take_while(|byte| is_part(byte)).count();
        let dots = rest.iter().take(len).filter(|byte| **byte == b'.').count();
        if dots == 2 && len >= SHORTEST {
            line.splice(at..at + len, [b'-']);
        }
        at += 1;
    }
}

fn is_end(byte: &u8) -> bool {
    *byte == b'&'
}

/// Whether a pair of a query is a token, as those read it that look for one.
fn is_token(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    decoded(name).eq(b"token".iter().copied())
}

#[cfg(test)]
mod tests {
    use super::mask;

    /// SECURITY: no line of the access log has a token.
    #[test]
    fn what_looks_like_a_token_is_taken_out() {
        let token = format!("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.{}", "A_-9".repeat(11));
        for (line, shown) in [
            (
                format!("\"http://x/?token={token}\" \"eyes\""),
                "\"http://x/?token=-\" \"eyes\"".to_owned(),
            ),
            (format!("{token} {token}"), "- -".to_owned()),
            ("they.obey.keys".to_owned(), "they.obey.keys".to_owned()),
            (String::new(), String::new()),
        ] {
            let mut bytes = line.into_bytes();
            mask(&mut bytes);
            assert_eq!(String::from_utf8(bytes).as_deref(), Ok(shown.as_str()));
        }
    }
}
