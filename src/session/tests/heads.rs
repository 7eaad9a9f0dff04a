//! Heads lie in the blocks of what they belong to, where there is room.

use super::*;

const OTHER: &str = "GET /http?other HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_request_is_written_into_the_block_it_came_in() {
    let mut bench = Bench::new();
    bench.client_says(GET);
    assert_eq!((bench.actions(), bench.world.pool.taken()), ("dial 0".to_owned(), 1));
    bench.input(Input::Dialled { reused: true });
    assert!(bench.upstream_reads().starts_with("GET /http HTTP/1.1\r\nHost: a\r\n"));
    // The connection was dead: it is written anew from what came.
    bench.ends(Side::Upstream, RxEnd::Finished);
    assert!(bench.dialled(false).starts_with("GET /http HTTP/1.1\r\nHost: a\r\n"));
    bench.upstream_says(OK);
    assert!(bench.client_reads().ends_with("\r\n\r\nok"));
    assert_eq!(bench.world.pool.taken(), 0);
}

#[test]
fn one_that_another_stands_behind_leaves_that_alone() {
    let mut bench = Bench::new();
    bench.client_says([GET, OTHER].concat());
    assert!(bench.dialled(false).starts_with("GET /http HTTP"));
    bench.upstream_says(OK);
    assert_eq!(bench.client_reads().matches("HTTP/1.1 200 OK").count(), 1);
    assert!(bench.dialled(true).starts_with("GET /http?other HTTP"));
}

#[test]
fn the_beginning_of_its_body_stays_behind_it() {
    let head = "POST /http HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
    let mut bench = asked([head, "bo"].concat());
    bench.client_says("dy");
    assert_eq!(bench.upstream_reads(), "dy");
    bench.upstream_says(OK);
    assert!(bench.client_reads().ends_with("ok"));
    let log = bench.log();
    assert!(log.contains(" in=4 "), "{log}");
}

#[test]
fn a_response_is_one_piece_with_its_head() {
    let mut bench = asked(GET);
    let body = "x".repeat(10_000);
    let copied = bench.world.pool.copied().1;
    bench.upstream_says(format!("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n{body}"));
    assert!(!bench.ports[0].tx.is_split(), "one write will do");
    assert_eq!((bench.world.pool.taken(), bench.world.pool.copied().1), (1, copied));
    let said = bench.client_reads();
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.contains("\r\nDate: "), "{said:.100}");
    assert_eq!(said.split_once("\r\n\r\n").map(|(_, said)| said == body), Some(true));
}

#[test]
fn a_response_whose_body_comes_later_has_its_head_before_it() {
    let mut bench = asked(GET);
    bench.upstream_says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    assert!(bench.client_reads().ends_with("\r\nContent-Length: 4\r\n\r\n"));
    bench.upstream_says("bo");
    bench.upstream_says("dy");
    assert_eq!(bench.client_reads(), "body");
    let log = bench.log();
    assert!(log.contains(" 200 4 "), "{log}");
}
