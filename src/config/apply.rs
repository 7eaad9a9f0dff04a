//! Looks up each entry's key in the table and lets it do its work on the draft.

use std::time::Duration;

use crate::base::{Place, Problem};

use super::condition::Test;
use super::dialect::{self, Owner};
use super::document::{Dialect, Kind, Reader, Section, plain};
use super::draft::{Draft, RouteDraft, RuleDraft};
use super::health::Question;
use super::keys::{self, Key, Scope, Set, Status};
use super::leftover::elsewhere;
use super::lexer::Entry;
use super::model::{Protocol, Upstream, UpstreamTrust};
use super::server::{Balance, Retries, Server};
use super::settings::Settings;
use super::value::{Fault, Value};

/// Keys of a route of which at least one is needed.
const CONDITIONS: [&str; 12] = [
    "host",
    "path",
    "uri",
    "qs",
    "remote-addr",
    "user-agent",
    "referer",
    "remote-user",
    "if",
    "if-not",
    "is-websocket",
    "websocket-draft",
];

/// Carries sections into a draft.
pub(super) struct Applier<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) draft: Draft,
    /// Names of keys that were there, right or wrong.
    pub(super) seen: Vec<&'static str>,
    /// Where the first `[uwsgi]` section starts.
    pub(super) uwsgi: Option<Place>,
    /// Keys of the app server.
    pub(super) skipped: Vec<String>,
    /// Keys without effect, and why.
    pub(super) idle: Vec<(String, &'static str)>,
    /// Sockets of the app server.
    pub(super) sockets: Vec<(Entry, String)>,
    /// Keys nobody knows.
    pub(super) unknown: Vec<(Scope, Entry, String)>,
}

impl<'a> Applier<'a> {
    pub(super) fn new(reader: Reader<'a>) -> Applier<'a> {
        Applier {
            reader,
            draft: Draft::default(),
            seen: Vec::new(),
            uwsgi: None,
            skipped: Vec::new(),
            idle: Vec::new(),
            sockets: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// Applies all sections: routes last, for their settings start from the main section's.
    pub(super) fn apply(&mut self) {
        let sections = std::mem::take(&mut self.reader.sections);
        for (index, section) in sections.iter().enumerate() {
            self.draft.section = index;
            match &section.kind {
                Kind::Main(dialect) => self.main(*dialect, section),
                Kind::Upstream(name) => self.upstream(name, section),
                Kind::Route(_) => {}
            }
        }
        for (index, section) in sections.iter().enumerate() {
            if let Kind::Route(name) = &section.kind {
                self.draft.section = index;
                self.route(name, section);
            }
        }
        self.draft.rules.sort_by_key(|rule| rule.section);
        self.adopt_sockets();
        self.report_unknown();
        self.report_unused();
    }

    fn main(&mut self, dialect: Dialect, section: &Section) {
        if dialect == Dialect::Uwsgi && self.uwsgi.is_none() {
            self.uwsgi = Some(section.place.clone());
        }
        for entry in &section.entries {
            if dialect == Dialect::Uwsgi && !self.is_ours(section, entry) {
                continue;
            }
            let found = self.look_up(Scope::Main, section, entry);
            if let Some((key, value)) = found {
                let result = match key.set {
                    Set::Main(set) => set(&mut self.draft, &value),
                    Set::Settings(set) => set(&mut self.draft.settings, &value),
                    _ => Ok(()),
                };
                self.judge(&value, result);
            }
        }
    }

    /// Whether an entry of a `[uwsgi]` section is for tidegate; if not, it is kept in mind.
    fn is_ours(&mut self, section: &Section, entry: &Entry) -> bool {
        let known = keys::find(Scope::Main, &entry.key).is_some();
        match dialect::owner(&entry.key, known) {
            Owner::Tidegate => return true,
            Owner::Socket => self.sockets.push((entry.clone(), section.label.clone())),
            Owner::AppServer if !known && !elsewhere(Scope::Main, &entry.key).is_empty() => {
                self.unknown.push((Scope::Main, entry.clone(), section.label.clone()));
            }
            Owner::AppServer => self.skip(&entry.key),
            Owner::Doubtful(said) => {
                let written = entry.value.as_deref().unwrap_or_default();
                let value = plain(entry, &section.label, written);
                let said = format!("{}: {said}", value.quoted());
                self.problem(Problem::warning(Some(entry.key_place.clone()), said));
            }
        }
        false
    }

    pub(super) fn skip(&mut self, key: &str) {
        if !self.skipped.iter().any(|known| known == key) {
            self.skipped.push(key.into());
        }
    }

    fn upstream(&mut self, name: &str, section: &Section) {
        let mut upstream = Upstream {
            name: name.into(),
            place: section.place.clone(),
            protocol: Protocol::Http,
            servers: Vec::new(),
            balance: Balance::RoundRobin,
            queue: 0,
            queue_timeout: Duration::from_secs(5),
            retries: Retries::default(),
            health: None,
            slow_start: None,
            connect_timeout: None,
            send_proxy: None,
            trust: UpstreamTrust::default(),
        };
        for entry in &section.entries {
            if let Some((key, value)) = self.look_up(Scope::Upstream, section, entry)
                && let Set::Upstream(set) = key.set
            {
                let result = set(&mut upstream, &value);
                self.judge(&value, result);
            }
        }
        if !section.entries.iter().any(|entry| entry.key == "server") {
            let said = "expected at least one server, as in server = 127.0.0.1:9000";
            self.problem(at(section, said));
        }
        self.check_trust(&upstream, section);
        self.check_health(&upstream, section);
        self.draft.config.upstreams.push(upstream);
    }

    /// What a server is asked must be in a language it speaks.
    fn check_health(&mut self, upstream: &Upstream, section: &Section) {
        let Some(check) = &upstream.health else { return };
        let speaks = !matches!(upstream.protocol, Protocol::Tcp | Protocol::Tcps);
        if !speaks && check.value.question != Question::Connect {
            let said = format!(
                "{}: health with protocol = {} can only ask for a connection, as in health = tcp every 5s",
                section.label,
                upstream.protocol.name()
            );
            self.problem(Problem::error(Some(check.place.clone()), said));
        }
    }

    /// Names and files of TLS are for servers that speak it, and each of those needs a name.
    fn check_trust(&mut self, upstream: &Upstream, section: &Section) {
        let UpstreamTrust { authorities, name, own } = &upstream.trust;
        if upstream.protocol.is_tls() {
            let nameless = |server: &&Server| server.address.value.host().is_none();
            if let Some(server) = upstream.servers.iter().find(nameless).filter(|_| name.is_none())
            {
                let said = format!(
                    "{}: the address {} has no name for a certificate; expected verify-name, as in verify-name = \
                     app.internal",
                    section.label, server.address.value
                );
                self.problem(Problem::error(Some(server.address.place.clone()), said));
            }
            return;
        }
        let places = [
            ("ca", authorities.as_ref().map(|file| &file.place)),
            ("verify-name", name.as_ref().map(|name| &name.place)),
            ("client-cert", own.as_ref().map(|(certificate, _)| &certificate.place)),
        ];
        for (key, place) in places {
            let Some(place) = place else { continue };
            let said = format!(
                "{}: {key} is for protocol = https or tcps, which is {}",
                section.label,
                upstream.protocol.name()
            );
            self.problem(Problem::error(Some(place.clone()), said));
        }
    }

    fn route(&mut self, name: &str, section: &Section) {
        let mut route = RouteDraft::new(self.draft.settings.clone());
        for entry in &section.entries {
            if let Some((key, value)) = self.look_up(Scope::Route, section, entry) {
                let result = match key.set {
                    Set::Route(set) => set(&mut route, &value),
                    Set::Settings(set) => set(&mut route.settings, &value),
                    _ => Ok(()),
                };
                let result = result.and_then(|()| self.reaches(key.name, &route.settings));
                self.judge(&value, result);
            }
        }
        let has = |key: &str| section.entries.iter().any(|entry| entry.key == key);
        if !CONDITIONS.into_iter().any(has) {
            let said =
                "expected a condition such as path = ^/ws/ (what takes all the rest is default)";
            self.problem(at(section, said));
        }
        let conditions = route.conditions();
        let opens = |draft: bool, negated: bool| {
            conditions.iter().any(|condition| {
                matches!(condition.test, Test::Opens(found) if found.is_some() == draft)
                    && condition.negated == negated
            })
        };
        if opens(false, true) && opens(true, false) {
            let said = "what is no WebSocket has no websocket-draft: this never matches";
            self.problem(at(section, said));
        }
        if !has("to") {
            self.problem(at(section, "expected an action, as in to = http:127.0.0.1:9000"));
        }
        if let Some(action) = route.to {
            self.draft.rules.push(RuleDraft {
                section: self.draft.section,
                name: name.into(),
                place: section.place.clone(),
                conditions,
                action: Some(action),
                settings: (route.settings != self.draft.settings).then_some(route.settings),
            });
        }
    }

    /// A limit of a head that lets more through than the main section's would never be reached.
    fn reaches(&self, key: &str, settings: &Settings) -> Result<(), Fault> {
        let (mine, first) = (&settings.limits, &self.draft.settings.limits);
        let (mine, first) = match key {
            "max-uri" => (mine.max_uri, first.max_uri),
            "max-head" => (mine.max_head, first.max_head),
            "max-fields" => (mine.max_fields, first.max_fields),
            _ => return Ok(()),
        };
        match mine <= first {
            true => Ok(()),
            false => Err(Fault::new(format!(
                "expected at most the main section's, {first}: a longer head never comes to a route"
            ))),
        }
    }

    /// The key of `entry` and its value, if it can be had. What stands against it is reported.
    fn look_up(
        &mut self,
        scope: Scope,
        section: &Section,
        entry: &Entry,
    ) -> Option<(&'static Key, Value)> {
        let Some(key) = keys::find(scope, &entry.key) else {
            self.unknown.push((scope, entry.clone(), section.label.clone()));
            return None;
        };
        self.seen.push(key.name);
        let error = |said: String| {
            let name = plain(&Entry { value: None, ..entry.clone() }, &section.label, "").quoted();
            Problem::error(Some(entry.key_place.clone()), format!("{name} {said}"))
        };
        match key.status() {
            Status::Built => {}
            Status::Refused(reason) => {
                self.problem(error(format!("is not taken: {reason}")));
                return None;
            }
            Status::WithoutEffect(reason) => {
                if !self.idle.iter().any(|(known, _)| *known == entry.key) {
                    self.idle.push((entry.key.clone(), reason));
                }
                return None;
            }
        }
        if key.expand {
            return Some((key, self.reader.expanded(entry, &section.label)?));
        }
        let written = entry.value.as_deref().unwrap_or_default();
        Some((key, plain(entry, &section.label, written)))
    }

    /// Reports what a key said to its value.
    fn judge(&mut self, value: &Value, result: Result<(), Fault>) {
        match result {
            Err(fault) => self.problem(value.error(&fault)),
            Ok(()) if value.has_comment() => {
                let said =
                    "what follows the ';' belongs to the value; comments need a line of their own";
                let said = format!("{}: {said}", value.quoted());
                self.problem(Problem::warning(Some(value.place_at(0)), said));
            }
            Ok(()) => {}
        }
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.reader.problems.push(problem);
    }
}

/// An error of a whole section.
fn at(section: &Section, said: &str) -> Problem {
    Problem::error(Some(section.place.clone()), format!("{}: {said}", section.label))
}
