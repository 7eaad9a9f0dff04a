//! What the admin socket shows and closes.

use super::track::{CLIENT, UPSTREAM, close, frame, open, text, told};
use super::*;
use crate::base::Counters;
use crate::channel::{BusTraffic, InstanceStatus, Traffic};
use crate::proto::ws::Opcode;
use crate::session::admin::*;

/// The row of a bench's tunnel.
fn row(bench: &Bench) -> String {
    let live = bench.client.live(&bench.ports, bench.active, bench.world.clock.now());
    let mut out = Vec::new();
    put_live(&live.expect("a tunnel"), 3, &mut out);
    String::from_utf8(out).expect("JSON")
}

#[test]
fn a_tracked_websocket_is_shown_with_its_frames() {
    let mut bench = open();
    bench.client_says(text(CLIENT, "hello"));
    bench.client_says(frame(CLIENT, Opcode::Text, false, b"one"));
    bench.upstream_says(text(UPSTREAM, "world!"));
    bench.takes_bytes(UPSTREAM);
    bench.wait(Duration::from_secs(5));
    assert_eq!(
        row(&bench),
        "{\"id\":0,\"worker\":3,\"client\":\"192.0.2.7\",\"port\":4711,\"route\":\"track\",\
         \"upstream\":\"track-0:80\",\"kind\":\"websocket\",\"draft\":\"13\",\"mode\":\"track\",\
         \"state\":\"open\",\"age_ms\":5000,\"idle_ms\":5000,\"bytes_in\":20,\"bytes_out\":8,\
         \"queued_in\":0,\"queued_out\":8,\"held\":0,\"messages_in\":1,\"messages_out\":1,\"fragments_in\":1,\
         \"fragments_out\":0,\"pings_in\":0,\"pings_out\":0,\"pongs_in\":0,\"pongs_out\":0}"
    );
}

#[test]
fn our_own_ping_is_no_end_of_idling_and_its_answer_is_timed() {
    let mut bench = open();
    bench.expire();
    let ping = bench.takes_bytes(CLIENT);
    bench.wait(Duration::from_millis(70));
    bench.client_says(frame(CLIENT, Opcode::Pong, true, &ping[2..]));
    let age = bench.world.clock.now().get();
    let row = row(&bench);
    assert!(row.contains(&format!("\"age_ms\":{age},\"idle_ms\":{age}")), "{row}");
    assert!(row.ends_with(",\"rtt_ms\":70}"), "{row}");
}

#[test]
fn a_tunnel_nobody_looks_into_is_shown_without_frames() {
    let mut bench = Bench::new();
    bench.client_says("GET /raw HTTP/1.1\r\nHost: a\r\n\r\n");
    bench.dialled(false);
    bench.upstream_says("anything");
    let row = row(&bench);
    assert!(row.contains("\"kind\":\"raw\",\"draft\":null,\"mode\":\"raw\""), "{row}");
    assert!(!row.contains("messages"), "{row}");
    let mut bench = asked(GET);
    bench.upstream_says(OK);
    assert!(bench.client.live(&bench.ports, bench.active, bench.active).is_none());
}

#[test]
fn one_that_was_killed_is_told_to_both_sides() {
    let mut bench = open();
    bench.client_says(&frame(CLIENT, Opcode::Text, true, b"half")[..8]);
    assert_eq!(bench.takes_bytes(UPSTREAM).len(), 8);
    let now = bench.world.clock.now();
    assert!(bench.client.leave(CloseReason::Killed, now));
    bench.advance();
    assert_eq!(bench.takes_bytes(UPSTREAM), b"", "not inside a frame");
    assert_eq!(told(&mut bench, CLIENT), 1001);
    bench.client_says(&frame(CLIENT, Opcode::Text, true, b"half")[8..]);
    assert!(row(&bench).contains("\"state\":\"closing\""));
    assert_eq!(bench.takes_bytes(UPSTREAM).len(), 2 + 8);
    bench.client_says(close(CLIENT, 1001));
    bench.upstream_says(close(UPSTREAM, 1001));
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Killed));
    assert!(bench.log().contains("end=killed"));
}

#[test]
fn a_side_that_said_close_itself_is_closing_but_may_still_be_killed() {
    let mut bench = open();
    bench.client_says(close(CLIENT, 1000));
    assert!(row(&bench).contains("\"state\":\"closing\""));
    let is_leaving = |bench: &Bench| bench.client.tunnel().expect("a tunnel").is_leaving();
    assert!(!is_leaving(&bench));
    let now = bench.world.clock.now();
    assert!(bench.client.leave(CloseReason::Killed, now));
    assert!(is_leaving(&bench));
}

#[test]
fn filters() {
    let bench = open();
    let takes = |query: &str| {
        let filter = Filter::listed(Some(query.as_bytes())).expect(query);
        filter.takes(&bench.client)
    };
    for query in [
        "",
        "id=0",
        "id=7&id=0",
        "route=track",
        "client=192.0.2.7",
        "limit=1&id=0",
        "upstream=track-0:80",
    ] {
        assert!(takes(query), "{query}");
    }
    assert!(takes("route=%74rack&client=::ffff:192.0.2.7&id=0"));
    for query in [
        "id=1",
        "route=trac",
        "route=",
        "client=192.0.2.8",
        "client=unix",
        "id=0&route=x",
        "upstream=track-0",
    ] {
        assert!(!takes(query), "{query}");
    }
    assert!(!Filter::listed(None).expect("all").takes(&asked(GET).client));
}

#[test]
fn nothing_is_closed_that_was_not_asked_for_in_so_many_words() {
    for query in
        ["", "all=0", "all", "all=1&id=1", "rout=x", "id=", "id=-1", "limit=1", "id=1&all=1"]
    {
        assert!(Filter::closed(Some(query.as_bytes())).is_err(), "{query}");
    }
    assert!(Filter::closed(None).is_err());
    for query in
        ["all=1", "id=1&id=2", "route=a", "client=::1", "route=a&client=unix", "upstream=a:1"]
    {
        assert!(Filter::closed(Some(query.as_bytes())).is_ok(), "{query}");
    }
    let said = |query: &str| Filter::listed(Some(query.as_bytes())).unwrap_err().to_string();
    assert_eq!(
        said("all=1"),
        "there is no \"all\" here: expected route, client, upstream, id or limit"
    );
    assert_eq!(said("client=me"), "client=\"me\": expected an IP address, or unix");
    assert_eq!(said("route=a&route=b"), "route is given twice");
}

#[test]
fn a_status_sums_up_and_shows_each_worker() {
    let counters = [Counters::new(), Counters::new()];
    for (index, counters) in counters.iter().enumerate() {
        counters.accepted.add(10 + index as u64);
        counters.tunnels_opened.add(5);
        counters.tunnels_closed.add(2);
        counters.close_reason(CloseReason::Killed as usize);
    }
    let inside = [Some(Inside { blocks: 2, bytes: 1 << 20, messages: 5 }), None];
    let workers: Vec<WorkerStatus<'_>> = counters
        .iter()
        .zip(inside)
        .map(|(counters, inside)| WorkerStatus { counters, inside })
        .collect();
    let server = ServerStatus {
        address: "app.internal:9000".into(),
        found: vec!["10.0.0.1:9000".into(), "[::1]:9000".into()],
        state: "down",
        ill: Some("status 500".into()),
        sessions: 7,
        max: Some(9),
        weight: 2,
        backup: true,
    };
    let traffic = Traffic { sent: 1, lost: 2, received: 3, repeated: 4, gaps: 5 };
    let other =
        InstanceStatus { id: [2; 16], link: Some(7), links: 2, bytes: 30, waiting: 3, traffic };
    let status = Status {
        version: "1.2.3",
        pid: 99,
        uptime: Duration::from_secs(60),
        draining: false,
        certificates: &[CertificateStatus {
            file: "/etc/tls/\"a\".pem".into(),
            subject: "CN=a.example".into(),
            end: 86_400,
            days: -3,
            stapled: true,
        }],
        upstreams: &[UpstreamStatus {
            name: "app".into(),
            protocol: "http",
            balance: "least",
            waiting: 4,
            servers: vec![server],
        }],
        instances: Some(&InstancesStatus {
            me: [1; 16],
            others: vec![(other, Some("10.0.0.2:7400".into()))],
            failing: vec![("10.0.0.3:7400".into(), "refused".into())],
            refused: 6,
        }),
        bus: Some(&BusStatus {
            me: [1; 16],
            address: "redis://10.0.0.9:6379/0".into(),
            linked: false,
            failing: Some("it has closed".into()),
            others: vec![[2; 16], [3; 16]],
            channels: 7,
            waiting: 8,
            waiting_bytes: 9,
            traffic: BusTraffic { sent: 1, lost: 2, received: 3, repeated: 4, gaps: 5, strange: 6 },
        }),
        workers: &workers,
    };
    let mut out = Vec::new();
    put_status(&status, &mut out);
    let json: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(
        (json["version"].as_str(), json["uptime_ms"].as_u64()),
        (Some("1.2.3"), Some(60_000))
    );
    assert_eq!(
        (json["tunnels"].as_u64(), json["memory"]["bytes"].as_u64()),
        (Some(6), Some(1 << 20))
    );
    let certificate = serde_json::json!({
        "file": "/etc/tls/\"a\".pem", "subject": "CN=a.example", "not_after": "1970-01-02T00:00:00.000Z",
        "days_left": -3, "stapled": true,
    });
    assert_eq!(json["certificates"], serde_json::json!([certificate]));
    let server = serde_json::json!({
        "address": "app.internal:9000", "found": ["10.0.0.1:9000", "[::1]:9000"], "state": "down", "ill": "status 500",
        "sessions": 7, "max": 9, "weight": 2, "backup": true,
    });
    let group = serde_json::json!({
        "name": "app", "protocol": "http", "balance": "least", "waiting": 4, "servers": [server],
    });
    assert_eq!(json["upstreams"], serde_json::json!([group]));
    let other = serde_json::json!({
        "id": "02020202", "linked": true, "links": 2, "address": "10.0.0.2:7400", "waiting": 3, "waiting_bytes": 30,
        "sent": 1, "lost": 2, "received": 3, "repeated": 4, "gaps": 5,
    });
    let instances = serde_json::json!({
        "id": "01010101", "alone": false, "refused": 6, "others": [other],
        "failing": [{"address": "10.0.0.3:7400", "said": "refused"}],
    });
    assert_eq!(json["instances"], instances);
    let bus = serde_json::json!({
        "address": "redis://10.0.0.9:6379/0", "id": "01010101", "linked": false, "failing": "it has closed",
        "others": ["02020202", "03030303"], "channels": 7, "waiting": 8, "waiting_bytes": 9,
        "sent": 1, "lost": 2, "received": 3, "repeated": 4, "gaps": 5, "strange": 6,
    });
    assert_eq!(json["bus"], bus);
    assert_eq!(json["counters"]["accepted"], 21);
    assert_eq!(json["close_reasons"]["killed"], 2);
    let [first, second] = json["workers"].as_array().expect("workers").as_slice() else {
        panic!("two workers: {json}")
    };
    assert_eq!(
        (first["answers"].as_bool(), second["answers"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!((first["memory"]["blocks"].as_u64(), second.get("memory")), (Some(2), None));
    assert_eq!(
        (&first["counters"]["accepted"], &second["counters"]["accepted"]),
        (&10.into(), &11.into())
    );
}
