//! Servers by token: what is asked, and what becomes of each answer.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::config::{Action as Does, Surroundings, Way, parse};

fn handshake(target: &str, fields: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: Chat.example:81\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    )
}

/// A bench whose first route finds its servers in /tokens by this key.
fn bench(key: &str) -> Bench {
    let text = format!("[tidegate]\nhttp = :1\nroute = ^/http(/\\w+)? tcp:token:/tokens,{key}");
    let (config, problems) = parse(text.as_bytes(), "t", &Surroundings::none());
    assert_eq!(problems, []);
    let Does::Go(Way::Token { key, .. }) = config.rules[0].action.value.clone() else { panic!() };
    Bench::with(|generation| {
        let target = &mut Arc::get_mut(&mut generation.routes[0]).unwrap().target;
        target.place = Place::Tcp { token: Some(Token { file: Path::new("/tokens").into(), key }) };
        Arc::get_mut(&mut target.group).unwrap().servers.clear();
    })
}

#[test]
fn a_token_is_what_the_request_says() {
    for (key, target, fields, token) in [
        ("${qs[token]}", "/http?a=1&token=x%2Fy+z%26", "", "x/y z&"),
        ("${cookie[t]}", "/http", "Cookie: a=b; t=c\r\n", "c"),
        ("${HTTP_HOST}", "/http", "", "Chat.example:81"),
        ("${HTTP_X_TOKEN}-${REMOTE_ADDR}", "/http", "x-token: é\r\n", "é-192.0.2.7"),
    ] {
        let mut bench = bench(key);
        bench.client_says(handshake(target, fields));
        assert_eq!(bench.actions(), format!("find {token} in /tokens"));
        assert_eq!(bench.client_reads(), "", "nothing is said before there is a server");
    }
}

#[test]
fn its_server_is_dialled_and_then_the_websocket_opens() {
    let mut bench = bench("${qs[token]}");
    bench.client_says(handshake("/http?token=a", ""));
    bench.actions();
    let addresses = ["10.0.0.1:1", "10.0.0.2:1"].map(|text| text.parse().unwrap());
    bench.input(Input::Found(Whereabouts::At(addresses.to_vec())));
    assert_eq!(bench.actions(), "dial found");
    for (attempt, address) in (0..).zip(&addresses) {
        assert_eq!(bench.client.dialling(attempt).as_ref(), Some(address));
    }
    assert_eq!(bench.client.dialling(2), None);
    assert_eq!(bench.client_reads(), "");
    bench.input(Input::Dialled { reused: false });
    assert!(bench.client_reads().starts_with("HTTP/1.1 101 "));
    assert!(bench.log().contains("upstream=10.0.0.1:1 "));
    bench.upstream_says("hello");
    assert!(bench.client_reads().ends_with("hello"));
    super::terminated::moved(&mut bench);
    bench.ends(Side::Client, RxEnd::Reset);
    bench.ends(Side::Upstream, RxEnd::Finished);
    let line = bench.log();
    assert!(line.contains("CLOSE ") && line.contains("upstream=10.0.0.1:1 "), "{line}");
}

#[test]
fn what_has_no_server_is_answered() {
    let at = |text: &str| Whereabouts::At(vec![text.parse().unwrap()]);
    for (target, found, status, word) in [
        ("/http?token=a", Some(Whereabouts::Unknown), 404, "unknown-token"),
        ("/http?token=a", Some(Whereabouts::Unreadable), 502, "token-file"),
        ("/http?token=a", Some(Whereabouts::Overloaded), 503, "overloaded"),
        ("/http?token=a", Some(Whereabouts::At(Vec::new())), 502, "unreachable"),
        ("/http?token=a", Some(at("10.0.0.1:1")), 502, "unreachable"),
        ("/http?token=a", None, 504, "connect-timeout"),
        ("/http?token=", None, 404, "unknown-token"),
        ("/http?token=%FF", None, 404, "unknown-token"),
        ("/http", None, 404, "unknown-token"),
    ] {
        let mut bench = bench("${qs[token]}");
        bench.client_says(handshake(target, ""));
        let asked = bench.actions();
        assert_eq!(asked.starts_with("find"), found.is_some() || status == 504, "{target}");
        match found {
            Some(found) => bench.input(Input::Found(found)),
            None if status == 504 => bench.wait(Duration::from_secs(CONNECT)),
            None => {}
        }
        if bench.actions() == "dial found" {
            bench.input(Input::DialFailed { ours: false });
        }
        let answer = bench.client_reads();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("Connection: close\r\n"), "{answer}");
        assert!(bench.log().contains(word), "{word}");
        // An answer that comes too late is nobody's.
        bench.input(Input::Found(at("10.0.0.1:1")));
        assert!(!bench.actions().contains("dial"));
    }
}
