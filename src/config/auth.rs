//! `auth:http:ADDR/PATH[,copy=NAME...]`: a server that is asked whether a request may go on.

use super::action::{Names, Way, target, uri_template};
use super::edit::request_name;
use super::model::Protocol;
use super::value::Fault;

/// A server that says whether a request may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Who is asked, and for which path: always [`Way::Http`].
    pub way: Way,
    /// Fields of its answer that the request goes on with; the client's of these names never do.
    pub copy: Vec<String>,
}

/// What stands between the fields that are copied, and in front of them.
const COPY: &str = ",copy=";

/// Reads what stands behind `auth:`, byte `start` of the action.
pub(super) fn auth(text: &str, start: usize, names: &Names) -> Result<Auth, Fault> {
    const SAID: &str = "expected whom to ask, as in auth:http:127.0.0.1:9000/check";
    let (url, copy) = match text.split_once(COPY) {
        Some((url, names)) => (url, copied(names, start + url.len() + COPY.len())?),
        None => (text, Vec::new()),
    };
    let (scheme, rest) = url.split_once(':').ok_or_else(|| Fault::at(start, SAID))?;
    let protocol = match scheme {
        "http" => Protocol::Http,
        "https" => Protocol::Https,
        _ => return Err(Fault::at(start, SAID)),
    };
    let start = start + scheme.len() + 1;
    if rest.starts_with("unix:") || rest.starts_with('/') {
        let said = "a unix socket has no end here: name it in an [upstream:NAME], as in auth:http:NAME/check";
        return Err(Fault::at(start, said));
    }
    let path = rest.find('/').ok_or_else(|| Fault::at(start + rest.len(), SAID))?;
    let (server, path) = rest.split_at_checked(path).unwrap_or((rest, ""));
    let target = target(server, protocol, &names.groups).map_err(|said| Fault::at(start, said))?;
    let uri = uri_template(path, start + server.len())?;
    let way = Way::Http { target, tls: protocol.is_tls(), host: None, uri: Some(uri) };
    Ok(Auth { way, copy })
}

/// Names of fields, which start at byte `start`.
fn copied(text: &str, start: usize) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    let mut at = 0;
    for name in text.split([',', ' ']) {
        if !name.is_empty() {
            let name = request_name(name).map_err(|fault| Fault { at: start + at, ..fault })?;
            names.push(name);
        }
        at += name.len() + 1;
    }
    match names.is_empty() {
        true => Err(Fault::at(start, "expected names of fields, as in copy=X-User,X-Groups")),
        false => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Action, Guard, Surroundings, Target, parse};

    fn read(action: &str) -> Result<Auth, String> {
        let text = format!(
            "[tidegate]\nhttp = :1\nhttp-to = :2\nroute = ^/(a) {action}\n\
             [upstream:sso]\nprotocol = https\nserver = unix:/run/sso\nverify-name = sso"
        );
        let (config, problems) = parse(text.as_bytes(), "t", &Surroundings::none());
        if let Some(problem) = problems.iter().find(|problem| problem.is_error()) {
            return Err(problem.to_string());
        }
        match &config.rules[0].action.value {
            Action::Guard(Guard::Auth(auth)) => Ok(auth.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_is_asked_and_what_is_copied() {
        for (text, server, path, secure, copy) in [
            ("auth:http:127.0.0.1:9/check", "127.0.0.1:9", "/check", false, &[][..]),
            ("auth:http:a:9/x?p=$1,copy=X-User", "a:9", "/x?p=$1", false, &["X-User"]),
            (
                "auth:https:sso/a,b,copy=X-User,X-B X-C",
                "sso",
                "/a,b",
                true,
                &["X-User", "X-B", "X-C"],
            ),
        ] {
            let auth = read(text).unwrap();
            let Way::Http { target, tls, host: None, uri: Some(uri) } = &auth.way else { panic!() };
            let target = match target {
                Target::Address(address) => address.to_string(),
                Target::Upstream(name) => name.clone(),
            };
            assert_eq!((&*target, &*uri.to_string(), *tls), (server, path, secure), "{text}");
            assert_eq!(auth.copy, copy);
        }
    }

    #[test]
    fn what_cannot_be_asked() {
        for (text, said) in [
            ("auth:", "expected whom to ask"),
            ("auth:127.0.0.1:9/x", "expected whom to ask"),
            ("auth:http:127.0.0.1:9", "expected whom to ask"),
            ("auth:http:unix:/run/a/x", "a unix socket has no end here"),
            ("auth:http:sso/x", "[upstream:sso] has protocol = https; write https:sso"),
            ("auth:http:a:1/x y", "expected a path without spaces"),
            ("auth:http:a:1/x,copy=", "expected names of fields"),
            ("auth:http:a:1/x,copy=X-A,Host", "is written by the router itself"),
            ("auth:http:a:1/x,copy=X_A", "write a '-'"),
            ("auth:http:a:1/x,copy=X:A", "expected"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
