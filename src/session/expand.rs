//! Templates filled in with what a request says.
//!
//! Whatever a client writes stays inside the component it is put into: a capture or a variable is never a
//! separator of a host, a path or a query, and a path made so has no `.` or `..` in it.

use std::net::IpAddr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};

use crate::base::FileKind;
use crate::config::{Cgi, Part, Template, Variable};
use crate::proto::h1::RequestHead;
use crate::proto::http::{CanonicalPath, Known, Pairs, list};
use crate::route::{Captures, Says};

use super::peer::{Peer, Short};
use super::settings::Generation;
use super::settled::Files;

/// What variables say of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) head: &'a RequestHead<'a, 'a>,
    /// What the path that was asked for comes to.
    pub(super) asked: &'a [u8],
    /// What its path comes to, once rules have rewritten it.
    pub(super) path: &'a CanonicalPath<'a>,
    /// Its query, as rules have rewritten it.
    pub(super) query: Option<&'a [u8]>,
    /// `addvar:`.
    pub(super) vars: &'a Pairs,
    pub(super) peer: &'a Peer,
    pub(super) generation: &'a Generation,
    /// What is known of files.
    pub(super) files: &'a Files,
}

/// A request as templates see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filler<'a> {
    pub(super) said: &'a Said<'a>,
    /// What the rule captured.
    pub(super) captures: &'a Captures,
    /// In which text.
    pub(super) text: &'a [u8],
}

impl Filler<'_> {
    /// Fills in a template, as it is.
    pub(super) fn plain(&self, template: &Template, out: &mut Vec<u8>) {
        for part in template.parts() {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Capture(n) => out.extend_from_slice(self.capture(*n)),
                Part::Variable(variable) => self.said.say(variable, &mut |text| {
                    out.extend_from_slice(text);
                }),
            }
        }
    }

    /// Fills in a template of a header field, in which controls would end a line.
    pub(super) fn field(&self, template: &Template, out: &mut Vec<u8>) {
        let start = out.len();
        self.plain(template, out);
        if out.iter().skip(start).any(u8::is_ascii_control) {
            let text = out.split_off(start);
            out.extend(percent_encode(&text, CONTROLS).flat_map(str::bytes));
        }
    }

    /// Fills in a template of a host, or of path and query, where it is encoded.
    pub(super) fn encoded(&self, template: &Template, out: &mut Vec<u8>) {
        let mut in_query = false;
        for part in template.parts() {
            match part {
                Part::Text(text) => {
                    out.extend_from_slice(text.as_bytes());
                    in_query |= text.contains('?');
                }
                Part::Capture(n) => {
                    let set = if in_query { IN_QUERY } else { IN_PATH };
                    out.extend(percent_encode(self.capture(*n), set).flat_map(str::bytes));
                }
                Part::Variable(variable) => {
                    let set = set_of(variable, in_query);
                    self.said.say(variable, &mut |text| {
                        out.extend(percent_encode(text, set).flat_map(str::bytes));
                    });
                    in_query |= *variable == Variable::Cgi(Cgi::Uri);
                }
            }
        }
    }

    /// What a rule captured.
    pub(super) fn capture(&self, n: u8) -> &[u8] {
        self.captures.text(usize::from(n), self.text)
    }
}

/// What of a variable's value is escaped in a path or in a query.
fn set_of(variable: &Variable, in_query: bool) -> &'static AsciiSet {
    match (variable, in_query) {
        // They are encoded already, as a whole.
        (Variable::Cgi(Cgi::Uri | Cgi::QueryString), false) => ENCODED,
        (Variable::Cgi(Cgi::QueryString), true) => ENCODED,
        (Variable::Cgi(Cgi::Path), false) => IN_PATH,
        (_, true) => SAID_IN_QUERY,
        (_, false) => SAID_IN_PATH,
    }
}

impl Says for Said<'_> {
    fn say(&self, variable: &Variable, put: &mut dyn FnMut(&[u8])) {
        let head = self.head;
        match variable {
            Variable::Query(name) => query(self.query.unwrap_or_default(), name, put),
            Variable::Cookie(name) => {
                let mut fields = head.fields.all(Known::Cookie);
                if let Some(value) = fields.find_map(|field| cookie(field, name.as_bytes())) {
                    put(value);
                }
            }
            Variable::Field(name) if name == "host" => put(head.host),
            Variable::Field(name) if name == "user-agent" => {
                put(head.fields.get(Known::UserAgent).unwrap_or_default());
            }
            Variable::Field(name) => put(head.fields.find(name).unwrap_or_default()),
            Variable::Cgi(cgi) => self.cgi(*cgi, put),
            Variable::Own(name) => {
                let added = self.vars.iter().filter(|(known, _)| known == name).last();
                let mut always = self.generation.vars.iter().filter(|(known, _)| known == name);
                let value = added.map(|(_, value)| value);
                put(value.or_else(|| Some(always.next()?.1.as_bytes())).unwrap_or_default());
            }
        }
    }

    fn address(&self) -> Option<IpAddr> {
        self.peer.ip
    }

    fn exists(&self, path: &[u8], kind: FileKind) -> bool {
        self.files.has(path, kind)
    }
}

impl Said<'_> {
    fn cgi(&self, cgi: Cgi, put: &mut dyn FnMut(&[u8])) {
        let head = self.head;
        let peer = self.peer;
        match cgi {
            Cgi::RemoteAddr => put(Short::of_ip(peer.ip).as_bytes()),
            Cgi::RemotePort => put(Short::of_port(peer.port).as_bytes()),
            Cgi::ServerPort => put(Short::of_port(peer.server_port).as_bytes()),
            Cgi::Method => put(head.method_name.as_bytes()),
            Cgi::Uri => {
                put(self.asked);
                if let Some(query) = head.query {
                    put(b"?");
                    put(query);
                }
            }
            Cgi::Path => put(self.path.matched),
            Cgi::QueryString => put(self.query.unwrap_or_default()),
            Cgi::Scheme => put(self.peer.scheme().as_bytes()),
            Cgi::Https if self.peer.scheme() == "https" => put(b"on"),
            Cgi::Https => {}
            Cgi::ServerName => put(self.generation.server_name.as_bytes()),
            Cgi::Listener => {
                let name = self.generation.listeners.get(usize::from(self.peer.listener));
                put(name.map_or("", String::as_str).as_bytes());
            }
            Cgi::Protocol => put(head.version.as_str().as_bytes()),
        }
    }
}

/// Whether the path of a target that was put together has a segment that leads out of it, however its dots are written: a
/// query or a field brings escapes along that no path of a client still has.
pub(super) fn leads_astray(target: &[u8]) -> bool {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    path.split(|byte| *byte == b'/').any(|segment| {
        let said = |dots: &[u8]| percent_decode(segment).eq(dots.iter().copied());
        said(b".") || said(b"..")
    })
}

/// The first parameter of this name, with `+` for spaces and escapes decoded.
pub(super) fn query(query: &[u8], name: &str, put: &mut dyn FnMut(&[u8])) {
    for pair in query.split(|byte| *byte == b'&') {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (key, value) = pair.split_at_checked(at).unwrap_or_default();
        if decoded(key).eq(name.bytes()) {
            return decoded(value.get(1..).unwrap_or_default()).for_each(|byte| put(&[byte]));
        }
    }
}

/// A name or a value of a query, as it is meant.
pub(super) fn decoded(text: &[u8]) -> impl Iterator<Item = u8> {
    let pieces = text.split(|byte| *byte == b'+').enumerate();
    pieces.flat_map(|(n, piece)| (n > 0).then_some(b' ').into_iter().chain(percent_decode(piece)))
}

/// The value of this cookie in one `Cookie` field (RFC 6265 section 4.2.1), without quotes.
fn cookie<'a>(field: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = Some(field);
    while let Some(pairs) = rest {
        let (pair, behind) = list::cut(pairs, b';');
        rest = behind;
        let value = pair.trim_ascii().strip_prefix(name).and_then(|rest| rest.strip_prefix(b"="));
        if let Some(value) = value {
            let unquoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
            return Some(unquoted.unwrap_or(value));
        }
    }
    None
}

/// What of a capture may not stand in a path as it is. `%` may: a path that is matched has no other escapes left
/// than `%2F` and `%25`, and of what else is matched none may lead astray ([`leads_astray`]).
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The same for a parameter of a query.
const IN_QUERY: &AsciiSet = &IN_PATH.add(b'&').add(b'+').add(b';').add(b'=');

/// What of a variable, which is decoded or never was encoded, may not stand in a path: it stays one segment.
const SAID_IN_PATH: &AsciiSet = &IN_PATH.add(b'%').add(b'/').add(b';');

/// The same for a parameter of a query.
const SAID_IN_QUERY: &AsciiSet = &IN_QUERY.add(b'%');

/// What nothing that was encoded has in it.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\\');

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(text: &str, name: &str) -> String {
        let mut out = Vec::new();
        query(text.as_bytes(), name, &mut |value| out.extend_from_slice(value));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn parameters() {
        let text = "a=1&token=x%26y%3D+z&token=second&empty=&alone&%74wo=2";
        assert_eq!(value_of(text, "a"), "1");
        assert_eq!(value_of(text, "token"), "x&y= z");
        assert_eq!(value_of(text, "two"), "2");
        for name in ["empty", "alone", "none", "oken"] {
            assert_eq!(value_of(text, name), "");
        }
        assert_eq!(value_of("", "a"), "");
    }

    #[test]
    fn cookies() {
        let field = b"a=1; sid=\"x=y\";sid=other; b=2";
        assert_eq!(cookie(field, b"sid"), Some(b"x=y".as_slice()));
        assert_eq!(cookie(field, b"b"), Some(b"2".as_slice()));
        assert_eq!(cookie(field, b"id"), None);
        assert_eq!(cookie(field, b"SID"), None);
    }

    #[test]
    fn dots_are_segments_of_the_path_only() {
        for bad in ["/..", "/a/../b", "/.", "/a/.", "..", "/..?x", "/%2e%2E/b", "/a/.%2e", "/%2e?x"]
        {
            assert!(leads_astray(bad.as_bytes()), "{bad}");
        }
        for good in ["/", "/...", "/a..b", "/.a", "/a?x=/../", "/%252e%252e", "/%2e%2e%2e"] {
            assert!(!leads_astray(good.as_bytes()), "{good}");
        }
    }
}
