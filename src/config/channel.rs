//! `channel:NAME[,mode=both|subscribe|publish][,ids=yes][,who=TEXT][,events=yes][,public=yes]` and `publish:NAME[,public=yes]`,
//! and who may publish where nobody was asked.

use std::path::PathBuf;
use std::time::Duration;

use super::action::{Action, Way};
use super::condition::Condition;
use super::model::Config;
use super::nearest::hint;
use super::template::{Part, Template};
use super::units::{digits, parse_duration, word_flag};
use super::value::{Fault, Value};
use crate::base::{Address, Problem};

/// What a client may do in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelMode {
    /// Get what is published, and publish.
    Both,
    /// Get it.
    Subscribe,
    /// Publish.
    Publish,
}

/// What becomes of messages for a client that does not read as fast as others publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelSlow {
    /// The one that has waited longest is dropped.
    DropOldest,
    /// The new one is.
    DropNewest,
    /// The client is closed, with 1013.
    Close,
}

const MODES: [(&str, ChannelMode); 3] = [
    ("both", ChannelMode::Both),
    ("subscribe", ChannelMode::Subscribe),
    ("publish", ChannelMode::Publish),
];

/// What signs a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256: a secret that both have.
    Hs256,
    /// RSA with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// Tokens that say who may be in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelToken {
    /// What signs them.
    pub algorithm: TokenAlgorithm,
    /// Where the secret or the public key is.
    pub file: PathBuf,
}

const ALGORITHMS: [(&str, TokenAlgorithm); 3] = [
    ("HS256", TokenAlgorithm::Hs256),
    ("RS256", TokenAlgorithm::Rs256),
    ("ES256", TokenAlgorithm::Es256),
];

/// Reads `channel-token`: an algorithm and a file.
pub(super) fn token(value: &Value) -> Result<Option<ChannelToken>, Fault> {
    if value.text() == "off" {
        return Ok(None);
    }
    let read = || {
        let (name, file) = value.text().split_once(',')?;
        let algorithm = ALGORITHMS.iter().find(|(known, _)| *known == name.trim())?.1;
        let file = PathBuf::from(file.trim());
        file.has_root().then_some(ChannelToken { algorithm, file })
    };
    let said = "expected HS256, RS256 or ES256 and the path of a key, as in ES256,/etc/tidegate/chat.pem, or off";
    read().map(Some).ok_or_else(|| Fault::new(said))
}

/// Reads `channels-control`: what commands begin with.
pub(super) fn control(value: &Value) -> Result<Option<String>, Fault> {
    let text = value.text();
    match text {
        "off" => Ok(None),
        _ if (4..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(text.to_owned()))
        }
        _ => Err(Fault::new(
            "expected 4 to 64 characters of ASCII without spaces, as in @channels:, or off",
        )),
    }
}

/// How long what is published is kept for those who come later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelHistory {
    /// The last so many messages; none: nothing is kept.
    pub messages: u32,
    /// None that is older.
    pub age: Option<Duration>,
}

/// Messages kept where only their age is said.
const MESSAGES: u32 = 100_000;

/// Reads `channel-history`: a number of messages, a time, or both.
pub(super) fn history(value: &Value) -> Result<ChannelHistory, Fault> {
    let said = "expected a number of messages, a time as in 60s, both as in 100,60s, or off";
    let (first, second) = match value.text().split_once(',') {
        Some((first, second)) => (first.trim(), Some(second.trim())),
        None => (value.text(), None),
    };
    let age = |text| {
        let found = parse_duration(text).filter(|age| !age.is_zero());
        found.map(Some).ok_or_else(|| Fault::new(said))
    };
    let messages = digits(first).and_then(|found| u32::try_from(found).ok());
    match (messages, second) {
        (Some(messages), None) => Ok(ChannelHistory { messages, age: None }),
        (Some(messages), Some(second)) => Ok(ChannelHistory { messages, age: age(second)? }),
        (None, None) if first == "off" => Ok(ChannelHistory::default()),
        (None, None) => Ok(ChannelHistory { messages: MESSAGES, age: age(first)? }),
        (None, Some(_)) => Err(Fault::new(said)),
    }
}

/// What stands behind a name.
struct Extras {
    name: Template,
    mode: ChannelMode,
    ids: bool,
    who: Option<Template>,
    events: bool,
    public: bool,
}

/// Reads what stands behind `channel:`, which starts at byte `start`.
pub(super) fn parse(text: &str, start: usize) -> Result<Way, Fault> {
    let known = ["mode", "ids", "who", "events", "public"];
    let Extras { name, mode, ids, who, events, public } = extras(text, start, &known)?;
    if events && who.is_none() {
        let said = "events=yes tells who comes: expected who= besides, as in who=${REMOTE_USER}";
        return Err(Fault::at(start, said));
    }
    Ok(Way::Channel { name, mode, ids, who, events, public })
}

/// Reads what stands behind `publish:`, which starts at byte `start`.
pub(super) fn parse_publish(text: &str, start: usize) -> Result<Way, Fault> {
    let Extras { name, public, .. } = extras(text, start, &["public"])?;
    Ok(Way::Publish { name, public })
}

fn extras(text: &str, start: usize, known: &[&str]) -> Result<Extras, Fault> {
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default();
    let mut at = start + name.len() + 1;
    let mut extras = Extras {
        name: name_of(name, start)?,
        mode: ChannelMode::Both,
        ids: false,
        who: None,
        events: false,
        public: false,
    };
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let flag = |key| {
            let said = format!("expected {key}=yes or {key}=no");
            word_flag(value).ok_or_else(|| Fault::at(at, said))
        };
        match key {
            "mode" if known.contains(&key) => {
                let found = MODES.iter().find(|(name, _)| *name == value);
                let said = "expected mode=both, mode=subscribe or mode=publish";
                extras.mode = found.ok_or_else(|| Fault::at(at, said))?.1;
            }
            "ids" if known.contains(&key) => extras.ids = flag("ids")?,
            "who" if known.contains(&key) => {
                let template = Template::parse(value);
                let said = |fault: Fault| Fault::at(at + 4 + fault.at, fault.expected);
                extras.who = Some(template.map_err(said)?);
            }
            "events" if known.contains(&key) => extras.events = flag("events")?,
            "public" => extras.public = flag("public")?,
            _ => {
                let hint = hint(key, known.iter().copied());
                let said = format!("expected {}= behind the name{hint}", known.join("=, "));
                return Err(Fault::at(at, said));
            }
        }
        at += part.len() + 1;
    }
    Ok(extras)
}

pub(super) fn name_of(text: &str, start: usize) -> Result<Template, Fault> {
    let template = Template::parse(text);
    let name = template.map_err(|fault| Fault::at(start + fault.at, fault.expected))?;
    let letter = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    let good = |part: &Part| match part {
        Part::Text(text) => text.len() <= 128 && text.chars().all(letter),
        Part::Capture(_) | Part::Variable(_) => true,
    };
    if name.parts().is_empty() || !name.parts().iter().all(good) {
        let said = "expected the name of a channel: at most 128 letters, digits and _.:-, with captures and \
                    variables, as in channel:room-$1";
        return Err(Fault::at(start, said));
    }
    Ok(name)
}

/// Whoever reaches a channel may publish to it, unless a rule above asks who it is: that must have been meant.
pub(super) fn check(config: &Config) -> Vec<Problem> {
    let listeners = config.listeners.iter().map(|listener| &listener.value);
    let listeners =
        listeners.chain(config.tls.listeners.iter().map(|listener| &listener.address.value));
    if listeners.into_iter().all(is_near) {
        return Vec::new();
    }
    // Those that ask everybody, and those that ask whom the same conditions take.
    let mut askers: Vec<&[Condition]> = Vec::new();
    let mut problems = Vec::new();
    let rules = config.rules.iter().map(|rule| (&*rule.conditions, &rule.action, &rule.settings));
    let default = config.default.iter().map(|action| (&[][..], action, &config.settings));
    for (conditions, action, settings) in rules.chain(default) {
        match &action.value {
            action if action.is_access_rule() => askers.push(conditions),
            Action::Go(Way::Channel { mode: ChannelMode::Subscribe, .. }) => {}
            Action::Go(Way::Channel { public: false, .. } | Way::Publish { public: false, .. })
                if settings.channel_token.is_none()
                    && !askers.iter().any(|asker| asks(asker, conditions)) =>
            {
                let said = "anybody may publish here: expected a rule above that says who (allow:, basicauth:), under the \
                            same conditions or none, channel-token, or public=yes where it is meant so";
                problems.push(Problem::error(Some(action.place.clone()), said));
            }
            _ => {}
        }
    }
    problems
}

/// Whether whoever meets `taken` meets these conditions, as far as that is seen without a request.
fn asks(asker: &[Condition], taken: &[Condition]) -> bool {
    let same =
        |one: &Condition, two: &Condition| (&one.test, one.negated) == (&two.test, two.negated);
    asker.iter().all(|one| taken.iter().any(|two| same(one, two)))
}

/// Whether only this machine can connect there.
fn is_near(address: &Address) -> bool {
    match address {
        Address::Ip(address) => address.ip().to_canonical().is_loopback(),
        Address::Name { host, .. } => host == "localhost",
        Address::Unix(_) | Address::Abstract(_) => true,
    }
}
