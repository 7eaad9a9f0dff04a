//! Between requests: what is kept, what ends, and that no answer is lost on the way.

use super::*;

#[test]
fn a_request_and_its_response_leave_both_connections_ready_for_more() {
    let mut bench = Bench::new();
    bench.client_says(GET);
    assert_eq!(bench.actions(), "dial 0");
    bench.input(Input::Dialled { reused: false });
    assert!(bench.upstream_reads().starts_with("GET /http HTTP/1.1\r\nHost: a\r\n"));
    bench.upstream_says(OK);
    assert_eq!(bench.actions(), "park");
    assert!(bench.client_reads().ends_with("\r\n\r\nok"));
    assert!(bench.awaits_request());
    assert!(bench.log().contains("end=done"));
    bench.client_says(GET);
    assert_eq!(bench.actions(), "dial 0");
}

#[test]
fn a_uwsgi_connection_serves_one_request() {
    let mut bench = asked("GET /uwsgi HTTP/1.1\r\nHost: a\r\n\r\n");
    bench.upstream_says(OK);
    assert_eq!(bench.actions(), "hangup");
    assert!(bench.client_reads().ends_with("ok"));
    assert!(bench.awaits_request());
}

#[test]
fn the_end_of_a_request_leaves_though_it_was_answered_before() {
    let mut bench = asked("POST /http HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst");
    bench.upstream_says(OK);
    assert_eq!(bench.actions(), "");
    bench.client_says("other");
    assert_eq!(bench.actions(), "");
    assert_eq!(bench.upstream_reads(), "other");
    assert_eq!(bench.actions(), "park");
    assert!(bench.client_reads().ends_with("ok"));
    assert!(bench.awaits_request());
}

#[test]
fn an_upstream_that_has_ended_is_not_kept() {
    let mut bench = asked(GET);
    bench.upstream_says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    bench.ports[1].rx_end = Some(RxEnd::Finished);
    bench.upstream_says("ok");
    assert_eq!(bench.actions(), "hangup");
}

#[test]
fn bytes_behind_a_response_make_the_upstream_unfit() {
    let mut bench = asked(GET);
    bench.upstream_says(format!("{OK}HTTP/1.1 200 OK\r\n\r\n"));
    assert_eq!(bench.actions(), "hangup");
    assert!(bench.client_reads().ends_with("ok"));
}

/// A bench whose kept connection still has most of a large response to send.
fn with_a_tail() -> Bench {
    let mut bench = asked(GET);
    bench.upstream_says("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    bench.upstream_says(vec![b'x'; 100_000]);
    assert_eq!(bench.actions(), "park");
    assert_eq!(bench.closed(), None);
    bench
}

#[test]
fn a_client_that_half_closed_still_gets_its_whole_response() {
    let mut bench = with_a_tail();
    bench.ends(Side::Client, RxEnd::Finished);
    assert_eq!(bench.closed(), None);
    assert!(bench.client_reads().len() > 100_000);
    assert_eq!(bench.closed(), Some(CloseReason::Done));
    assert_eq!(bench.ports[0].tx_end, Some(TxEnd::Close));
}

#[test]
fn a_client_that_may_say_more_is_not_closed_upon_when_a_response_is_cut() {
    for (request, end, over) in [
        (GET, TxEnd::Finish, None),
        (
            "GET /http HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            TxEnd::Close,
            Some(CloseReason::ResponseCut),
        ),
    ] {
        let mut bench = asked(request);
        bench.upstream_says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        bench.ends(Side::Upstream, RxEnd::Finished);
        assert!(bench.client_reads().ends_with("\r\n\r\n"));
        assert_eq!((bench.ports[0].tx_end, bench.closed()), (Some(end), over));
    }
}

#[test]
fn draining_lets_a_response_through() {
    let mut bench = with_a_tail();
    bench.world.draining = true;
    bench.advance();
    assert_eq!(bench.closed(), None);
    assert!(bench.client_reads().len() > 100_000);
    assert_eq!(bench.closed(), Some(CloseReason::Drained));
}

#[test]
fn a_connection_with_a_tail_is_not_idle() {
    let mut bench = with_a_tail();
    assert!(!bench.awaits_request());
    bench.client_reads();
    assert!(bench.awaits_request());
}

#[test]
fn the_idle_time_begins_when_the_last_byte_has_left() {
    let mut bench = with_a_tail();
    bench.wait(Duration::from_secs(KEEPALIVE - 1));
    bench.client_reads();
    bench.wait(Duration::from_secs(KEEPALIVE - 1));
    assert_eq!(bench.closed(), None);
    bench.expire();
    assert_eq!(bench.closed(), Some(CloseReason::Idle));
}

/// Asks for answers of this length and reads none, until no room is left for another.
fn crammed(length: usize) -> Bench {
    let mut bench = Bench::new();
    let mut asked = 0;
    while bench.ports[0].tx.room() > 0 {
        bench.client_says(GET);
        bench.actions();
        bench.input(Input::Dialled { reused: true });
        bench.upstream_reads();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        bench.upstream_says([head.as_bytes(), &vec![b'x'; length]].concat());
        asked += 1;
        assert!(asked < 100);
    }
    bench.actions();
    bench.client_says(GET);
    assert_eq!(bench.actions(), "", "no further answer is made");
    assert!(capacity(&bench.ports[0]).1 < HIGH_WATER + 3 * crate::buf::BLOCK);
    bench
}

#[test]
fn a_client_that_asks_on_and_never_reads_is_held_back_and_then_closed() {
    let mut bench = crammed(40_000);
    bench.expire();
    assert_eq!(bench.closed(), Some(CloseReason::ClientGone));
    assert_eq!(bench.ports[0].tx_end, Some(TxEnd::Abort));
}

#[test]
fn the_same_where_the_last_answer_has_just_found_room() {
    let mut bench = crammed(30_000);
    bench.expire();
    assert_eq!(bench.closed(), None, "what is queued may still leave");
    bench.expire();
    assert_eq!(bench.closed(), Some(CloseReason::ClientGone));
}
