//! Actions: what is done with a request, `uwsgi:ADDR[,MOD1,MOD2]`, `http:ADDR[,HOST[,URI]]`, `tcp:ADDR`,
//! `echo:`, `static:DIR` or `file:PATH`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::{Address, AddressError};

use super::auth;
use super::channel::{self, ChannelMode};
use super::edit::{self, Answer, Edit};
use super::files::{self, Files};
use super::guard::{self, Guard};
use super::model::Protocol;
use super::nearest::{either, hint};
use super::template::Template;
use super::uwsgi_actions::{self, Standing};
use super::value::{Fault, Value};
use super::words;

/// What is done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It goes there.
    Go(Way),
    /// No further rule is tried: what takes the rest takes it.
    Last,
    /// The search goes on behind a label.
    Goto(Label),
    /// We answer it.
    Answer(Answer),
    /// Something is changed, and the search goes on.
    Edit(Edit),
    /// The search goes on for those it lets.
    Guard(Guard),
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Passed to a uwsgi server.
    Uwsgi {
        /// To whom.
        target: Target,
        /// In place of `http-modifier1`.
        modifier1: Option<u8>,
        /// In place of `http-modifier2`.
        modifier2: Option<u8>,
    },
    /// Passed to an HTTP server.
    Http {
        /// To whom.
        target: Target,
        /// Over TLS.
        tls: bool,
        /// What the server sees as `Host`; `None`: what the client sent.
        host: Option<Template>,
        /// Path and query the server sees; `None`: what the client sent.
        uri: Option<Template>,
    },
    /// The messages of WebSockets are passed to a server as a stream of bytes, and back.
    Tcp {
        /// To whom.
        target: Target,
        /// Over TLS.
        tls: bool,
    },
    /// The same, to the server that a file has for a token of the request.
    Token {
        /// Lines of `TOKEN: ADDR`.
        file: PathBuf,
        /// The token.
        key: Template,
    },
    /// WebSockets whose messages come back.
    Echo,
    /// Files.
    Files(Files),
    /// WebSockets that join a channel.
    Channel {
        /// Its name.
        name: Template,
        /// What they may do there.
        mode: ChannelMode,
        /// Each message is JSON, with its id.
        ids: bool,
        /// Who they are.
        who: Option<Template>,
        /// The others are told when one comes and when it goes.
        events: bool,
        /// It was said that anybody may publish.
        public: bool,
    },
    /// Requests that publish to a channel.
    Publish {
        /// Its name.
        name: Template,
        /// It was said that anybody may.
        public: bool,
    },
}

/// A place between rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// How many rules stand before it.
    pub rule: u32,
}

impl Way {
    /// To which server or servers, where that is the same for all requests.
    pub fn target(&self) -> Option<&Target> {
        match self {
            Way::Uwsgi { target, .. } | Way::Http { target, .. } | Way::Tcp { target, .. } => {
                Some(target)
            }
            Way::Token { .. }
            | Way::Echo
            | Way::Files(_)
            | Way::Channel { .. }
            | Way::Publish { .. } => None,
        }
    }

    /// What is spoken there.
    pub fn protocol(&self) -> Option<Protocol> {
        match self {
            Way::Uwsgi { .. } => Some(Protocol::Uwsgi),
            Way::Http { tls: true, .. } => Some(Protocol::Https),
            Way::Http { .. } => Some(Protocol::Http),
            Way::Tcp { tls: true, .. } => Some(Protocol::Tcps),
            Way::Tcp { .. } | Way::Token { .. } => Some(Protocol::Tcp),
            Way::Echo | Way::Files(_) | Way::Channel { .. } | Way::Publish { .. } => None,
        }
    }
}

impl Action {
    /// The servers it needs, if any.
    pub fn target(&self) -> Option<&Target> {
        match self {
            Action::Go(way) => way.target(),
            Action::Guard(Guard::Auth(auth)) => auth.way.target(),
            _ => None,
        }
    }

    /// Whether a request that comes here goes no further.
    pub fn is_end(&self) -> bool {
        matches!(self, Action::Go(_) | Action::Answer(_))
    }

    /// Whether it stops whoever it does not know: behind it are only people that the operator has let in.
    pub fn is_access_rule(&self) -> bool {
        match self {
            Action::Edit(Edit::Allow(_)) => true,
            Action::Guard(guard) => guard.is_access_rule(),
            _ => false,
        }
    }

    /// The highest capture it asks for.
    pub fn highest_capture(&self) -> Option<u8> {
        self.templates().filter_map(Template::highest_capture).max()
    }

    /// Variables of the configuration's own that it asks for.
    pub(super) fn own_variables(&self) -> impl Iterator<Item = &str> {
        self.templates().flat_map(Template::own)
    }

    /// What is filled in for each request.
    fn templates(&self) -> impl Iterator<Item = &Template> {
        let (one, other) = match self {
            Action::Go(Way::Http { host, uri, .. }) => (host.as_ref(), uri.as_ref()),
            Action::Go(Way::Token { key, .. }) => (Some(key), None),
            Action::Go(Way::Files(files)) => (files.name.as_ref(), None),
            Action::Go(Way::Channel { name, who, .. }) => (Some(name), who.as_ref()),
            Action::Go(Way::Publish { name, .. }) => (Some(name), None),
            Action::Answer(answer) => (Some(answer.template()), None),
            Action::Edit(edit) => (edit.template(), None),
            Action::Guard(guard) => (guard.template(), None),
            Action::Go(_) | Action::Last | Action::Goto(_) => (None, None),
        };
        one.into_iter().chain(other)
    }
}

/// A server, or a group of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// This one server.
    Address(Address),
    /// The `[upstream:NAME]` of this name; there is one, and it speaks the action's protocol.
    Upstream(String),
}

/// What an action may name.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The upstreams, and what they speak.
    pub(super) groups: BTreeMap<String, Protocol>,
    /// Labels, with how many rules stand before each.
    pub(super) labels: BTreeMap<String, u32>,
    /// How many rules stand before the action and with it.
    pub(super) rule: u32,
}

/// Reads an action, which may name one of `names`.
pub(super) fn parse(value: &Value, names: &Names) -> Result<Action, Fault> {
    let text = value.text();
    if text.is_empty() {
        return Err(Fault::new("expected an action such as http:127.0.0.1:9000"));
    }
    let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
    let start = scheme.len() + 1;
    if words::find(words::ACTIONS, scheme).is_none() {
        return Err(unknown(text, scheme));
    }
    let protocol = match scheme {
        "uwsgi" => Protocol::Uwsgi,
        "http" => Protocol::Http,
        "https" => Protocol::Https,
        "tcp" => Protocol::Tcp,
        "tcps" => Protocol::Tcps,
        "echo" => return alone(Action::Go(Way::Echo), scheme, rest),
        "static" => {
            return files::directory(rest, start).map(|files| Action::Go(Way::Files(files)));
        }
        "file" => return files::file(rest, start).map(|files| Action::Go(Way::Files(files))),
        "channel" => return channel::parse(rest, start).map(Action::Go),
        "publish" => return channel::parse_publish(rest, start).map(Action::Go),
        "last" | "continue" => return alone(Action::Last, scheme, rest),
        "auth" => {
            return auth::auth(rest, start, names).map(|auth| Action::Guard(Guard::Auth(auth)));
        }
        "goto" => return goto(rest, names).map_err(|said| Fault::at(start, said)),
        _ => return other(value, scheme),
    };
    if let Some(token) = rest.strip_prefix("token:").filter(|_| protocol == Protocol::Tcp)
        && token.parse::<u16>().is_err()
    {
        return by_token(token, start + "token:".len()).map(Action::Go);
    }
    let (address, arguments) = rest.split_once(',').unzip();
    let address = address.unwrap_or(rest);
    let target = target(address, protocol, &names.groups).map_err(|said| Fault::at(start, said))?;
    let start = start + address.len() + 1;
    let way = match protocol {
        Protocol::Uwsgi => {
            let (modifier1, modifier2) =
                modifiers(arguments).map_err(|said| Fault::at(start, said))?;
            Ok(Way::Uwsgi { target, modifier1, modifier2 })
        }
        Protocol::Http | Protocol::Https => {
            let (host, uri) = arguments.map_or((None, None), |all| match all.split_once(',') {
                Some((host, uri)) => (Some(host), Some((uri, start + host.len() + 1))),
                None => (Some(all), None),
            });
            let host = host.filter(|host| !host.is_empty());
            let host = host.map(|host| host_template(host, start)).transpose()?;
            let uri = uri.map(|(uri, start)| uri_template(uri, start)).transpose()?;
            Ok(Way::Http { target, tls: protocol.is_tls(), host, uri })
        }
        Protocol::Tcp | Protocol::Tcps => match arguments {
            Some(_) => Err(Fault::at(start, "expected nothing behind the address")),
            None => Ok(Way::Tcp { target, tls: protocol.is_tls() }),
        },
    };
    way.map(Action::Go)
}

/// An answer or an edit.
fn other(value: &Value, name: &str) -> Result<Action, Fault> {
    let text = value.text();
    let start = (name.len() + 1).min(text.len());
    let argument = value.slice(start..text.len());
    let within = |fault: Fault| Fault { at: fault.at + start, ..fault };
    if let Some(answer) = edit::answer(name, &argument) {
        return answer.map(Action::Answer).map_err(within);
    }
    if let Some(guard) = guard::guard(name, &argument) {
        return guard.map(Action::Guard).map_err(within);
    }
    match edit::edit(name, &argument) {
        Some(edit) => edit.map(Action::Edit).map_err(within),
        None => Err(unknown(text, name)),
    }
}

/// An action that says all by its name.
fn alone(action: Action, scheme: &str, rest: &str) -> Result<Action, Fault> {
    match rest {
        "" => Ok(action),
        _ => Err(Fault::at(scheme.len() + 1, format!("expected nothing behind {scheme}:"))),
    }
}

/// The NAME of a label further down.
fn goto(name: &str, names: &Names) -> Result<Action, String> {
    match names.labels.get(name) {
        Some(rule) if *rule >= names.rule => {
            Ok(Action::Goto(Label { name: name.into(), rule: *rule }))
        }
        Some(_) => Err(format!("route-label = {name} stands above: goto: leads only forward")),
        None => {
            let hint = hint(name, names.labels.keys().map(String::as_str));
            Err(format!("there is no route-label = {name}{hint}"))
        }
    }
}

/// `FILE,KEY`, which starts at byte `start`.
fn by_token(text: &str, start: usize) -> Result<Way, Fault> {
    const SAID: &str =
        "expected a file and a token, as in tcp:token:/etc/tidegate/tokens,${qs[token]}";
    let (file, key) = text.split_once(',').ok_or_else(|| Fault::at(start, SAID))?;
    if file.is_empty() || key.is_empty() {
        return Err(Fault::at(start, SAID));
    }
    let start = start + file.len() + 1;
    let key = Template::parse(key).map_err(|fault| Fault::at(start + fault.at, fault.expected))?;
    if key.is_fixed() {
        let said = "expected a token that the request says, such as ${qs[token]} or $1";
        return Err(Fault::at(start, said));
    }
    Ok(Way::Token { file: file.into(), key })
}

/// The name of a group, or an address.
pub(super) fn target(
    text: &str,
    protocol: Protocol,
    groups: &BTreeMap<String, Protocol>,
) -> Result<Target, String> {
    let scheme = protocol.name();
    if text.is_empty() {
        return Err(format!("expected an address, as in {scheme}:127.0.0.1:9000"));
    }
    if let Some(spoken) = groups.get(text) {
        if *spoken == protocol {
            return Ok(Target::Upstream(text.into()));
        }
        let spoken = spoken.name();
        return Err(format!("[upstream:{text}] has protocol = {spoken}; write {spoken}:{text}"));
    }
    if let Some(plain) = text.strip_prefix("//") {
        return Err(format!("an action is not a URL: write {scheme}:{plain}"));
    }
    if text.contains('$') {
        return Err("captures in an address are not in this version".into());
    }
    if protocol == Protocol::Tcps && text.starts_with("token:/") {
        return Err(
            "a file of tokens leads to servers without TLS: write tcp:token:FILE,TOKEN".into()
        );
    }
    if !text.contains([':', '/', '@', '[']) && !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let hint = hint(text, groups.keys().map(String::as_str));
        return Err(format!(
            "there is no [upstream:{text}]{hint} (an address has a port, as in 127.0.0.1:9000)"
        ));
    }
    let address: Address = text.parse().map_err(|fault: AddressError| fault.to_string())?;
    if protocol.is_tls() && address.host().is_none() {
        return Err(format!(
            "{address} has no name for a certificate; write an [upstream:NAME] with protocol = {scheme} and verify-name"
        ));
    }
    Ok(Target::Address(address))
}

/// `MOD1[,MOD2]`.
fn modifiers(text: Option<&str>) -> Result<(Option<u8>, Option<u8>), &'static str> {
    const SAID: &str = "expected modifiers from 0 to 255, as in uwsgi:127.0.0.1:3031,5,0";
    let modifier = |text: &str| text.trim().parse::<u8>().map(Some).map_err(|_| SAID);
    match text.map(|text| text.split_once(',').ok_or(text)) {
        None => Ok((None, None)),
        Some(Err(first)) => Ok((modifier(first)?, None)),
        Some(Ok((first, second))) => Ok((modifier(first)?, modifier(second)?)),
    }
}

/// HOST, which starts at byte `start`.
fn host_template(text: &str, start: usize) -> Result<Template, Fault> {
    let strange = |c: char| c.is_whitespace() || c.is_control() || "/?#@\\,".contains(c);
    if let Some(at) = text.find(strange) {
        return Err(Fault::at(start + at, "expected a host name such as app.example.com or $1"));
    }
    Template::parse(text).map_err(|fault| Fault::at(start + fault.at, fault.expected))
}

/// URI, which starts at byte `start`.
pub(super) fn uri_template(text: &str, start: usize) -> Result<Template, Fault> {
    if !text.starts_with(['/', '$']) {
        return Err(Fault::at(start, "expected a path that starts with '/', as in /v2/$1"));
    }
    let strange = |c: char| c.is_whitespace() || c.is_control() || c == '#' || !c.is_ascii();
    if let Some(at) = text.find(strange) {
        let said =
            "expected a path without spaces, '#' or what is not ASCII (write %%20 for a space)";
        return Err(Fault::at(start + at, said));
    }
    Template::parse(text).map_err(|fault| Fault::at(start + fault.at, fault.expected))
}

/// What to say of an action that there is not.
fn unknown(text: &str, scheme: &str) -> Fault {
    if text.parse::<Address>().is_ok() && uwsgi_actions::standing(scheme).is_none() {
        return Fault::new(format!(
            "an action starts with what is spoken there: write http:{text} or uwsgi:{text}"
        ));
    }
    Fault::new(match uwsgi_actions::standing(scheme) {
        Some(Standing::Instead(say)) => format!("there is no action {scheme}: here; {say}"),
        Some(Standing::AppServer) => {
            format!(
                "{scheme}: is an action of uWSGI's app server, which this is not; leave the rule in the app server's own file"
            )
        }
        None => {
            let hint = hint(scheme, words::ACTIONS.iter().map(|word| word.name));
            format!("there is no action {scheme}:{hint} (there are {})", there_are())
        }
    })
}

fn there_are() -> String {
    let all: Vec<String> = words::ACTIONS.iter().map(|word| format!("{}:", word.name)).collect();
    either(&all.iter().map(String::as_str).collect::<Vec<_>>()).replace(" or ", " and ")
}

#[cfg(test)]
#[path = "action_tests.rs"]
mod tests;
