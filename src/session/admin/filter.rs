//! Which tunnels are asked for: the query of a request to the admin socket.

use std::net::IpAddr;

use percent_encoding::percent_decode;

use super::super::client::Client;

/// Conditions, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of these numbers; empty: any.
    ids: Vec<u64>,
    /// The route of this name.
    route: Option<String>,
    /// This client's.
    client: Option<Who>,
    /// With the server at this address, as a row shows it.
    upstream: Option<String>,
    /// Rows wanted at most.
    limit: Option<u64>,
}

/// A client as a query names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Ip(IpAddr),
    Unix,
}

/// Why a query is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// A name nobody knows here.
    #[error("there is no {0:?} here: expected {1}")]
    Name(String, &'static str),
    /// A value that is not what it should be.
    #[error("{0}={1:?}: expected {2}")]
    Value(&'static str, String, &'static str),
    /// The same name twice.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// To close everything must be said, and by itself.
    #[error(
        "what is to be closed: expected id=N, route=NAME, client=IP, upstream=ADDR, or all=1 by itself"
    )]
    Nothing,
}

const LISTED: &str = "route, client, upstream, id or limit";
const CLOSED: &str = "route, client, upstream, id or all";

impl Filter {
    /// Which are to be shown: `route=NAME&client=IP&upstream=ADDR&id=N&limit=N`, or all.
    ///
    /// # Errors
    /// Names the part that is not taken.
    pub fn listed(query: Option<&[u8]>) -> Result<Filter, BadQuery> {
        let mut filter = Filter::default();
        for (name, value) in pairs(query) {
            if name == "limit" {
                let number = parse("limit", &value, "a number")?;
                set(&mut filter.limit, number, "limit")?;
            } else {
                filter.take(name, value, LISTED)?;
            }
        }
        Ok(filter)
    }

    /// Which are to be closed: `id=N&id=N`, `route=NAME`, `client=IP`, `upstream=ADDR`, or `all=1`. Nothing
    /// is closed that was not asked for in so many words.
    ///
    /// # Errors
    /// Names the part that is not taken.
    pub fn closed(query: Option<&[u8]>) -> Result<Filter, BadQuery> {
        let mut filter = Filter::default();
        let mut all = false;
        for (name, value) in pairs(query) {
            match (name.as_str(), value.as_str()) {
                ("all", "1") => all = true,
                ("all", _) => return Err(BadQuery::Value("all", value, "1")),
                _ => filter.take(name, value, CLOSED)?,
            }
        }
        if all != (filter == Filter::default()) {
            return Err(BadQuery::Nothing);
        }
        Ok(filter)
    }

    fn take(
        &mut self,
        name: String,
        value: String,
        expected: &'static str,
    ) -> Result<(), BadQuery> {
        match name.as_str() {
            "id" => self.ids.push(parse("id", &value, "the number of a tunnel")?),
            "route" => set(&mut self.route, value, "route")?,
            "upstream" => set(&mut self.upstream, value, "upstream")?,
            "client" if value == "unix" => set(&mut self.client, Who::Unix, "client")?,
            "client" => {
                let ip: IpAddr = parse("client", &value, "an IP address, or unix")?;
                set(&mut self.client, Who::Ip(ip.to_canonical()), "client")?;
            }
            _ => return Err(BadQuery::Name(name, expected)),
        }
        Ok(())
    }

    /// Whether the tunnel that a session is, if it is one, is asked for.
    pub fn takes(&self, client: &Client) -> bool {
        let Some(tunnel) = client.tunnel() else { return false };
        let who = client.peer().ip.map_or(Who::Unix, |ip| Who::Ip(ip.to_canonical()));
        (self.ids.is_empty() || self.ids.contains(&tunnel.id))
            && self.route.as_ref().is_none_or(|name| **name == *tunnel.route.name)
            && self.client.is_none_or(|wanted| wanted == who)
            && self.upstream.as_ref().is_none_or(|wanted| {
                tunnel.server_address().is_some_and(|server| server.to_string() == *wanted)
            })
    }

    /// Rows wanted at most.
    pub fn limit(&self) -> u64 {
        self.limit.unwrap_or(u64::MAX)
    }
}

/// The names and values of a query, decoded.
fn pairs(query: Option<&[u8]>) -> impl Iterator<Item = (String, String)> {
    let parts = query.unwrap_or_default().split(|byte| *byte == b'&');
    let text = |bytes: &[u8]| percent_decode(bytes).decode_utf8_lossy().into_owned();
    parts.filter(|part| !part.is_empty()).map(move |part| {
        let mut halves = part.splitn(2, |byte| *byte == b'=');
        let mut half = || text(halves.next().unwrap_or_default());
        (half(), half())
    })
}

fn parse<T: std::str::FromStr>(
    name: &'static str,
    value: &str,
    expected: &'static str,
) -> Result<T, BadQuery> {
    value.parse().map_err(|_| BadQuery::Value(name, value.to_owned(), expected))
}

fn set<T>(place: &mut Option<T>, value: T, name: &'static str) -> Result<(), BadQuery> {
    if place.replace(value).is_some() { Err(BadQuery::Twice(name)) } else { Ok(()) }
}
