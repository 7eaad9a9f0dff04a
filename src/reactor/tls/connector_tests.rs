//! Tests of connectors: whom they trust, and what becomes of that when files change.

use rustls::{NoKeyLog, ServerConfig};

use super::super::testing::{Authority, Issued, Met, Refused, Site, shake_hands, terms};
use super::*;

const NAME: &str = "app.example";
const FULL: Result<Met, Refused> = Ok(Met { resumed: false, known: false });

fn trust(site: &Site, authorities: Option<&str>) -> Trust {
    let place = Place { file: "site.ini".into(), line: 3, column: 1 };
    let authorities = authorities.map(|pem| site.write("ca.pem", pem));
    Trust { place, authorities, own: None, protocol: Some("http/1.1") }
}

/// A server of app.example, and who signed its certificate.
fn server(site: &Site) -> (Arc<ServerConfig>, Authority) {
    let authority = Authority::new("servers");
    let own = site.present("server", &authority.issue(&[NAME, "127.0.0.1"]));
    (site.config(&[terms(":443", own)], 0, NAME), authority)
}

fn connectors() -> Connectors {
    Connectors::new(Arc::new(NoKeyLog {}))
}

fn connect(connectors: &mut Connectors, trust: &Trust, name: &str) -> Arc<Connector> {
    let mut problems = Vec::new();
    let found = connectors.connect(trust, &[server_name(name).unwrap()], &mut problems);
    assert_eq!(problems, []);
    Arc::clone(&found[0])
}

fn dial(connector: &Connector, server: &Arc<ServerConfig>) -> Result<Met, Refused> {
    shake_hands(connector.config(), connector.name.clone(), Arc::clone(server))
}

#[test]
fn only_the_expected_name_by_a_trusted_authority_is_taken() {
    let site = Site::new();
    let (server, authority) = server(&site);
    let mut connectors = connectors();
    let good = trust(&site, Some(&authority.pem));
    for (name, met) in [
        (NAME, FULL),
        ("app.example.", FULL),
        ("127.0.0.1", FULL),
        ("other.example", Err(Refused::ByClient)),
        ("127.0.0.2", Err(Refused::ByClient)),
    ] {
        assert_eq!(dial(&connect(&mut connectors, &good, name), &server), met, "{name}");
    }
    let bad = trust(&site, Some(&Authority::new("others").pem));
    let mut connectors = self::connectors();
    let refused = Err(Refused::ByClient);
    assert_eq!(dial(&connect(&mut connectors, &bad, NAME), &server), refused);
    let system = trust(&site, None);
    let mut problems = Vec::new();
    // A machine without roots of its own says so, and trusts nobody.
    for connector in connectors.connect(&system, &[server_name(NAME).unwrap()], &mut problems) {
        assert_eq!(dial(&connector, &server), refused);
    }
}

#[test]
fn a_server_that_signed_for_itself_is_taken_where_its_certificate_is_named() {
    let site = Site::new();
    let own = Issued::by_itself(&[NAME], 2024..2124);
    let server = site.config(&[terms(":443", site.present("server", &own))], 0, NAME);
    let trust = trust(&site, Some(&own.certificate));
    let mut connectors = connectors();
    assert_eq!(dial(&connect(&mut connectors, &trust, NAME), &server), FULL);
    let refused = Err(Refused::ByClient);
    let other = connect(&mut connectors, &trust, "other.example");
    assert_eq!(dial(&other, &server), refused, "its name counts");
    for years in [2020..2021, 2120..2124] {
        let own = Issued::by_itself(&[NAME], years);
        let server = site.config(&[terms(":443", site.present("server", &own))], 0, NAME);
        site.write("ca.pem", &own.certificate);
        connectors.refresh(&mut Vec::new());
        let expired = connect(&mut connectors, &trust, NAME);
        assert_eq!(dial(&expired, &server), refused, "so does the date");
    }
    let twin = Issued::by_itself(&[NAME], 2024..2124);
    site.write("ca.pem", &twin.certificate);
    let stranger = connect(&mut self::connectors(), &trust, NAME);
    assert_eq!(dial(&stranger, &server), refused, "and no other of that name is it");
}

#[test]
fn sessions_are_resumed_until_the_files_change() {
    let site = Site::new();
    let (server, authority) = server(&site);
    let mut connectors = connectors();
    let connector = connect(&mut connectors, &trust(&site, Some(&authority.pem)), NAME);
    assert_eq!(dial(&connector, &server), FULL);
    assert_eq!(dial(&connector, &server), Ok(Met { resumed: true, known: false }));
    assert!(!connectors.changed());

    site.write("ca.pem", "broken");
    assert!(connectors.changed());
    let mut problems = Vec::new();
    connectors.refresh(&mut problems);
    assert_eq!(problems.len(), 1);
    assert!(dial(&connector, &server).is_ok(), "what was trusted still is");
    assert!(!connectors.changed(), "and it is said once");

    site.write("ca.pem", Authority::new("others").pem);
    connectors.refresh(&mut Vec::new());
    assert_eq!(dial(&connector, &server), Err(Refused::ByClient), "no session outlives its trust");
    site.write("ca.pem", &authority.pem);
    connectors.refresh(&mut Vec::new());
    assert_eq!(dial(&connector, &server), FULL);
}

#[test]
fn a_server_that_asks_is_shown_our_certificate() {
    let site = Site::new();
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let mut asking = site.present("server", &servers.issue(&[NAME]));
    asking.clients = Some((site.write("clients.pem", &clients.pem), true));
    let server = site.config(&[terms(":443", asking)], 0, NAME);
    let mut connectors = connectors();
    let mut trust = trust(&site, Some(&servers.pem));
    let nobody = connect(&mut connectors, &trust, NAME);
    assert_eq!(dial(&nobody, &server), Err(Refused::ByServer));
    let own = site.present("own", &clients.issue(&["router"]));
    trust.own = Some((own.certificate, own.key));
    let known = connect(&mut connectors, &trust, NAME);
    assert_eq!(dial(&known, &server), Ok(Met { resumed: false, known: true }));
}

#[test]
fn all_faults_are_said_at_once() {
    let site = Site::new();
    let mut trust = trust(&site, Some(""));
    trust.own = Some((site.write("own.pem", "x"), site.named("own.key")));
    let mut problems = Vec::new();
    let name = server_name(NAME).unwrap();
    assert!(connectors().connect(&trust, &[name], &mut problems).is_empty());
    let places: Vec<String> =
        problems.iter().map(|problem| problem.place.as_ref().unwrap().to_string()).collect();
    assert_eq!(places, ["ca.pem:1:1", "own.pem:1:1", "own.key:1:1"]);
}

#[test]
fn names_of_servers() {
    for good in ["a", "a.example", "a_b.example", "A.example.", "127.0.0.1", "::1"] {
        assert!(server_name(good).is_some(), "{good}");
    }
    for bad in ["", "a b", "*.example", "[::1]", "a:1"] {
        assert!(server_name(bad).is_none(), "{bad}");
    }
}
