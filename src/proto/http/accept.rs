//! What kind of text a client would rather read.

use super::coding::weight;
use super::list;

/// Whether an `Accept` value prefers HTML to plain text (RFC 9110 section 12.5.1): it names
/// `text/html` with a weight above zero and not below that of `text/plain`.
pub fn prefers_html(accept: Option<&[u8]>) -> bool {
    let Some(accept) = accept else { return false };
    let (mut html, mut plain) = (0, 0);
    for range in list::elements(accept) {
        let mut parts = range.split(|byte| *byte == b';').map(list::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(weight).unwrap_or(1000);
        if name.eq_ignore_ascii_case(b"text/html") {
            html = weight;
        } else if name.eq_ignore_ascii_case(b"text/plain") {
            plain = weight;
        }
    }
    html > 0 && html >= plain
}

#[cfg(test)]
mod tests {
    use super::prefers_html;

    #[test]
    fn browsers_get_html_and_tools_get_text() {
        let firefox = b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert!(prefers_html(Some(firefox)));
        assert!(!prefers_html(Some(b"*/*")));
        assert!(!prefers_html(None));
        assert!(!prefers_html(Some(b"text/html;q=0")));
        assert!(!prefers_html(Some(b"text/html;q=0.5, text/plain")));
        assert!(!prefers_html(Some(b"text/html;q=oops")));
    }
}
