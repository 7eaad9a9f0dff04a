//! Turns a draft into a configuration: resolves what refers to other sections and asks whether the
//! whole makes sense.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::base::{Address, Place, Problem};

use super::action::{self, Action, Names, Target, Way};
use super::apply::Applier;
use super::bus;
use super::channel;
use super::condition::{Comparison, Condition, Subject, Test};
use super::draft::RuleDraft;
use super::edit::Edit;
use super::model::{Admin, Config, Placed, Rule, Upstream};
use super::server::Balance;
use super::settings::{Settings, WebSocketMode};
use super::template::{Cgi, Template, Variable};
use super::tls::Tls;
use super::units::shown;
use super::value::{Fault, Value};

/// The longest message, in characters: whatever a file holds, it does not flood a log.
const MESSAGE_MAX: usize = 2000;

const NO_LISTENER: &str = "nothing to listen on: expected http or https, as in http = :8080";
const NO_WAY: &str = "nothing says where requests go: tidegate runs no apps. Start one, as in \
                      `uwsgi --socket 127.0.0.1:3031 --wsgi-file app.py`, and set \
                      http-to = 127.0.0.1:3031, or write a route";

impl Applier<'_> {
    /// Ends the work.
    pub(super) fn finish(mut self, read_well: bool) -> (Config, Vec<Problem>) {
        let says_where = self.says_where();
        let mut config = std::mem::take(&mut self.draft.config);
        config.settings = Arc::new(std::mem::take(&mut self.draft.settings));
        let named = |upstream: &Upstream| (upstream.name.clone(), upstream.protocol);
        let groups = config.upstreams.iter().map(named).collect();
        let mut names = Names { groups, ..Names::default() };
        self.labels(&mut names);
        for rule in std::mem::take(&mut self.draft.rules) {
            if rule.action.is_some() {
                names.rule += 1;
            }
            config.rules.extend(self.rule(rule, &names, &config.settings));
        }
        self.check_variables(&config);
        self.check_listeners(&config);
        if let Some(value) = self.draft.default.take() {
            config.default = self.action(&value, &names);
            if let Some(action) = &config.default
                && !action.value.is_end()
            {
                let said = "expected an action that ends the search, such as http:127.0.0.1:9000";
                self.problem(value.error(&Fault::new(said)));
            }
            if let Some(server) = config.http_to.first() {
                let said = format!(
                    "{}: http-to at {} takes what no rule takes already: keep one of them",
                    value.quoted(),
                    server.place
                );
                self.problem(Problem::error(Some(value.place_at(0)), said));
            }
        }
        if read_well && !self.listens() {
            self.problem(Problem::error(None, NO_LISTENER));
        }
        if read_well && !says_where {
            self.problem(Problem::error(None, NO_WAY));
        }
        self.check_tls(&config.tls);
        self.check_upstreams(&config);
        self.check_admin(&config);
        self.check_memory(&config);
        for problem in channel::check(&config).into_iter().chain(bus::check(&config)) {
            self.problem(problem);
        }
        let mut problems = std::mem::take(&mut self.reader.problems);
        problems.append(&mut self.draft.notices);
        for problem in &mut problems {
            problem.message = shown(&problem.message, MESSAGE_MAX);
        }
        problems.sort_by(|a, b| (a.place.is_none(), &a.place).cmp(&(b.place.is_none(), &b.place)));
        (config, problems)
    }

    /// Finds out where the labels are.
    fn labels(&mut self, names: &mut Names) {
        let mut places: HashMap<String, Place> = HashMap::new();
        let mut rules = 0;
        let mut twice = Vec::new();
        for rule in &self.draft.rules {
            if rule.action.is_some() {
                rules += 1;
            } else if let Some(first) = places.get(&rule.name) {
                let said = format!("route-label = {} is there already, at {first}", rule.name);
                twice.push(Problem::error(Some(rule.place.clone()), said));
            } else {
                places.insert(rule.name.clone(), rule.place.clone());
                names.labels.insert(rule.name.clone(), rules);
            }
        }
        self.reader.problems.extend(twice);
    }

    fn rule(&mut self, rule: RuleDraft, names: &Names, settings: &Arc<Settings>) -> Option<Rule> {
        let value = rule.action?;
        let action = self.action(&value, names)?;
        let is_regex = |condition: &Condition| {
            matches!(condition.test, Test::Matches { .. }) && !condition.negated
        };
        if !rule.conditions.iter().any(is_regex)
            && let Some(capture) = action.value.highest_capture()
        {
            let said = format!("${capture} is asked for, but there is no regex to capture it");
            self.problem(value.error(&Fault::new(said)));
            return None;
        }
        let said = match &action.value {
            Action::Guard(guard) => guard.shown(value.text()),
            _ => value.text().to_owned(),
        };
        // A rule that has no condition is called by its action.
        let name = if rule.name == value.text() { said.clone() } else { rule.name };
        Some(Rule {
            name,
            place: rule.place,
            conditions: rule.conditions,
            action,
            said,
            settings: rule.settings.map_or_else(|| settings.clone(), Arc::new),
        })
    }

    fn action(&mut self, value: &Value, names: &Names) -> Option<Placed<Action>> {
        match action::parse(value, names) {
            Ok(action) => Some(value.placed(action)),
            Err(fault) => {
                self.problem(value.error(&fault));
                None
            }
        }
    }

    /// What is said of TLS needs somebody who speaks it, and a suite for each version.
    fn check_tls(&mut self, tls: &Tls) {
        if let (true, Some(first)) = (tls.listeners.is_empty(), tls.names.first()) {
            let said = "sni: there is no https to present this certificate";
            self.problem(Problem::warning(Some(first.name.place.clone()), said));
        }
        let asked = tls.listeners.iter().map(|listener| &listener.presented);
        let mut asked = asked.chain(tls.names.iter().map(|name| &name.presented));
        if let Some(list) = tls.revoked.first()
            && asked.all(|presented| presented.clients.is_none())
        {
            let said = "https-crl: no client is asked for a certificate";
            self.problem(Problem::warning(Some(list.place.clone()), said));
        }
        let Some(suites) = &tls.suites else { return };
        for version in &tls.versions {
            // The names of TLS 1.3 have nothing about the exchange of keys in them.
            let is_new = |suite: &&str| !suite.contains("_WITH_");
            if !suites.value.iter().any(|suite| is_new(suite) == (*version == "1.3")) {
                let said = format!(
                    "https-ciphers: none of them is for TLS {version}; add one, or set https-versions"
                );
                self.problem(Problem::error(Some(suites.place.clone()), said));
            }
        }
    }

    /// Variables that are asked for but that nothing sets are probably slips.
    fn check_variables(&mut self, config: &Config) {
        let added = config.rules.iter().filter_map(|rule| match &rule.action.value {
            Action::Edit(Edit::AddVar(name, _)) => Some(name),
            _ => None,
        });
        let all = config.settings.vars.iter().map(|(name, _)| name);
        let set = all.chain(added).map(String::as_str);
        // Without a rule that asks for a password there is no user: the name is empty.
        let set: HashSet<&str> = set.chain(["REMOTE_USER"]).collect();
        let unset = |name: &&str| !set.contains(name);
        let said = |name: &str| {
            format!(
                "nothing says what ${{{name}}} is: expected addvar:{name}=... or http-var = {name}=..."
            )
        };
        for rule in &config.rules {
            let action = rule.action.value.own_variables().map(|name| (name, &rule.action.place));
            let conditions = rule.conditions.iter().flat_map(|condition| {
                condition.own_variables().map(|name| (name, &condition.place))
            });
            for (name, place) in action.chain(conditions).filter(|(name, _)| unset(name)) {
                self.problem(Problem::error(Some(place.clone()), said(name)));
            }
        }
        for upstream in &config.upstreams {
            let Balance::Hash(key) = &upstream.balance else { continue };
            for name in key.own().filter(unset) {
                let said = format!("[upstream:{}] balance: {}", upstream.name, said(name));
                self.problem(Problem::error(Some(upstream.place.clone()), said));
            }
        }
    }

    /// A condition on a listener that there is not would never hold.
    fn check_listeners(&mut self, config: &Config) {
        let listener = Template::of(Variable::Cgi(Cgi::Listener));
        for condition in config.rules.iter().flat_map(|rule| &rule.conditions) {
            let Test::Compares { how: Comparison::Equal, subject: Subject::Text(subject), with } =
                &condition.test
            else {
                continue;
            };
            let Some(name) = with.fixed().filter(|_| *subject == listener) else { continue };
            let all: Vec<String> =
                config.addresses().map(|address| address.value.to_string()).collect();
            if !all.iter().any(|known| known == name) {
                let said = format!("${{LISTENER}} is never {name}; expected {}", all.join(" or "));
                self.problem(Problem::error(Some(condition.place.clone()), said));
            }
        }
    }

    /// Who may ask the router about itself, and tell it to close what it carries, is said by the rights
    /// of a file; TCP has none.
    fn check_admin(&mut self, config: &Config) {
        let (Admin::At(admin), Some(value)) = (&config.admin, self.draft.admin.take()) else {
            return;
        };
        let place = value.place_at(0);
        if let Some(taken) = config.listens_on(admin) {
            let said = format!("{}: clients come in there, by {taken}", value.quoted());
            return self.problem(Problem::error(Some(place), said));
        }
        let near = match admin {
            Address::Ip(address) => address.ip().to_canonical().is_loopback(),
            Address::Name { host, .. } => host == "localhost",
            Address::Unix(_) | Address::Abstract(_) => true,
        };
        if !near {
            let said = format!(
                "{}: whoever reaches that address may ask and close everything; expected one of \
                 this machine alone, as in unix:/run/tidegate/admin.sock or 127.0.0.1:9900",
                value.quoted()
            );
            self.problem(Problem::warning(Some(place), said));
        }
    }

    /// The longest message must fit where messages are put together.
    fn check_memory(&mut self, config: &Config) {
        let memory = config.websocket_memory;
        let rules = config.rules.iter().map(|rule| (&rule.action, &rule.settings));
        let default = config.default.as_ref().map(|action| (action, &config.settings));
        let said = rules.chain(default).filter_map(|(action, settings)| match &action.value {
            Action::Go(way) => Some((Some(way), settings)),
            Action::Last
            | Action::Goto(_)
            | Action::Answer(_)
            | Action::Edit(_)
            | Action::Guard(_) => None,
        });
        let http_to = config.http_to.first().map(|_| (None, &config.settings));
        let mut places = HashSet::new();
        for (way, settings) in said.chain(http_to) {
            if !keeps_messages(way, settings) || settings.max_message <= memory {
                continue;
            }
            let size = settings.max_message_said.as_ref();
            let Some(Placed { value, place }) = size.or(self.draft.websocket_memory.as_ref())
            else {
                continue;
            };
            let said = match size {
                Some(_) => format!(
                    "a message of that size does not fit in websockets-memory, {memory} bytes"
                ),
                None => format!(
                    "a message of websockets-max-size, {} bytes, does not fit in it",
                    settings.max_message
                ),
            };
            if places.insert(place.clone()) {
                let said = format!("{value}: {said}; its sender is told 1013");
                let place = Some(place.clone());
                self.problem(Problem::warning(place, said));
            }
        }
    }

    /// Groups nobody asks for, and servers listed twice, are probably slips.
    fn check_upstreams(&mut self, config: &Config) {
        let actions = config.rules.iter().map(|rule| &rule.action).chain(&config.default);
        let used: HashSet<&str> = actions
            .filter_map(|action| match action.value.target() {
                Some(Target::Upstream(name)) => Some(name.as_str()),
                Some(Target::Address(_)) | None => None,
            })
            .collect();
        let whole = !self.reader.problems.iter().any(Problem::is_error);
        for upstream in &config.upstreams {
            if whole && !used.contains(upstream.name.as_str()) {
                let said = format!("[upstream:{}]: no action names it", upstream.name);
                self.problem(Problem::warning(Some(upstream.place.clone()), said));
            }
            let mut known = HashSet::new();
            for server in &upstream.servers {
                let Placed { value, place } = &server.address;
                if !known.insert(value) {
                    let said =
                        format!("[upstream:{}] server \"{value}\" is listed twice", upstream.name);
                    self.problem(Problem::warning(Some(place.clone()), said));
                }
            }
            if let (true, Some(server)) =
                (upstream.servers.iter().all(|server| server.backup), upstream.servers.first())
            {
                let said = format!(
                    "[upstream:{}]: every server is a backup, so none is; one without it comes first",
                    upstream.name
                );
                self.problem(Problem::warning(Some(server.address.place.clone()), said));
            }
        }
    }
}

/// Whether messages of WebSockets are put together on their way there; `None` stands for `http-to`.
fn keeps_messages(way: Option<&Way>, settings: &Settings) -> bool {
    let keeps = match (way, settings.websockets_mode) {
        (Some(Way::Echo | Way::Tcp { .. } | Way::Token { .. } | Way::Channel { .. }), _) => true,
        (None | Some(Way::Uwsgi { .. }), None) => true,
        (_, mode) => mode == Some(WebSocketMode::Guard),
    };
    settings.websockets && keeps
}
