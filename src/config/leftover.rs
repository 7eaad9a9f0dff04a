//! What no key took: keys nobody knows, keys of the app server, keys without effect.

use crate::base::{Address, Problem};

use super::apply::Applier;
use super::dialect::{self, Owner};
use super::document::plain;
use super::keys::{self, Key, Scope};
use super::lexer::Entry;
use super::nearest;
use super::value::{Fault, Value};

/// Actions behind which the next rules are tried, or what takes the rest.
const GOES_ON: [&str; 18] = [
    "last",
    "continue",
    "goto",
    "rewrite",
    "addheader",
    "delheader",
    "remheader",
    "addrequestheader",
    "addvar",
    "allow",
    "deny",
    "hsts",
    "log",
    "donotlog",
    "auth",
    "basicauth",
    "basicauth-next",
    "limit",
];

impl Applier<'_> {
    /// With a listener and nothing that says where requests go, the app server's sockets do.
    pub(super) fn adopt_sockets(&mut self) {
        let sockets = std::mem::take(&mut self.sockets);
        let lost = self.listens() && !self.says_where();
        for (entry, label) in sockets {
            if !lost {
                self.skip(&entry.key);
                continue;
            }
            self.seen.push("http-to");
            let Some(value) = self.reader.expanded(&entry, &label) else { continue };
            match dialable(&value) {
                Ok(address) => {
                    let said = format!("{} is taken as http-to", value.quoted());
                    self.problem(Problem::notice(Some(entry.key_place.clone()), said));
                    self.draft.config.http_to.push(value.placed(address));
                }
                Err(said) => {
                    let said = format!("cannot be taken as http-to, which is missing: {said}");
                    self.problem(value.error(&Fault::new(said)));
                }
            }
        }
    }

    /// Whether anything, right or wrong, says where clients come in.
    pub(super) fn listens(&self) -> bool {
        self.seen.contains(&"http") || self.seen.contains(&"https")
    }

    /// Whether anything, right or wrong, says where requests go. Rules behind which others are tried do not.
    pub(super) fn says_where(&self) -> bool {
        let says = ["http-to", "default", "to"];
        let leads = |action: &Value| {
            let word = action.text().split(':').next().unwrap_or_default().trim();
            !GOES_ON.contains(&word)
        };
        let rules = self.seen.iter().filter(|key| key.starts_with("route")).count();
        self.seen.iter().any(|key| says.contains(key))
            || self.draft.rules.iter().filter_map(|rule| rule.action.as_ref()).any(leads)
            // What is wrong with a rule is said elsewhere.
            || rules > self.draft.rules.len()
    }

    /// Reports keys nobody knows, except own ones that some `%(key)` uses.
    pub(super) fn report_unknown(&mut self) {
        for (scope, entry, label) in std::mem::take(&mut self.unknown) {
            if scope == Scope::Main && self.reader.options.is_used(&entry.key) {
                continue;
            }
            let name = plain(&Entry { value: None, ..entry.clone() }, &label, "").quoted();
            let place = Some(entry.key_place);
            let near = elsewhere(scope, &entry.key);
            // Where uWSGI reads too, a key may be one of its own, or an option for its own `%(...)`.
            let lenient =
                label == "[uwsgi]" && dialect::owner(&entry.key, false) == Owner::AppServer;
            self.problem(match dialect::instead(&entry.key) {
                Some(said) => Problem::error(place, format!("{name}: {said}")),
                None if lenient => Problem::warning(place, format!("{name}: skipped{near}")),
                None => Problem::error(place, format!("{name}: there is no such key{near}")),
            });
        }
    }

    /// Says once which keys were skipped, and which do nothing.
    pub(super) fn report_unused(&mut self) {
        let mut skipped = std::mem::take(&mut self.skipped);
        skipped.retain(|key| !self.reader.options.is_used(key));
        if !skipped.is_empty() {
            let keys = skipped.join(", ");
            let said = format!("[uwsgi]: skipped, for they are the app server's: {keys}");
            self.problem(Problem::notice(self.uwsgi.clone(), said));
        }
        if !self.idle.is_empty() {
            let keys: Vec<String> =
                self.idle.iter().map(|(key, reason)| format!("{key} ({reason})")).collect();
            let said = format!("without effect here: {}", keys.join(", "));
            self.problem(Problem::notice(None, said));
        }
    }
}

/// Where a key that is unknown in `scope` may belong, or what it may be a slip for.
pub(super) fn elsewhere(scope: Scope, name: &str) -> String {
    let homes = [Scope::Main, Scope::Upstream, Scope::Route];
    if let Some(home) = homes.into_iter().find(|home| keys::find(*home, name).is_some()) {
        return format!("; it belongs in {}", home.label());
    }
    let names = keys::all().filter(|key| key.is_for(scope) && key.is_built());
    nearest::hint(name, names.flat_map(Key::names))
}

/// Where the app server that listens on a socket can be dialled.
fn dialable(value: &Value) -> Result<Address, String> {
    let text = value.text();
    if text.starts_with('=') || text.starts_with("fd://") {
        return Err("it is inherited, so that its address is not known".into());
    }
    match value.address().map_err(|fault| fault.expected)? {
        Address::Ip(ip) if ip.port() == 0 => Err("it has no fixed port".into()),
        Address::Ip(mut ip) if ip.ip().is_unspecified() => {
            match ip.is_ipv4() {
                true => ip.set_ip(std::net::Ipv4Addr::LOCALHOST.into()),
                false => ip.set_ip(std::net::Ipv6Addr::LOCALHOST.into()),
            }
            Ok(Address::Ip(ip))
        }
        address => Ok(address),
    }
}
