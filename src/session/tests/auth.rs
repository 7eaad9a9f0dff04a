//! Requests about which a server is asked first: `auth:`.

use super::check::bench;
use super::*;

const SITE: &str = "route = ^/(\\w+) auth:http:auth:1/check/$1?h=${HTTP_HOST},copy=X-User,X-Team\n\
                    default = http:app:1";
const YES: &str = "HTTP/1.1 200 OK\r\nX-User: joe\r\nContent-Length: 2\r\n\r\nok";

fn get(fields: &str) -> String {
    format!("GET /x?q=1 HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// What the client is answered when the server says this to its question.
fn answered(says: &str) -> String {
    let mut bench = bench(SITE);
    bench.client_says(get(""));
    bench.dialled(false);
    bench.upstream_says(says);
    let actions = bench.actions();
    assert!(!actions.contains("dial"), "{says}: {actions}");
    bench.client_reads()
}

#[test]
fn a_server_is_asked_and_its_fields_go_on_in_place_of_the_clients() {
    let mut bench = bench(SITE);
    bench.client_says(
        "POST /x?q=1 HTTP/1.1\r\nHost: a\r\nX-User: root\r\nx-team: admins\r\nX-Forwarded-Uri: /\r\n\
         x-forwarded-method: GET\r\nX-Original-URI: /free\r\nx-original-METHOD: GET\r\nX-Original: 7\r\nCookie: s=1\r\nIf-None-Match: \"a\"\r\nRange: bytes=0-1\r\n\
         Connection: x-forwarded-uri, X-Forwarded-Method, X-Own\r\nX-Own: 1\r\n\
         Expect: 100-continue\r\nContent-Length: 4\r\n\r\n",
    );
    let asked = bench.dialled(false);
    assert!(asked.starts_with("GET /check/x?h=a HTTP/1.1\r\nHost: auth:1\r\n"), "{asked}");
    for there in [
        "Cookie: s=1",
        "X-Original: 7",
        "X-Forwarded-Method: POST",
        "X-Forwarded-Uri: /x?q=1",
        "X-Forwarded-Host: a",
    ] {
        assert_eq!(asked.matches(&format!("{there}\r\n")).count(), 1, "{there} in {asked}");
    }
    for missing in ["If-None-Match", "Range", "Expect", "Content-Length", "method: GET", "X-Own"] {
        assert!(!asked.contains(missing), "{missing} in {asked}");
    }
    for ours in ["X-User", "X-Team", "X-Original-"] {
        assert!(!asked.to_lowercase().contains(&ours.to_lowercase()), "{ours} in {asked}");
    }
    bench.upstream_says(YES);
    assert!(bench.actions().starts_with("park, dial"), "the connection serves the next");
    bench.input(Input::Dialled { reused: false });
    let sent = bench.upstream_reads();
    assert!(sent.starts_with("POST /x?q=1 HTTP/1.1\r\nHost: a\r\n"), "{sent}");
    assert!(sent.contains("X-User: joe\r\n") && sent.contains("Content-Length: 4\r\n"), "{sent}");
    assert!(!sent.contains("root") && !sent.to_lowercase().contains("x-team"), "{sent}");
    assert!(bench.client_reads().contains("100 Continue"));
    bench.client_says("body");
    assert_eq!(bench.upstream_reads(), "body");
    bench.upstream_says(OK);
    assert!(bench.client_reads().starts_with("HTTP/1.1 200 "));
    assert_eq!(bench.world.counters.requests.get(), 1);
}

#[test]
fn a_question_of_too_many_fields_is_the_clients_fault() {
    for (fields, status) in [(250, None), (255, Some("HTTP/1.1 431 "))] {
        let mut bench = bench(&format!("max-fields = 256\n{SITE}"));
        bench.client_says(get(&"A: b\r\n".repeat(fields)));
        match status {
            Some(status) => assert!(bench.client_reads().starts_with(status), "{fields}"),
            None => assert!(bench.dialled(false).starts_with("GET /check/x"), "{fields}"),
        }
    }
}

#[test]
fn what_a_refusal_says() {
    let said = answered(
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer\r\nX-Secret: 1\r\nContent-Length: 6\r\n\r\nsecret",
    );
    assert!(said.starts_with("HTTP/1.1 401 ") && said.contains("WWW-Authenticate: Bearer\r\n"));
    assert!(!said.to_lowercase().contains("secret"), "{said}");
    let said =
        answered("HTTP/1.1 302 Found\r\nLocation: https://sso/?r=1\r\nSet-Cookie: a=1\r\n\r\n");
    assert!(said.starts_with("HTTP/1.1 302 ") && said.contains("Location: https://sso/?r=1\r\n"));
    assert!(said.contains("Set-Cookie: a=1\r\n"), "{said}");
    assert!(answered("HTTP/1.1 403 No\r\n\r\n").starts_with("HTTP/1.1 403 "));
}

#[test]
fn whatever_is_no_answer_closes() {
    for says in [
        "HTTP/1.1 302 Found\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let said = answered(says);
        assert!(said.starts_with("HTTP/1.1 502 "), "{says}: {said}");
    }
    let interims = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17);
    assert!(answered(&interims).starts_with("HTTP/1.1 502 "));
}

#[test]
fn interim_answers_are_none() {
    let mut bench = bench(SITE);
    bench.client_says(get(""));
    bench.dialled(false);
    bench.upstream_says(format!("HTTP/1.1 103 Early Hints\r\n\r\n{YES}"));
    assert!(bench.actions().contains("dial"));
}

#[test]
fn nobody_answers() {
    let ends: [fn(&mut Bench); 4] = [
        |bench| bench.input(Input::DialFailed { ours: false }),
        |bench| bench.wait(Duration::from_secs(5)),
        |bench| {
            bench.dialled(false);
            bench.wait(Duration::from_secs(60));
        },
        |bench| {
            bench.dialled(false);
            bench.ends(Side::Upstream, RxEnd::Reset);
        },
    ];
    for end in ends {
        let mut bench = bench(SITE);
        bench.client_says(get(""));
        end(&mut bench);
        let said = bench.client_reads();
        assert!(said.starts_with("HTTP/1.1 502 "), "{said}");
        assert!(bench.log().contains(" end=no-verdict"));
        assert!(bench.awaits_request(), "the client's connection is not to blame");
        let actions = bench.actions();
        assert!(actions.ends_with("hangup"), "{actions}");
    }
}

#[test]
fn a_drop_at_a_time_is_no_way_to_keep_a_request_waiting() {
    let mut bench = bench(SITE);
    bench.client_says(get(""));
    bench.dialled(false);
    bench.upstream_says("HTTP/1.1 200 OK\r\nX: ");
    for _ in 0..59 {
        bench.wait(Duration::from_secs(1));
        bench.upstream_says("x");
        assert!(bench.client_reads().is_empty());
    }
    bench.wait(Duration::from_secs(1));
    assert!(bench.client_reads().starts_with("HTTP/1.1 502 "));
}

#[test]
fn a_connection_that_was_idle_for_too_long_is_tried_again() {
    let mut bench = bench(SITE);
    bench.client_says(get(""));
    let first = bench.dialled(true);
    bench.ends(Side::Upstream, RxEnd::Reset);
    let again = bench.dialled(false);
    assert_eq!(first, again);
    bench.upstream_says(YES);
    assert!(bench.actions().contains("dial"));
}

#[test]
fn a_client_that_leaves_takes_its_question_along() {
    let mut bench = bench(SITE);
    bench.client_says(get(""));
    bench.dialled(false);
    bench.breaks(Side::Client);
    assert_eq!(bench.closed(), Some(CloseReason::ClientGone));
}

#[test]
fn no_path_of_a_client_is_another_question() {
    let site = "route = ^/a/(.*)$ auth:http:auth:1/check/$1\ndefault = http:app:1";
    let site = &site.replace("$1", "${qs[p]}");
    let [mut dots, mut longer] = [(); 2].map(|()| bench(site));
    dots.client_says("GET /a/x?p=.. HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(dots.client_reads().starts_with("HTTP/1.1 400 "));
    longer.client_says("GET /a/x?p=../admin HTTP/1.1\r\nHost: a\r\n\r\n");
    let asked = longer.dialled(false);
    assert!(asked.starts_with("GET /check/..%2Fadmin HTTP/1.1\r\n"), "{asked}");
}
