//! Clients that come over TLS.

use std::sync::Arc;

use super::terminated::handshake;
use super::*;
use crate::base::{ByName, Certificate, NameRules, RuleId};
use crate::config::CertificateHeader;
use crate::proto::ws::Draft;
use crate::session::{Peer, Secure};

const GET: &str = "GET /http HTTP/1.1\r\nHost: open.example.com\r\n";

/// A client whose handshake came to `rule`, at a listener where `guarded.example.com` has another.
fn secured(
    rule: usize,
    certificate: Option<Arc<Certificate>>,
    change: impl FnOnce(&mut Generation),
) -> Bench {
    let mut bench = Bench::with(change);
    let now = bench.world.clock.now();
    bench.client = Client::greeted(Peer { secure: true, server_port: 443, ..peer() }, now);
    let mut rules = ByName::new(RuleId::nth(0));
    rules.insert("guarded.example.com", RuleId::nth(1));
    let names = Arc::new(NameRules::new(rules));
    bench.client.opened(Secure { rule: RuleId::nth(rule), names, certificate }, now);
    bench
}

fn certificate() -> Option<Arc<Certificate>> {
    Some(Arc::new(Certificate {
        der: Box::from([7; 60]),
        text: "BwcH".repeat(20).into(),
        subject: "/CN=someone".into(),
        fingerprint: "ab".repeat(32).into(),
    }))
}

/// The bench's route `name`, to be changed.
fn route<'a>(generation: &'a mut Generation, name: &str) -> &'a mut Route {
    let nth = ROUTES.iter().position(|route| *route == name).unwrap();
    Arc::get_mut(&mut generation.routes[nth]).unwrap()
}

#[test]
fn upstreams_learn_that_it_was_https() {
    let mut bench = secured(0, None, |_| {});
    bench.client_says([GET, "\r\n"].concat());
    assert!(bench.dialled(false).contains("X-Forwarded-Proto: https\r\n"));
    let mut bench = secured(0, None, |_| {});
    bench.client_says([GET, "\r\n"].concat().replace("/http", "/uwsgi"));
    assert!(bench.dialled(false).contains("HTTPS\u{2}\0on"));
}

#[test]
fn old_browsers_compare_the_location_with_wss() {
    for (draft, name) in
        [(Draft::Hixie75, "WebSocket-Location"), (Draft::Hixie76, "Sec-WebSocket-Location")]
    {
        let mut bench = secured(0, None, |_| {});
        bench.client_says(handshake("echo", draft, ""));
        let answer = bench.client_reads();
        assert!(answer.contains(&format!("\r\n{name}: wss://a.example/echo\r\n")), "{answer}");
    }
}

#[test]
fn a_client_that_was_refused_gets_to_read_why() {
    let mut bench = Bench::with(|_| {});
    let now = bench.world.clock.now();
    bench.client = Client::greeted(Peer { secure: true, server_port: 443, ..peer() }, now);
    let Bench { client, world, .. } = &mut bench;
    client.not_opened(&mut world.cx(now));
    bench.client_says("what it had on its way");
    assert_eq!(bench.ports[0].tx_end, Some(TxEnd::Finish));
    assert!(bench.ports[0].rx.is_empty());
    assert_eq!(bench.closed(), None);
    bench.ends(Side::Client, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::TlsHandshake));
}

/// SECURITY: TLS name and Host that disagree across rules for client certificates: 421.
#[test]
fn a_host_under_another_rule_is_misdirected() {
    for (rule, host, misdirected) in [
        (0, "open.example.com", false),
        (0, "guarded.example.com", true),
        (0, "GUARDED.example.com.:443", true),
        (1, "guarded.example.com", false),
        (1, "open.example.com", true),
    ] {
        let mut bench = secured(rule, None, |_| {});
        bench.client_says(format!("GET /http HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let refused = bench.client_reads().starts_with("HTTP/1.1 421 ");
        assert_eq!(refused, misdirected, "{host} by a connection under rule {rule}");
    }
}

#[test]
fn uwsgi_servers_learn_of_the_clients_certificate() {
    for export in [false, true] {
        let mut bench = secured(0, certificate(), |generation| {
            route(generation, "uwsgi").certificates.export = export;
        });
        bench.client_says([GET, "\r\n"].concat().replace("/http", "/uwsgi"));
        let packet = bench.dialled(false);
        assert!(packet.contains("HTTPS_CLIENT_CERTIFICATE\u{3c}\0\u{7}\u{7}"));
        assert!(packet.contains("HTTPS_DN\u{b}\0/CN=someone"));
        assert_eq!(packet.contains("HTTPS_CC"), export);
        let (line, rest) = ("BwcH".repeat(16), "BwcH".repeat(4));
        let pem =
            format!("-----BEGIN CERTIFICATE-----\n{line}\n{rest}\n-----END CERTIFICATE-----\n");
        assert_eq!(packet.contains(&pem), export);
    }
}

/// SECURITY: what a client says of its certificate is never believed.
#[test]
fn fields_about_certificates_are_ours_alone() {
    let headers = || {
        vec![
            ("X-Subject".to_owned(), CertificateHeader::Subject),
            ("Client-Cert".to_owned(), CertificateHeader::Whole),
            ("X-Print".to_owned(), CertificateHeader::Fingerprint),
            ("X-Verified".to_owned(), CertificateHeader::Verified),
        ]
    };
    let lies =
        "x-subject: /CN=root\r\nCLIENT-CERT: :AAAA:\r\nX-Print: 00\r\nX-verified: SUCCESS\r\n\r\n";
    for shown in [None, certificate()] {
        let with = shown.is_some();
        let mut bench = secured(0, shown, |generation| {
            route(generation, "http").certificates.headers = headers();
        });
        bench.client_says([GET, lies].concat());
        let request = bench.dialled(false);
        assert!(
            !request.contains("root") && !request.contains("AAAA") && !request.contains(": 00")
        );
        assert_eq!(request.contains("X-Subject: /CN=someone\r\n"), with);
        assert_eq!(request.contains("Client-Cert: :BwcH"), with);
        assert_eq!(request.contains(&format!("X-Print: {}\r\n", "ab".repeat(32))), with);
        assert_eq!(request.contains("X-Verified: SUCCESS\r\n"), with);
        assert_eq!(request.contains("X-Verified: NONE\r\n"), !with);
        assert_eq!(request.to_ascii_lowercase().matches("x-verified").count(), 1);
    }
}

#[test]
fn a_handshake_has_its_time() {
    let mut bench = Bench::new();
    bench.client = Client::greeted(peer(), bench.world.clock.now());
    assert_eq!(bench.closed(), None);
    bench.wait(Duration::from_secs(9));
    assert_eq!(bench.closed(), None);
    bench.wait(Duration::from_secs(2));
    assert_eq!(bench.closed(), Some(CloseReason::TlsTimeout));
}
