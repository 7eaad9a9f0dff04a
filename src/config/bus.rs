//! `channel-bus = redis://[USER:PASS@]HOST[:PORT][/DB][?prefix=WORD&passfile=PATH]`, or `rediss://`, or `nats://` without a DB.

use std::fmt;
use std::path::PathBuf;

use super::model::Config;
use super::nearest::hint;
use super::value::{Fault, Value};
use crate::base::{Address, Problem};

/// The longest prefix, in bytes.
const PREFIX_MAX: usize = 64;

/// An engine on which the channels of many instances meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bus {
    /// What it speaks.
    pub engine: Engine,
    /// Its name or IP address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who we are there.
    pub user: Option<String>,
    /// What proves it, where it stands in the URL.
    pub password: Option<Secretive>,
    /// The file where it stands else.
    pub passfile: Option<PathBuf>,
    /// What the names of everything of ours there begin with.
    pub prefix: String,
}

/// What a bus speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Redis, with the number of a database; perhaps over TLS.
    Redis {
        /// The database.
        database: u16,
        /// It is reached over TLS.
        tls: bool,
    },
    /// NATS.
    Nats,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secretive(pub String);

impl fmt::Debug for Secretive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secretive")
    }
}

/// Its address, without anything that is secret.
impl fmt::Display for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (&self.host, self.port);
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        match self.engine {
            Engine::Redis { database, tls } => {
                let scheme = if tls { "rediss" } else { "redis" };
                write!(f, "{scheme}://{host}:{port}/{database}")
            }
            Engine::Nats => write!(f, "nats://{host}:{port}"),
        }
    }
}

/// Reads `channel-bus`.
pub(super) fn parse(value: &Value) -> Result<Bus, Fault> {
    let text = value.text();
    let said = "expected redis://HOST:PORT/DB, rediss://HOST:PORT/DB or nats://HOST:PORT";
    let (scheme, rest) = text.split_once("://").ok_or_else(|| Fault::new(said))?;
    let at = scheme.len() + 3;
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(a, b)| (a, Some(b)));
    let query_at = at + rest.len() + 1;
    let (place, database) = rest.split_once('/').map_or((rest, None), |(a, b)| (a, Some(b)));
    let database_at = at + place.len() + 1;
    let engine = engine(scheme, database, database_at).map_err(|fault| match fault {
        None => Fault::new(said),
        Some(fault) => fault,
    })?;
    let (user, password, address_at) = match place.rsplit_once('@') {
        Some((who, _)) => {
            let (user, password) = userinfo(who, at)?;
            (user, password, at + who.len() + 1)
        }
        None => (None, None, at),
    };
    let address = text.get(address_at..at + place.len()).unwrap_or_default();
    let (host, port) = host_and_port(address, engine).ok_or_else(|| {
        Fault::at(address_at, "expected HOST:PORT behind ://, as in redis://10.0.0.9:6379/0")
    })?;
    let prefix = if engine == Engine::Nats { "tidegate." } else { "tidegate:" };
    let passfile = None;
    let mut bus = Bus { engine, host, port, user, password, passfile, prefix: prefix.to_owned() };
    extras(&mut bus, query.unwrap_or_default(), query_at)?;
    match (&bus.password, &bus.passfile) {
        (Some(_), Some(_)) => {
            Err(Fault::at(query_at, "expected one password, not passfile= besides"))
        }
        _ => Ok(bus),
    }
}

/// No fault: the scheme is none.
fn engine(scheme: &str, database: Option<&str>, at: usize) -> Result<Engine, Option<Fault>> {
    let number = || match database.unwrap_or_default() {
        "" => Ok(0),
        text => text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit())).ok_or_else(
            || {
                Some(Fault::at(
                    at,
                    "expected the number of a database behind the address, as in /0",
                ))
            },
        ),
    };
    match scheme {
        "redis" => Ok(Engine::Redis { database: number()?, tls: false }),
        "rediss" => Ok(Engine::Redis { database: number()?, tls: true }),
        "nats" if database.unwrap_or_default().is_empty() => Ok(Engine::Nats),
        "nats" => {
            Err(Some(Fault::at(at, "expected nothing behind the address: NATS has no databases")))
        }
        _ => Err(None),
    }
}

/// `USER:PASS`, `:PASS` or `USER`, each with `%XX` for what cannot stand in a URL.
fn userinfo(who: &str, at: usize) -> Result<(Option<String>, Option<Secretive>), Fault> {
    let said =
        "expected USER:PASS before the @, with %XX for what cannot stand there, as %40 for @";
    let decoded = |text: &str| decode(text).ok_or_else(|| Fault::at(at, said));
    let (user, password) = who.split_once(':').map_or((who, None), |(a, b)| (a, Some(b)));
    let user = decoded(user)?;
    let password = password.map(decoded).transpose()?;
    Ok((Some(user).filter(|user| !user.is_empty()), password.map(Secretive)))
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(*first);
        if *first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
            *bytes.last_mut()? = u8::from_str_radix(digits, 16).ok().filter(|_| hexadecimal)?;
            rest = rest.get(2..)?;
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))
}

fn host_and_port(text: &str, engine: Engine) -> Option<(String, u16)> {
    let usual = if engine == Engine::Nats { 4222 } else { 6379 };
    let bare = !text.ends_with(']') && text.contains(':');
    let whole = if bare { text.to_owned() } else { format!("{text}:{usual}") };
    match whole.parse().ok()? {
        Address::Ip(address) if !whole.starts_with(':') && address.port() > 0 => {
            Some((address.ip().to_string(), address.port()))
        }
        Address::Name { host, port } if port > 0 => Some((host, port)),
        Address::Ip(_) | Address::Name { .. } | Address::Unix(_) | Address::Abstract(_) => None,
    }
}

/// Reads what stands behind the question mark, which is at byte `at` - 1.
fn extras(bus: &mut Bus, query: &str, mut at: usize) -> Result<(), Fault> {
    for part in query.split('&').filter(|_| !query.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key {
            "prefix" if is_prefix(value, bus.engine) => bus.prefix = value.to_owned(),
            "prefix" => {
                let said = "expected prefix= with at most 64 letters, digits and _.:-, for NATS without an empty \
                            part between dots";
                return Err(Fault::at(at, said));
            }
            "passfile" if !value.is_empty() => bus.passfile = Some(value.into()),
            "passfile" => return Err(Fault::at(at, "expected passfile= with the path of a file")),
            _ => {
                let hint = hint(key, ["prefix", "passfile"]);
                return Err(Fault::at(at, format!("expected prefix= or passfile= there{hint}")));
            }
        }
        at += part.len() + 1;
    }
    Ok(())
}

fn is_prefix(text: &str, engine: Engine) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    let whole = match engine {
        Engine::Nats => !text.starts_with('.') && !text.contains(".."),
        Engine::Redis { .. } => true,
    };
    (1..=PREFIX_MAX).contains(&text.len()) && text.chars().all(letter) && whole
}

/// Instances meet on a bus or are linked to each other: with both, everything would come twice.
pub(super) fn check(config: &Config) -> Option<Problem> {
    let bus = config.bus.as_ref().filter(|_| config.instances.is_any())?;
    let said = "channel-bus: instances meet on the bus or are linked to each other: expected neither channel-listen \
                nor channel-peer besides";
    Some(Problem::error(Some(bus.place.clone()), said))
}

#[cfg(test)]
#[path = "bus_tests.rs"]
mod tests;
