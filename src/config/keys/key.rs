//! A key: its name, what its value looks like, what it means and what it does.

use super::super::draft::{Draft, RouteDraft};
use super::super::model::Upstream;
use super::super::settings::Settings;
use super::super::value::{Fault, Value};

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// What its value looks like.
    pub kind: Kind,
    /// Whether it may be given more than once, each time adding.
    pub list: bool,
    /// The default, as it would be written.
    pub default: Option<&'static str>,
    /// What holds where there is no default to write: `none`, `the system's`.
    pub unset: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// A value it could have.
    pub example: &'static str,
    /// Whether `%` and `$(` in the value are replaced.
    pub(in super::super) expand: bool,
    pub(in super::super) set: Set,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no; the key alone means yes.
    Flag,
    /// A length of time, or `off`; the key alone means the default.
    FlagOrDuration,
    /// Yes, no or a size; the key alone means yes.
    FlagOrSize,
    /// A length of time.
    Duration,
    /// A number of bytes.
    Size,
    /// A whole number.
    Number,
    /// An address.
    Address,
    /// An address, or `off`.
    AddressOrOff,
    /// An address, and perhaps a port.
    AddressAndPort,
    /// The path of a file or directory.
    Path,
    /// An address and the files of a certificate and its key.
    TlsListener,
    /// A name and the files of a certificate and its key.
    TlsName,
    /// An action.
    Action,
    /// A regex, a space and an action.
    Rule,
    /// A condition, a space and an action.
    Conditional,
    /// A condition.
    Condition,
    /// A regex.
    Regex,
    /// `NAME=VALUE`.
    Pair,
    /// One of a few words, or other text.
    Word,
    /// Several words, with spaces or commas between them.
    Words,
    /// Permissions of a file; the key alone means the usual ones.
    Mode,
}

impl Kind {
    /// What stands for a value in help and documentation.
    pub fn placeholder(self) -> &'static str {
        match self {
            Kind::Flag => "BOOL",
            Kind::FlagOrDuration => "DURATION|off",
            Kind::FlagOrSize => "BOOL|SIZE",
            Kind::Duration => "DURATION",
            Kind::Size => "SIZE",
            Kind::Number => "N",
            Kind::Address => "ADDR",
            Kind::AddressOrOff => "ADDR|off",
            Kind::AddressAndPort => "ADDR[,PORT]",
            Kind::Path => "PATH",
            Kind::TlsListener => "ADDR,CERT,KEY",
            Kind::TlsName => "NAME CERT,KEY",
            Kind::Action => "ACTION",
            Kind::Rule => "REGEX ACTION",
            Kind::Conditional => "CONDITION ACTION",
            Kind::Condition => "CONDITION",
            Kind::Regex => "REGEX",
            Kind::Pair => "NAME=VALUE",
            Kind::Word => "WORD",
            Kind::Words => "WORDS",
            Kind::Mode => "MODE",
        }
    }

    /// Whether the key may stand alone.
    pub fn stands_alone(self) -> bool {
        matches!(self, Kind::Flag | Kind::FlagOrDuration | Kind::FlagOrSize | Kind::Mode)
    }
}

/// A kind of section, for which there are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `[tidegate]`, `[uwsgi]` and the command line.
    Main,
    /// `[upstream:NAME]`
    Upstream,
    /// `[route:NAME]`
    Route,
}

impl Scope {
    /// As a section is written.
    pub fn label(self) -> &'static str {
        match self {
            Scope::Main => "[tidegate]",
            Scope::Upstream => "[upstream:NAME]",
            Scope::Route => "[route:NAME]",
        }
    }
}

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does what it says.
    Built,
    /// Taken for the sake of files written for uWSGI, for this reason without effect.
    WithoutEffect(&'static str),
    /// Refused, for this reason.
    Refused(&'static str),
}

pub(super) type Outcome = Result<(), Fault>;

/// What a key does to what is being built.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Set {
    /// In the main section.
    Main(fn(&mut Draft, &Value) -> Outcome),
    /// In the main section for all, in a route's for that route.
    Settings(fn(&mut Settings, &Value) -> Outcome),
    Upstream(fn(&mut Upstream, &Value) -> Outcome),
    Route(fn(&mut RouteDraft, &Value) -> Outcome),
    /// In the main section, while files are read.
    Reader,
    /// In these scopes, nothing.
    Never(&'static [Scope], Status),
}

/// Starts a key. The methods below fill in the rest.
pub(super) const fn key(name: &'static str, kind: Kind, set: Set) -> Key {
    Key {
        name,
        aliases: &[],
        kind,
        list: false,
        default: None,
        unset: "",
        meaning: "",
        example: "",
        expand: true,
        set,
    }
}

impl Key {
    pub(super) const fn aliases(mut self, aliases: &'static [&'static str]) -> Key {
        self.aliases = aliases;
        self
    }

    pub(super) const fn list(mut self) -> Key {
        self.list = true;
        self
    }

    pub(super) const fn default(mut self, default: &'static str) -> Key {
        self.default = Some(default);
        self
    }

    pub(super) const fn unset(mut self, unset: &'static str) -> Key {
        self.unset = unset;
        self
    }

    pub(super) const fn says(mut self, meaning: &'static str) -> Key {
        self.meaning = meaning;
        self
    }

    pub(super) const fn example(mut self, example: &'static str) -> Key {
        self.example = example;
        self
    }

    /// Its name and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// The kinds of sections it may stand in.
    pub fn scopes(&self) -> &'static [Scope] {
        match self.set {
            Set::Main(_) | Set::Reader => &[Scope::Main],
            Set::Settings(_) => &[Scope::Main, Scope::Route],
            Set::Upstream(_) => &[Scope::Upstream],
            Set::Route(_) => &[Scope::Route],
            Set::Never(scopes, _) => scopes,
        }
    }

    /// Whether it may stand in sections of this kind.
    pub fn is_for(&self, scope: Scope) -> bool {
        self.scopes().contains(&scope)
    }

    /// What it is good for.
    pub fn status(&self) -> Status {
        match self.set {
            Set::Never(_, status) => status,
            _ => Status::Built,
        }
    }

    /// Whether it does what it says.
    pub fn is_built(&self) -> bool {
        self.status() == Status::Built
    }
}
