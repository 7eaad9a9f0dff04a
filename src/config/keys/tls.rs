//! Keys about TLS towards clients.

use std::time::Duration;

use super::super::tls::{self, GROUPS, SUITES, VERSIONS};
use super::super::units::word_flag;
use super::super::value::{Fault, Value};
use super::{Group, Kind, Outcome, Set, key};
use crate::base::Problem;
use crate::config::draft::Draft;

/// The longest a ticket may live (RFC 8446 section 4.6.1), and the shortest that makes sense.
const TICKET: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(7 * 24 * 3600);

pub(super) const GROUP: Group = Group {
    title: "HTTPS",
    intro: "Certificates, keys and lists are PEM. They are read at the start, when they change and at HUP; \
            live connections keep what they have. CERT holds the certificate first and then what stands \
            between it and its root. An OCSP response in `CERT.ocsp` (DER) is stapled.",
    keys: &[
        key(
            "https",
            Kind::TlsListener,
            Set::Main(|draft, value| {
                let (listener, ciphers) = tls::listener(value)?;
                if let Some(first) = draft.config.listens_on(&listener.address.value) {
                    return Err(Fault::new(format!("listened on already, from {first}")));
                }
                draft.config.tls.listeners.push(listener);
                note_ciphers(draft, ciphers)
            }),
        )
        .list()
        .says(
            "listens for HTTPS and secure WebSockets: `ADDR,CERT,KEY[,CIPHERS[,[!]CLIENT_CA]]`. CIPHERS may be \
             empty; what OpenSSL makes of it is not asked (`https-ciphers` is). With CLIENT_CA, clients are asked \
             for a certificate of these authorities; with `!` before it, none comes in without",
        )
        .example(":443,/etc/tls/site.pem,/etc/tls/site.key"),
        key(
            "sni",
            Kind::TlsName,
            Set::Main(|draft, value| {
                let (name, ciphers) = tls::name(value)?;
                let known = &draft.config.tls.names;
                if let Some(first) = known.iter().find(|known| known.name.value == name.name.value) {
                    let said = format!("this name has a certificate already, from {}", first.name.place);
                    return Err(Fault::new(said));
                }
                draft.config.tls.names.push(name);
                note_ciphers(draft, ciphers)
            }),
        )
        .list()
        .says(
            "what clients get that ask for NAME, at every `https`: `NAME CERT,KEY[,CIPHERS[,[!]CLIENT_CA]]`. \
             `*.example.com` stands for one label before it; an exact name goes first",
        )
        .example("www.example.com /etc/tls/www.pem,/etc/tls/www.key"),
        key(
            "https-versions",
            Kind::Words,
            Set::Main(|draft, value| {
                draft.config.tls.versions = tls::known(value, &VERSIONS)?;
                draft.config.tls.versions.sort_unstable();
                Ok(())
            }),
        )
        .default("1.2 1.3")
        .says("versions of TLS that are spoken")
        .example("1.3"),
        key(
            "https-ciphers",
            Kind::Words,
            Set::Main(|draft, value| {
                draft.config.tls.suites = Some(value.placed(tls::known(value, &SUITES)?));
                Ok(())
            }),
        )
        .unset("all nine: AES-GCM and ChaCha20-Poly1305, with ECDHE in TLS 1.2")
        .says("cipher suites, by the names of their registry, best first: the first that the client knows is taken")
        .example("TLS_AES_128_GCM_SHA256 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        key(
            "https-groups",
            Kind::Words,
            Set::Main(|draft, value| {
                draft.config.tls.groups = Some(tls::known(value, &GROUPS)?);
                Ok(())
            }),
        )
        .unset("`X25519MLKEM768 X25519 P-256 P-384`")
        .says("groups that keys are exchanged in, best first; `P-256MLKEM768` is known as well")
        .example("X25519 P-256"),
        key(
            "https-crl",
            Kind::Path,
            Set::Main(|draft, value| {
                let path = value.filled("expected a file, as in /etc/tls/revoked.pem")?.into();
                draft.config.tls.revoked.push(value.placed(path));
                Ok(())
            }),
        )
        .list()
        .says(
            "lists of revoked client certificates. With any, there has to be one of every authority in a \
             client's chain, and one that is out of date lets nobody in",
        )
        .example("/etc/tls/revoked.pem"),
        key(
            "https-handshake-timeout",
            Kind::Duration,
            Set::Main(|draft, value| {
                draft.config.times.handshake = value.duration()?;
                Ok(())
            }),
        )
        .default("10s")
        .says("bounds a whole TLS handshake, from the connection on")
        .example("5s"),
        key(
            "https-tickets",
            Kind::FlagOrDuration,
            Set::Main(|draft, value| {
                draft.config.tls.tickets = tickets(value)?;
                Ok(())
            }),
        )
        .default("12h")
        .says(
            "how long a client may resume its TLS session by a ticket, at most 168h; `off`: never. Keys are \
             changed twice in that time. `on`: the default",
        )
        .example("1h"),
    ],
};

/// CIPHERS of OpenSSL mean nothing to rustls.
fn note_ciphers(draft: &mut Draft, ciphers: Option<Value>) -> Outcome {
    if let Some(ciphers) = ciphers {
        let said = format!(
            "{}: the ciphers \"{}\" are OpenSSL's and without effect here; https-ciphers says which are agreed on",
            ciphers.quoted(),
            ciphers.text()
        );
        draft.notices.push(Problem::notice(Some(ciphers.place_at(0)), said));
    }
    Ok(())
}

fn tickets(value: &Value) -> Result<Option<Duration>, Fault> {
    let default = crate::config::Tls::default().tickets;
    if value.bare || word_flag(value.text()) == Some(true) {
        return Ok(default);
    }
    match value.duration_or_off()? {
        Some(lifetime) if !TICKET.contains(&lifetime) => {
            Err(Fault::new("expected a duration from 1m to 168h, or off"))
        }
        lifetime => Ok(lifetime),
    }
}
