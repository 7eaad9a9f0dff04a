//! Request bodies on their way, and upstreams that do not want them.

use super::*;

const POST: &str = "POST /http HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";

#[test]
fn the_rest_of_a_body_the_upstream_refused_never_becomes_a_request() {
    let mut bench = asked(format!("{POST}12345"));
    bench.breaks(Side::Upstream);
    bench.upstream_says(OK);
    assert_eq!(bench.actions(), "hangup");
    assert!(bench.client_reads().contains("Connection: close\r\n"));
    bench.client_says("67890GET /http HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(bench.actions(), "");
}

#[test]
fn a_body_refused_after_the_response_began_ends_the_connection_too() {
    let mut bench = asked(format!("{POST}12345"));
    bench.upstream_says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    bench.breaks(Side::Upstream);
    bench.upstream_says("ok");
    assert_eq!(bench.actions(), "hangup");
    assert!(bench.client_reads().ends_with("ok"));
    bench.client_says("67890GET /http HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(bench.actions(), "");
    bench.ends(Side::Client, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Done));
}

#[test]
fn a_silent_client_is_told_so_before_it_is_closed() {
    let mut bench = asked(format!("{POST}12345"));
    bench.expire();
    assert_eq!(bench.closed(), None, "the answer is still to be sent");
    assert!(bench.client_reads().starts_with("HTTP/1.1 408 "));
    assert_eq!(bench.actions(), "hangup");
    bench.expire();
    assert_eq!(bench.closed(), Some(CloseReason::BodyTimeout));
    assert_eq!(bench.ports[0].tx_end, Some(TxEnd::Finish));
}

#[test]
fn a_raw_body_is_not_touched() {
    let mut bench = Bench::new();
    let head = "POST /raw HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    bench.client_says(format!("{head}a\r\n0123"));
    assert_eq!(bench.actions(), "dial 0 fresh", "it could not be tried again");
    bench.input(Input::Dialled { reused: false });
    bench.client_says("456789\r\n0\r\n\r\n");
    let sent = bench.upstream_reads();
    assert!(sent.ends_with("\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"), "{sent}");
}

#[test]
fn nothing_behind_a_raw_body_reaches_a_server_that_could_take_it_for_a_request() {
    let next = "POST /admin HTTP/1.1\r\nHost: a\r\n\r\n";
    for (framing, body) in [
        ("Transfer-Encoding: chunked", "4;x=y\r\n0123\r\n0\r\nTrailer: z\r\n\r\n"),
        ("Content-Length: 10", "0123456789"),
        ("Content-Length: 0", ""),
        ("X: none", ""),
    ] {
        for at in 0..=body.len() {
            let mut bench = Bench::new();
            let (early, late) = body.split_at(at);
            bench.client_says(format!("POST /raw HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{early}"));
            bench.input(Input::Dialled { reused: false });
            bench.client_says(format!("{late}{next}"));
            bench.client_says(next);
            let sent = bench.upstream_reads();
            let (_, passed) = sent.split_once("\r\n\r\n").expect("a head");
            assert_eq!(passed, body, "{framing}, {at}");
            bench.upstream_says("HTTP/1.1 200 OK\r\n\r\nall of it");
            assert!(bench.client_reads().ends_with("all of it"), "{framing}");
        }
    }
}

#[test]
fn a_raw_body_whose_end_nobody_can_tell_ends_the_connection() {
    let mut bench = Bench::new();
    bench.client_says("POST /raw HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    bench.input(Input::Dialled { reused: false });
    bench.client_says("0x5\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(bench.closed(), Some(CloseReason::BadChunk));
    assert!(!bench.upstream_reads().contains("admin"));
}

#[test]
fn an_answer_that_comes_before_the_body_says_that_the_connection_ends() {
    let mut bench = asked("POST /uwsgi HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    bench.upstream_says(OK);
    assert_eq!(bench.actions(), "hangup");
    assert!(bench.client_reads().contains("Connection: close\r\n"));
}
