//! Which file a request means.
//!
//! Whatever a client writes names something below the directory, and no name of it begins with a dot. The kernel is
//! asked to stay inside as well (`reactor/files`); neither relies on the other.

use crate::config::{Cgi, Part, Variable};
use crate::route::Says as _;

use super::super::expand::Filler;
use super::super::settings::Files;

/// What may begin with a dot, where a site begins (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// Puts the name of the file that is meant, below the directory, into `name`; `path` is the canonical one as rules
/// match it. `None`: there can be no such file.
pub(super) fn locate(
    files: &Files,
    filler: &Filler<'_>,
    path: &[u8],
    name: &mut Vec<u8>,
) -> Option<()> {
    name.clear();
    let Some(template) = &files.name else {
        decode(path, name)?;
        return check(name);
    };
    if let Some(fixed) = template.fixed() {
        // Whoever runs the router wrote it: a dot is meant.
        name.extend_from_slice(fixed.as_bytes());
        return Some(());
    }
    for part in template.parts() {
        match part {
            Part::Text(text) => name.extend_from_slice(text.as_bytes()),
            Part::Capture(n) => decode(filler.capture(*n), name)?,
            Part::Variable(Variable::Cgi(Cgi::Path)) => decode(path, name)?,
            Part::Variable(variable) => {
                let start = name.len();
                filler.said.say(variable, &mut |text| name.extend_from_slice(text));
                let said = name.get(start..).unwrap_or_default();
                if said.is_empty() || said.contains(&b'/') {
                    return None;
                }
            }
        }
    }
    check(name)
}

/// Appends what was matched with `%25` decoded. What has an escaped slash in it names nothing: it would look like a
/// file whose name has a percent sign.
fn decode(matched: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = matched;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let (plain, escape) = rest.split_at_checked(at)?;
        out.extend_from_slice(plain);
        rest = escape.strip_prefix(b"%25")?;
        out.push(b'%');
    }
    out.extend_from_slice(rest);
    Some(())
}

/// Takes slashes off the front, and asks whether a name may be served at all.
fn check(name: &mut Vec<u8>) -> Option<()> {
    let slashes = name.iter().take_while(|byte| **byte == b'/').count();
    name.drain(..slashes);
    let mut segments = name.split(|byte| *byte == b'/').enumerate();
    let hidden = |(place, segment): (usize, &[u8])| {
        segment.starts_with(b".") && !(place == 0 && segment == WELL_KNOWN)
    };
    (!segments.any(hidden) && !name.contains(&0)).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(path: &str) -> Option<String> {
        let mut name = Vec::new();
        decode(path.as_bytes(), &mut name).and_then(|()| check(&mut name))?;
        Some(String::from_utf8(name).unwrap())
    }

    #[test]
    fn names_lie_below() {
        for (path, name) in [
            ("/", ""),
            ("/a/b.txt", "a/b.txt"),
            ("/a/", "a/"),
            ("//a//b", "a//b"),
            ("/100%25.txt", "100%.txt"),
            ("/a b\u{e9}?", "a b\u{e9}?"),
            ("/a..b/...c.".trim_end_matches("/...c."), "a..b"),
            ("/.well-known/acme-challenge/x", ".well-known/acme-challenge/x"),
        ] {
            assert_eq!(name_of(path).as_deref(), Some(name), "{path}");
        }
    }

    #[test]
    fn what_is_hidden_or_ambiguous_has_no_name() {
        for path in [
            "/.git/config",
            "/a/.env",
            "/.",
            "/..",
            "/../x",
            "/a/../x",
            "/...",
            "/.well-known2",
            "/a/.well-known/x",
            "/.well-known/.x",
            "/a%2Fb",
            "/%2F",
            "/a%2",
            "/a%",
            "/%41",
            "/a\0b",
        ] {
            assert_eq!(name_of(path), None, "{path}");
        }
    }
}
