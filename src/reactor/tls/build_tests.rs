//! Tests of acceptors made of files: what is refused, what is said, and whom they let in.

use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, date_time_ymd};
use rustls::version::{TLS12, TLS13};

use super::super::testing::{Authority, Issued, Met, Site, client, meet, terms};
use super::*;

const FULL: Option<Met> = Some(Met { resumed: false, known: false });
const RESUMED: Option<Met> = Some(Met { resumed: true, known: false });
const FULL_KNOWN: Option<Met> = Some(Met { resumed: false, known: true });
const RESUMED_KNOWN: Option<Met> = Some(Met { resumed: true, known: true });

const A: &str = "a.example";

/// A site with a certificate for a.example, and who signed it.
fn site() -> (Site, Authority, Presented) {
    let (site, authority) = (Site::new(), Authority::new("servers"));
    let own = site.present("a", &authority.issue(&[A, "*.a.example"]));
    (site, authority, own)
}

fn asking(presented: &Presented, authorities: &Named, mandatory: bool) -> Presented {
    Presented { clients: Some((authorities.clone(), mandatory)), ..presented.clone() }
}

#[test]
fn every_kind_of_key_is_taken() {
    let (site, authority) = (Site::new(), Authority::new("servers"));
    for (name, algorithm) in [
        ("p256", &rcgen::PKCS_ECDSA_P256_SHA256),
        ("p384", &PKCS_ECDSA_P384_SHA384),
        ("ed25519", &PKCS_ED25519),
        ("rsa", &PKCS_RSA_SHA256),
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let issued = authority.issue_for(&[A], &key, |_| {});
        let terms = [terms(":443", site.present(name, &issued))];
        for version in [&TLS12, &TLS13] {
            let config = site.config(&terms, 0, A);
            assert_eq!(meet(&client(&authority, version, None), config, A), FULL, "{name}");
        }
    }
}

#[test]
fn names_get_their_own_certificates() {
    let (site, authority, own) = site();
    let mut terms = terms(":443", own);
    terms.named = vec![
        ("b.example".into(), site.present("b", &authority.issue(&["b.example"]))),
        ("*.b.example".into(), site.present("wild", &authority.issue(&["*.b.example"]))),
        ("x.b.example".into(), site.present("x", &authority.issue(&["x.b.example"]))),
    ];
    let client = client(&authority, &TLS13, None);
    for name in [A, "b.example", "y.b.example", "x.b.example"] {
        let config = site.config(std::slice::from_ref(&terms), 0, name);
        // The client checks that the certificate has the name.
        assert_eq!(meet(&client, config, name), FULL, "{name}");
    }
}

#[test]
fn all_faults_are_said_at_once_and_once() {
    let (site, authority, own) = site();
    let other = authority.issue(&["b.example"]);
    let mismatched = Presented { key: site.write("other.key", &other.key), ..own.clone() };
    let missing = Presented { certificate: site.named("missing.pem"), ..own.clone() };
    let with = |name: &str, certificate: &str| Presented {
        certificate: site.write(name, certificate),
        ..own.clone()
    };
    let chain = format!("{}{}", authority.pem, authority.issue(&[A]).certificate);
    let cut: String = other.certificate.chars().take(200).collect();
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = Presented { key: site.write("locked.key", encrypted), ..own.clone() };
    let keyless = Presented { key: site.write("keyless.key", "nothing"), ..own.clone() };
    let mut first = terms(":443", mismatched);
    let named = [missing, with("empty.pem", ""), with("cut.pem", &cut), locked, keyless];
    first.named =
        named.into_iter().enumerate().map(|(n, own)| (format!("{n}.a.example"), own)).collect();
    let mut second = terms(":444", with("chain.pem", &chain));
    second.named.clone_from(&first.named);
    second.own.clients = Some((site.write("ca.pem", "x"), true));
    let (built, said) = site.build(&[first, second]);
    assert!(built.acceptors.is_none());
    assert_eq!(
        said,
        [
            "other.key:1:1: other.key: the key is not the certificate's",
            "missing.pem:1:1: missing.pem: there is no such file",
            "empty.pem:1:1: empty.pem: there is no certificate in it; expected PEM, which has a line \
             -----BEGIN CERTIFICATE-----",
            "cut.pem:1:1: cut.pem: it is cut: a line -----END is missing",
            "locked.key:1:1: locked.key: the key is encrypted, and nobody is asked for a passphrase here; \
             expected one without, as `openssl pkey` makes it",
            "keyless.key:1:1: keyless.key: there is no key in it; expected PEM, which has a line \
             -----BEGIN PRIVATE KEY-----",
            "a.key:1:1: a.key: the key is not the certificate's",
            "ca.pem:1:1: ca.pem: there is no certificate in it; expected PEM, which has a line \
             -----BEGIN CERTIFICATE-----",
        ]
    );
}

#[test]
fn a_chain_in_the_wrong_order_is_told_from_a_wrong_key() {
    let (site, authority) = (Site::new(), Authority::new("servers"));
    let mut issued = authority.issue(&[A]);
    issued.certificate = format!("{}{}", authority.pem, issued.certificate);
    let (_, said) = site.build(&[terms(":443", site.present("a", &issued))]);
    assert_eq!(said, ["a.pem:1:1: a.pem: the certificate of the key has to be the first in it"]);
}

#[test]
fn what_is_doubtful_is_said_and_taken() {
    use std::os::unix::fs::PermissionsExt;
    let (site, authority) = (Site::new(), Authority::new("servers"));
    let old = authority.issue_for(&[A], &KeyPair::generate().unwrap(), |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let early = authority.issue_for(&[A], &KeyPair::generate().unwrap(), |params| {
        params.not_before = date_time_ymd(4000, 1, 1);
    });
    let mut terms = terms(":443", site.present("old", &old));
    terms.named = vec![("b.example".into(), site.present("early", &early))];
    site.write("early.pem.ocsp", "no response");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(site.path("old.key"), open).unwrap();
    let (built, said) = site.build(&[terms]);
    assert!(built.acceptors.is_some());
    assert_eq!(
        said,
        [
            "old.key:1:1: warning: old.key: everybody on this machine may read the key; expected chmod 600",
            "old.pem:1:1: warning: old.pem: the certificate has expired: browsers will refuse it",
            "early.pem:1:1: warning: early.pem.ocsp: it is no OCSP response in DER that says `successful`",
            "early.pem:1:1: warning: early.pem: the certificate is not valid yet: browsers will refuse it",
            "early.pem:1:1: warning: early.pem: the certificate is not for b.example: browsers will refuse it",
        ]
    );
    let shown: Vec<_> = built.certificates.iter().map(|shown| shown.path.clone()).collect();
    assert_eq!(shown, [site.path("old.pem"), site.path("early.pem")]);
}

#[test]
fn an_ocsp_response_beside_the_certificate_is_stapled() {
    let (site, _, own) = site();
    let response = [0x30, 0x03, 0x0a, 0x01, 0x00];
    site.write("a.pem.ocsp", response);
    let (built, said) = site.build(&[terms(":443", own)]);
    assert_eq!(said, [""; 0]);
    assert!(built.certificates[0].facts.stapled);
    let other = [0x30, 0x03, 0x0a, 0x01, 0x06];
    site.write("a.pem.ocsp", other);
    assert!(built.files.changed(), "a new response is a change");
}

#[test]
fn clients_are_asked_as_configured() {
    let (site, authority, own) = site();
    let clients = Authority::new("clients");
    let (good, foreign) = (clients.issue(&["me"]), Authority::new("others").issue(&["me"]));
    let ca = site.write("ca.pem", &clients.pem);
    let met = |presented: &Presented, version, shown: Option<&Issued>| {
        let config = site.config(&[terms(":443", presented.clone())], 0, A);
        meet(&client(&authority, version, shown), config, A)
    };
    for version in [&TLS12, &TLS13] {
        assert_eq!(met(&own, version, Some(&good)), FULL, "nobody asks");
        let optional = asking(&own, &ca, false);
        assert_eq!(met(&optional, version, None), FULL);
        assert_eq!(met(&optional, version, Some(&good)), FULL_KNOWN);
        assert_eq!(met(&optional, version, Some(&foreign)), None, "a bad one is worse than none");
        let mandatory = asking(&own, &ca, true);
        assert_eq!(met(&mandatory, version, None), None);
        assert_eq!(met(&mandatory, version, Some(&good)), FULL_KNOWN);
        assert_eq!(met(&mandatory, version, Some(&foreign)), None);
    }
}

#[test]
fn revoked_clients_stay_out_and_so_do_all_when_the_list_is_old() {
    let (site, authority, own) = site();
    let clients = Authority::new("clients");
    let (good, bad) = (clients.issue(&["me"]), clients.issue(&["you"]));
    let mut terms = terms(":443", asking(&own, &site.write("ca.pem", &clients.pem), true));
    let met = |terms: &Terms, shown: &Issued| {
        let config = site.config(std::slice::from_ref(terms), 0, A);
        meet(&client(&authority, &TLS13, Some(shown)), config, A)
    };
    terms.lists = vec![site.write("crl.pem", clients.revoke(&[&bad], 4000))];
    assert_eq!((met(&terms, &good), met(&terms, &bad)), (FULL_KNOWN, None));
    terms.lists = vec![site.write("crl.pem", clients.revoke(&[&bad], 2025))];
    assert_eq!(met(&terms, &good), None, "out of date");
    let others = Authority::new("others");
    terms.lists = vec![site.write("crl.pem", others.revoke(&[], 4000))];
    assert_eq!(met(&terms, &good), None, "of another authority");
    site.write("crl.pem", "nothing");
    let (built, said) = site.build(&[terms]);
    assert!(built.acceptors.is_none() && said[0].contains("there is no list in it"), "{said:?}");
}

/// SECURITY: a ticket that resumes skips the client certificate.
mod a_ticket {
    use super::*;

    /// What a client gets that comes with the ticket of an earlier connection.
    fn second(
        before: (&Site, &Terms, &str),
        after: (&Terms, &str),
        who: &ClientOf,
    ) -> Vec<Option<Met>> {
        [&TLS12, &TLS13]
            .map(|version| {
                let (site, terms, name) = before;
                let both = [terms.clone(), after.0.clone()];
                let client = client(&who.servers, version, who.shown.as_ref());
                let config = site.config(&both, 0, name);
                assert!(meet(&client, config, name).is_some_and(|met| !met.resumed));
                meet(&client, site.config(&both, 1, after.1), after.1)
            })
            .into()
    }

    struct ClientOf {
        servers: Authority,
        shown: Option<Issued>,
    }

    #[test]
    fn of_the_same_listener_resumes() {
        let (site, servers, own) = site();
        for version in [&TLS12, &TLS13] {
            let client = client(&servers, version, None);
            let terms = [terms(":443", own.clone())];
            assert_eq!(meet(&client, site.config(&terms, 0, A), A), FULL);
            assert_eq!(meet(&client, site.config(&terms, 0, A), A), RESUMED, "over a reload");
        }
    }

    #[test]
    fn of_an_open_listener_does_not_open_a_mandatory_one() {
        let (site, servers, own) = site();
        let ca = site.write("ca.pem", Authority::new("clients").pem);
        let guarded = terms(":444", asking(&own, &ca, true));
        let who = ClientOf { servers, shown: None };
        let met = second((&site, &terms(":443", own.clone()), A), (&guarded, A), &who);
        assert_eq!(met, [None, None]);
        // The same where the one became the other.
        let guarded = terms(":443", asking(&own, &ca, true));
        for version in [&TLS12, &TLS13] {
            let client = client(&who.servers, version, None);
            for before in [own.clone(), asking(&own, &ca, false)] {
                let config = site.config(&[terms(":443", before)], 0, A);
                assert_eq!(meet(&client, config, A), FULL);
                let config = site.config(std::slice::from_ref(&guarded), 0, A);
                assert_eq!(meet(&client, config, A), None);
            }
        }
    }

    #[test]
    fn of_an_open_name_does_not_open_a_mandatory_one() {
        let (site, servers, own) = site();
        let ca = site.write("ca.pem", Authority::new("clients").pem);
        let mut terms = terms(":443", own.clone());
        terms.named = vec![("x.a.example".into(), asking(&own, &ca, true))];
        let who = ClientOf { servers, shown: None };
        let met = second((&site, &terms, A), (&terms, "x.a.example"), &who);
        assert_eq!(met, [None, None]);
    }

    #[test]
    fn survives_a_reload_and_a_renewed_certificate() {
        let (site, servers, own) = site();
        let clients = Authority::new("clients");
        let me = clients.issue(&["me"]);
        let guarded = [terms(":443", asking(&own, &site.write("ca.pem", &clients.pem), true))];
        for version in [&TLS12, &TLS13] {
            let client = client(&servers, version, Some(&me));
            assert_eq!(meet(&client, site.config(&guarded, 0, A), A), FULL_KNOWN);
            site.present("a", &servers.issue(&[A]));
            assert_eq!(meet(&client, site.config(&guarded, 0, A), A), RESUMED_KNOWN);
        }
    }

    #[test]
    fn from_before_a_change_of_authorities_or_lists_is_worth_nothing() {
        let (site, servers, own) = site();
        let (old, new) = (Authority::new("old"), Authority::new("new"));
        let me = old.issue(&["me"]);
        let mut guarded = terms(":443", asking(&own, &site.write("ca.pem", &old.pem), true));
        let config = |terms: &Terms| site.config(std::slice::from_ref(terms), 0, A);
        for version in [&TLS12, &TLS13] {
            let client = client(&servers, version, Some(&me));
            assert_eq!(meet(&client, config(&guarded), A), FULL_KNOWN);
            site.write("ca.pem", &new.pem);
            assert_eq!(meet(&client, config(&guarded), A), None, "another authority");
            site.write("ca.pem", &old.pem);
            assert_eq!(meet(&client, config(&guarded), A), FULL_KNOWN, "and back: new keys");
            guarded.lists = vec![site.write("crl.pem", old.revoke(&[&me], 4000))];
            assert_eq!(meet(&client, config(&guarded), A), None, "revoked");
            guarded.lists.clear();
        }
    }

    #[test]
    fn is_not_given_where_tickets_are_off() {
        let (site, servers, own) = site();
        let mut terms = terms(":443", own);
        terms.tickets = None;
        for version in [&TLS12, &TLS13] {
            let client = client(&servers, version, None);
            for _ in 0..3 {
                let config = site.config(std::slice::from_ref(&terms), 0, A);
                assert_eq!(meet(&client, config, A), FULL);
            }
        }
    }
}

#[test]
fn early_data_is_off() {
    let (site, _, own) = site();
    let config = site.config(&[terms(":443", own)], 0, A);
    assert_eq!(config.max_early_data_size, 0);
    assert!(!config.send_half_rtt_data);
}

#[test]
fn rules_differ_where_the_clients_asked_for_do() {
    let (site, authority, own) = site();
    let ca = site.write("ca.pem", Authority::new("clients").pem);
    let mut terms = terms(":443", own.clone());
    terms.named = vec![
        ("open.a.example".into(), site.present("open", &authority.issue(&["open.a.example"]))),
        ("may.a.example".into(), asking(&own, &ca, false)),
        ("must.a.example".into(), asking(&own, &ca, true)),
        ("too.a.example".into(), asking(&own, &ca, true)),
    ];
    let (built, said) = site.build(std::slice::from_ref(&terms));
    assert_eq!(said, [""; 0]);
    let acceptors = built.acceptors.unwrap();
    let names = acceptors[0].names();
    let rule = |name: &str| names.rule_of(name);
    assert_eq!(rule("open.a.example"), rule("anything"));
    assert_eq!(rule("must.a.example"), rule("too.a.example"));
    assert_ne!(rule("must.a.example"), rule("may.a.example"));
    assert_ne!(rule("may.a.example"), rule("a.example"));
    for name in ["open.a.example", "must.a.example", "may.a.example"] {
        assert_eq!(acceptors[0].choose(Some(name)).rule, rule(name));
    }
    assert_eq!(acceptors[0].choose(None).rule, rule("127.0.0.1"));
}

#[test]
fn only_what_is_configured_is_agreed_on() {
    let (site, authority, own) = site();
    let mut terms = terms(":443", own);
    terms.agreement = Agreement::new(&["1.3"], &["TLS_AES_128_GCM_SHA256"], &["P-256"]).unwrap();
    let config = site.config(&[terms], 0, A);
    let provider = config.crypto_provider();
    assert_eq!(provider.cipher_suites.len(), 1);
    assert_eq!(provider.kx_groups.len(), 1);
    assert_eq!(meet(&client(&authority, &TLS13, None), Arc::clone(&config), A), FULL);
    assert_eq!(meet(&client(&authority, &TLS12, None), config, A), None);
    assert!(Agreement::new(&["1.1"], &[], &[]).is_err());
    assert!(Agreement::new(&["1.2"], &["TLS_AES_128_GCM_SHA256"], &[]).is_err());
}
