//! Requests that have to pass a guard: `basicauth:`, `limit:`.

use super::check::bench;
use super::*;

/// `Aladdin`, `open:sesame`.
const RIGHT: &str = "Authorization: Basic QWxhZGRpbjpvcGVuOnNlc2FtZQ==\r\n";
/// `Aladdin`, `open`.
const WRONG: &str = "Authorization: Basic QWxhZGRpbjpvcGVu\r\n";
const CHALLENGE: &str = "WWW-Authenticate: Basic realm=\"My Site\", charset=\"UTF-8\"\r\n";

fn get(fields: &str) -> String {
    format!("GET /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// What becomes of a request with these fields: the status of our answer, 0 when it went on.
fn status(bench: &mut Bench, fields: &str) -> u16 {
    bench.client_says(get(fields));
    if bench.actions().contains("dial") {
        bench.input(Input::Dialled { reused: false });
        bench.upstream_reads();
        bench.upstream_says(OK);
        assert!(bench.client_reads().starts_with("HTTP/1.1 200 "));
        return 0;
    }
    let answer = bench.client_reads();
    answer.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn a_name_and_a_password() {
    let site = "route = ^/x basicauth:My Site,Aladdin:open:sesame\n\
                route = ^/x addrequestheader:X-User: ${REMOTE_USER}\ndefault = http:app:1";
    for fields in ["", WRONG, "Authorization: Bearer x\r\n", "Authorization: Basic !\r\n"] {
        let mut bench = bench(site);
        bench.client_says(get(fields));
        let answer = bench.client_reads();
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains(CHALLENGE), "{answer}");
        assert!(bench.log().contains(" end=unauthorized"));
        assert!(bench.awaits_request(), "the connection is kept for another try");
    }
    let mut bench = bench(site);
    bench.client_says(get(&format!("{RIGHT}X-User: root\r\n")));
    let head = bench.dialled(false);
    assert!(head.contains("X-User: Aladdin\r\n") && !head.contains("root"), "{head}");
}

#[test]
fn the_next_one_may_know_whom_this_one_does_not() {
    let mut bench = bench(
        "route = ^/x basicauth-next:My Site,joe:secret\nroute-remote-user = ^joe$ break:204\n\
         route = ^/x basicauth:My Site,Aladdin:open:sesame\ndefault = http:app:1",
    );
    assert_eq!(status(&mut bench, "Authorization: Basic am9lOnNlY3JldA==\r\n"), 204);
    assert_eq!(status(&mut bench, RIGHT), 0);
    assert_eq!(status(&mut bench, WRONG), 401);
    assert_eq!(status(&mut bench, ""), 401);
}

#[test]
fn whoever_the_first_one_knows_is_not_asked_again_for_the_same() {
    const JOE: &str = "Authorization: Basic am9lOnNlY3JldA==\r\n";
    let sites = [
        ("basicauth-next:My Site,joe:secret", "basicauth:My Site,Aladdin:open:sesame", [0, 0, 401]),
        ("basicauth-next:My Site,joe:secret", "basicauth:My Site,", [0, 401, 401]),
        ("basicauth-next:Other,joe:secret", "basicauth:My Site,Aladdin:open:sesame", [401, 0, 401]),
        ("basicauth:My Site,joe:secret", "basicauth:My Site,Aladdin:open:sesame", [401, 401, 401]),
    ];
    for (first, second, comes) in sites {
        let site = format!("route = ^/x {first}\nroute = ^/x {second}\ndefault = http:app:1");
        let mut bench = bench(&site);
        assert_eq!([JOE, RIGHT, WRONG].map(|who| status(&mut bench, who)), comes, "{site}");
    }
}

/// A bench that lets in Aladdin, by a file.
fn filed(directory: &tempfile::TempDir) -> Bench {
    let path = directory.path().join("users");
    // `openssl passwd -apr1 -salt abcdefgh open:sesame`
    std::fs::write(&path, "Aladdin:$apr1$abcdefgh$61nyThxXNQvJVflxZVKPt1\n").unwrap();
    bench(&format!("route = ^/x basicauth:My Site,{}\ndefault = http:app:1", path.display()))
}

#[test]
fn a_password_of_a_file_is_compared_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    for (answer, comes) in [(Some(true), 0), (Some(false), 401), (None, 503)] {
        let mut bench = filed(&directory);
        bench.client_says(get(RIGHT));
        assert_eq!(bench.actions(), "verify");
        assert!(bench.client_reads().is_empty());
        bench.input(Input::Verified(answer));
        match comes {
            0 => assert!(bench.actions().contains("dial")),
            _ => {
                let said = bench.client_reads();
                assert!(said.starts_with(&format!("HTTP/1.1 {comes} ")), "{said}");
                assert_eq!(said.contains(CHALLENGE), comes == 401);
            }
        }
    }
}

#[test]
fn a_password_that_nobody_has_time_for_is_no_right_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut bench = filed(&directory);
    bench.client_says(get(RIGHT));
    bench.actions();
    bench.wait(Duration::from_secs(10));
    let answer = bench.client_reads();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("Connection: close\r\n"));
    bench.input(Input::Verified(Some(true)));
    assert_eq!(bench.actions(), "", "it is too late");
    assert!(!bench.awaits_request(), "nor is it the answer to the next request");
}

#[test]
fn an_answer_for_one_request_is_none_for_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let mut bench = filed(&directory);
    bench.client_says(get(RIGHT) + &get(WRONG));
    assert_eq!(bench.actions(), "verify");
    bench.input(Input::Verified(Some(true)));
    bench.dialled(false);
    bench.upstream_says(OK);
    bench.client_reads();
    assert_eq!(bench.actions(), "park, verify");
    bench.input(Input::Verified(Some(false)));
    assert!(bench.client_reads().starts_with("HTTP/1.1 401 "));
}

#[test]
fn so_many_and_no_more() {
    let mut bench = bench("route = ^/x limit:6/m,burst=2\ndefault = http:app:1");
    assert_eq!([0; 2].map(|_| status(&mut bench, "")), [0, 0]);
    bench.client_says(get(""));
    let answer = bench.client_reads();
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("Retry-After: 10\r\n"));
    assert!(bench.log().contains(" end=too-many-requests"));
    bench.wait(Duration::from_millis(9_999));
    assert_eq!(status(&mut bench, ""), 429);
    bench.wait(Duration::from_millis(1));
    assert_eq!([0; 2].map(|_| status(&mut bench, "")), [0, 429]);
}

#[test]
fn so_many_of_each_key() {
    let mut bench = bench(
        "route = ^/x limit:1/m,key=${HTTP_X_KEY}\nroute-run = limit:1/s\ndefault = http:app:1",
    );
    assert_eq!(status(&mut bench, "X-Key: a\r\n"), 0);
    bench.wait(Duration::from_secs(1));
    assert_eq!(status(&mut bench, "X-Key: b\r\n"), 0);
    assert_eq!(status(&mut bench, "X-Key: c\r\n"), 429, "the other limit");
    bench.wait(Duration::from_secs(1));
    let keys = ["a", "b", "c", "d"].map(|key| status(&mut bench, &format!("X-Key: {key}\r\n")));
    assert_eq!(keys, [429, 429, 429, 0], "c was counted though the second limit stopped it");
}

#[test]
fn a_request_that_waits_in_between_is_counted_once() {
    let mut bench = bench(
        "route = ^/x limit:2/m,burst=2\nroute-if = exists:/off break:503\ndefault = http:app:1",
    );
    for _ in 0..2 {
        bench.client_says(get(""));
        assert!(bench.actions().contains("look"));
        bench.input(Input::Looked(Some(false)));
        bench.dialled(false);
        bench.upstream_says(OK);
        bench.client_reads();
    }
    bench.client_says(get(""));
    assert!(bench.client_reads().starts_with("HTTP/1.1 429 "));
}
