//! What is said of requests.

use super::*;
use crate::base::Problem;
use crate::config::{Surroundings, parse};
use crate::reactor::tls::{Connectors, TrafficLog};
use crate::upstream::Identities;
use crate::worker::{Guards, build};

/// What is said of a request under this main section.
fn said(text: &str, request: &str, headers: &[&str]) -> String {
    let text = format!("[tidegate]\nhttp = :80\n{text}");
    let (config, mut problems) = parse(text.as_bytes(), "t", &Surroundings::none());
    let mut connectors = Connectors::new(Arc::new(TrafficLog));
    let generation = build(
        &config,
        &mut Identities::default(),
        &mut connectors,
        &Guards::default(),
        "router",
        &mut problems,
    );
    assert!(!problems.iter().any(Problem::is_error), "{problems:?}");
    let question = Question {
        request: request.into(),
        headers: headers.iter().map(|line| (*line).into()).collect(),
        from: Some("192.0.2.7".into()),
    };
    explain(&config, &Arc::new(generation.unwrap()), &question).unwrap()
}

#[test]
fn the_rule_that_takes_a_request_and_why_the_earlier_ones_did_not() {
    let text = said(
        "route = ^/admin/ http:a:1\nroute-if = equal:${HTTP_X_A};${qs[b]} http:b:1\n\
         route-if = is-websocket: echo:\nroute = ^/(x) addheader:X-A: <$1>\nroute = ^/x goto:end\n\
         route-run = break:500\nroute-label = end\nroute-host = ^h$ http:c:1,,/new?p=${PATH_INFO}",
        "GET http://H:8080/x/../x?b=1",
        &[],
    );
    let lines: Vec<&str> = text.lines().collect();
    let expected = [
        "t:3:9: passed over: path ^/admin/ does not hold for \"/x\" (http:a:1)",
        "t:4:12: passed over: if equal:${HTTP_X_A};${qs[b]} does not hold for \"\" and \"1\" (http:b:1)",
        "t:5:12: passed over: if is-websocket: does not hold (echo:)",
        "t:6:9: goes on: addheader:X-A: <$1>, which comes to \"<x>\" [^/(x)]",
        "t:7:9: goes on behind the label: goto:end [^/x]",
        "t:8:13: jumped over: break:500",
        "t:10:14: takes it: http:c:1,,/new?p=${PATH_INFO} [^h$]",
        "goes to ^h$: c:1",
        "which is sent",
        "    GET /new?p=/x HTTP/1.1",
        "    Host: H:8080",
        "    X-Forwarded-For: 192.0.2.7",
    ];
    assert!(lines.starts_with(&expected), "{text}");
}

#[test]
fn a_file_is_named_as_it_is_looked_for() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().display().to_string();
    let text = said(&format!("route = ^/s/(.*)$ static:{root}/$1"), "GET http://h/s/a%20b", &[]);
    let file = format!("is the file \"a b\" below {root}/, if it is there\n");
    assert!(text.contains("takes it: static:") && text.ends_with(&file), "{text}");
    let hidden = said(&format!("default = static:{root}"), "GET http://h/.git", &[]);
    assert!(hidden.contains("HTTP/1.1 404 "), "{hidden}");
}

#[test]
fn what_takes_the_rest_is_said_too() {
    let rest = said("route = ^/a$ http:a:1\nhttp-to = b:1", "http://h/b", &[]);
    assert!(rest.contains("t:4:11: http-to takes it\ngoes to http-to: b:1\n"), "{rest}");
    assert!(rest.contains("    PATH_INFO=/b\n"), "{rest}");
    let rest = said("route = ^/ last:\ndefault = tcp:token:/f,${qs[t]}", "ws://h/b?t=x", &[]);
    assert!(
        rest.contains("t:3:9: ends the rules: last: [^/]\nt:4:11: default takes it\n"),
        "{rest}"
    );
    assert!(rest.ends_with("goes to the server that /f has for \"x\"\n"), "{rest}");
    let rest = said("route = ^/a$ http:a:1", "http://h/b", &[]);
    assert!(
        rest.contains("no rule takes it, and there is no default\nis answered\n    HTTP/1.1 404 ")
    );
}

#[test]
fn answers_are_those_a_client_gets() {
    let text = said("route = ^/(.*) redirect:https://${HTTP_HOST}/$1", "http://h/a?b", &[]);
    assert!(text.starts_with("t:3:9: takes it: redirect:"), "{text}");
    assert!(text.contains("which comes to \"https://h/a\""), "{text}");
    assert!(
        text.contains("    HTTP/1.1 302 Found\n") && text.contains("    Location: https://h/a\n")
    );
    let text = said("route-run = deny:192.0.2.0/24\nhttp-to = b:1", "http://h/a", &[]);
    assert!(text.contains("    HTTP/1.1 403 "), "{text}");
    let site = "default = echo:\norigin = same";
    let text = said(site, "wss://h/a", &["Origin: https://other"]);
    assert!(text.contains("    HTTP/1.1 403 ") && text.contains("origin"), "{text}");
    let text = said(site, "wss://h/a", &["Origin: https://h"]);
    assert!(text.contains("    HTTP/1.1 101 "), "{text}");
    let text = said("http-to-https = :81\nhttp-to = b:1", "http://h:81/a", &[]);
    assert!(text.contains("    Location: https://h/a\n"), "{text}");
}
