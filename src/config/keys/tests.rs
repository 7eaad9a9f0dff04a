//! Tests of the table of keys.

use std::collections::HashSet;

use super::super::{Config, Surroundings, parse};
use super::*;
use crate::base::Problem;

const SCOPES: [Scope; 3] = [Scope::Main, Scope::Upstream, Scope::Route];

/// A small configuration with `line` in its section of this scope.
fn read(scope: Scope, line: &str) -> (Config, Vec<String>) {
    let [mut main, mut upstream, mut route] = ["http = :80", "server = a:1", "host = b"];
    let http_to = if line.starts_with("default ") { "" } else { "http-to = c:1" };
    match scope {
        Scope::Main if line.starts_with("http =") => main = line,
        Scope::Main => {}
        Scope::Upstream => upstream = if line.starts_with("server") { line } else { upstream },
        Scope::Route => route = if line.starts_with("host") { line } else { route },
    }
    let extra = |own: Scope| if own == scope { line } else { "" };
    let text = format!(
        "[tidegate]\n{main}\n{http_to}\n{}\n[upstream:u]\n{upstream}\n{}\n[route:r]\n{route}\n\
         to = http:d:1\n{}\n[route:s]\npath = e\nto = http:u\n",
        if main == line { "" } else { extra(Scope::Main) },
        if upstream == line || line.starts_with("protocol") { "" } else { extra(Scope::Upstream) },
        if route == line { "" } else { extra(Scope::Route) },
    );
    let tls = ["ca ", "verify-name", "client-cert"].iter().any(|key| line.starts_with(key));
    let text = match tls {
        true => text
            .replace("http:u", "https:u")
            .replace("[upstream:u]", "[upstream:u]\nprotocol = https"),
        false => text,
    };
    // Certificates need somebody who presents them, and lists somebody who is asked for one.
    let text = match line.starts_with("sni") || line.starts_with("https-crl") {
        true => text.replacen('\n', "\nhttps = :444,a.pem,a.key,,ca.pem\n", 1),
        false => text,
    };
    let (config, problems) = parse(text.as_bytes(), "k", &Surroundings::none());
    (config, problems.iter().map(Problem::to_string).collect())
}

#[test]
fn names_are_unique() {
    for scope in SCOPES {
        let mut names = HashSet::new();
        for name in all().filter(|key| key.is_for(scope)).flat_map(Key::names) {
            assert!(names.insert(name), "{name} twice in {}", scope.label());
        }
    }
}

#[test]
fn keys_that_work_are_described() {
    for key in all().filter(|key| key.is_built()) {
        assert!(!key.meaning.is_empty() && !key.example.is_empty(), "{}", key.name);
        assert!(!key.meaning.ends_with('.'), "{}", key.name);
    }
}

#[test]
fn defaults_are_what_holds_anyway_and_examples_are_taken() {
    for scope in SCOPES {
        let (plain, problems) = read(scope, "");
        assert_eq!(problems, [""; 0]);
        for key in all().filter(|key| key.is_built() && key.is_for(scope)) {
            if let Some(default) = key.default {
                let (config, problems) = read(scope, &format!("{} = {default}", key.name));
                assert_eq!(problems, [""; 0], "{}", key.name);
                assert_eq!(without_places(config), without_places(plain.clone()), "{}", key.name);
            }
            if key.name == "include" || is_block(key) {
                continue;
            }
            for name in key.names() {
                let (_, problems) = read(scope, &format!("{name} = {}", key.example));
                assert_eq!(problems, [""; 0], "{name}");
            }
        }
    }
}

/// Keys that mean nothing by themselves.
fn is_block(key: &Key) -> bool {
    super::super::logic::word(key.name).is_some()
}

#[test]
fn words_of_blocks_are_keys_and_the_other_way_round() {
    let (_, blocks) = GROUPS.iter().map(|group| (group.title, group.keys)).nth(1).unwrap();
    assert!(blocks.len() > 10 && blocks.iter().all(is_block));
    for name in blocks.iter().flat_map(Key::names) {
        assert!(super::super::logic::word(name).is_some(), "{name}");
    }
}

fn without_places(config: Config) -> String {
    let text = format!("{config:?}");
    let mut parts = text.split("Place { ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('}').map_or("", |(_, rest)| rest))
}

#[test]
fn keys_that_cannot_be_had_say_so() {
    for key in all() {
        for (scope, name) in key.scopes().iter().flat_map(|s| key.names().map(|n| (*s, n))) {
            let (_, problems) = read(scope, &format!("{name} = 1"));
            let said = match key.status() {
                Status::Built => continue,
                Status::Refused(reason) => format!("{name} is not taken: {reason}"),
                Status::WithoutEffect(reason) => {
                    format!("notice: without effect here: {name} ({reason})")
                }
            };
            assert!(problems.iter().any(|problem| problem.contains(&said)), "{name}: {problems:?}");
        }
    }
}

/// All that uWSGI 2.0.31 has whose name begins with `http`.
const UWSGI: &str = "
    http http-auto-chunked http-auto-gzip http-buffer-size http-cheap http-chunked-input
    http-connect-timeout http-enable-proxy-protocol http-events http-fallback http-gid
    http-gracetime http-harakiri http-headers-timeout http-keepalive http-manage-expect
    http-manage-rtsp http-manage-source http-modifier1 http-modifier2 http-processes http-quiet
    http-raw-body http-resubscribe http-server-name-as-http-host http-socket http-socket-modifier1
    http-socket-modifier2 http-ss http-stats http-stats-server http-stud-prefix
    http-subscription-fallback-key http-subscription-server http-timeout http-to http-to-https
    http-uid http-use-base http-use-cache http-use-code-string http-use-pattern http-use-socket
    http-var http-websockets http-workers http-zerg http11-socket httprouter https
    https-export-cert https-session-context https-socket https-socket-modifier1
    https-socket-modifier2 https2";

#[test]
fn every_key_of_the_uwsgi_router_is_known() {
    for name in UWSGI.split_whitespace() {
        assert!(find(Scope::Main, name).is_some(), "{name}");
    }
}
