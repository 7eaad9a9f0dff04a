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
