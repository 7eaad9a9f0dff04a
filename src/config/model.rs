//! What a configuration says, as plain data with the places it was said at.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Address, Neighbours, Place};

use super::action::Action;
use super::bus::Bus;
use super::condition::Condition;
use super::health::HealthCheck;
use super::log_format::LogFormat;
use super::server::{Balance, Retries, Server};
use super::settings::Settings;
use super::syslog::Syslog;
use super::template::Template;
use super::tls::Tls;

/// A value together with where it was written, so that whoever compiles it later can point there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it starts.
    pub place: Place,
}

/// Everything a generation is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `http`: addresses to listen on.
    pub listeners: Vec<Placed<Address>>,
    /// `http-to-https`: addresses where everything is sent on to https.
    pub redirectors: Vec<Redirector>,
    /// `https` and what belongs to it.
    pub tls: Tls,
    /// `proxy-protocol`: who says in front of a connection for whom it is.
    pub proxy_protocol: Neighbours,
    /// `trusted-proxies`: who is believed about whom it asks for.
    pub trusted_proxies: Neighbours,
    /// `user`: who the process is once it listens, by name or number.
    pub user: Option<Placed<String>>,
    /// `group`: the same.
    pub group: Option<Placed<String>>,
    /// `chmod-socket`: permissions of unix sockets; `None`: what the umask leaves.
    pub socket_mode: Option<u32>,
    /// `chown-socket`: `USER[:GROUP]` of unix sockets.
    pub socket_owner: Option<Placed<String>>,
    /// `workers`: how many reactors.
    pub workers: Workers,
    /// `listen`: backlog of every listening socket.
    pub backlog: u32,
    /// `max-connections`; `None`: what the descriptor limit allows.
    pub max_connections: Option<u64>,
    /// `admin`: where the running router is asked about itself.
    pub admin: Admin,
    /// `http-to`: uwsgi servers that take what no rule takes; empty when [`Config::default`] is set.
    pub http_to: Vec<Placed<Address>>,
    /// `default`: the action that takes what no rule takes; `None` when [`Config::http_to`] is set.
    pub default: Option<Placed<Action>>,
    /// Rules in the order they are tried: the order they are written in.
    pub rules: Vec<Rule>,
    /// `[upstream:NAME]` sections, in the order they are written in.
    pub upstreams: Vec<Upstream>,
    /// `merge-slashes`: whether `//` in a path is collapsed before it is matched and forwarded.
    pub merge_slashes: bool,
    /// `spool-dir`; `None`: the system's directory for temporary files.
    pub spool_dir: Option<PathBuf>,
    /// `websockets-memory`: bytes in which a worker puts messages together.
    pub websocket_memory: u64,
    /// `channels`: how many a worker may have at once.
    pub channels: u32,
    /// `channel-memory`: bytes of history that a worker keeps.
    pub channel_memory: u64,
    /// `channel-listen` and what belongs to it: other instances.
    pub instances: Instances,
    /// `channel-bus`: where many instances meet.
    pub bus: Option<Placed<Bus>>,
    /// Times that belong to a client connection or to the whole process.
    pub times: Times,
    /// Settings of everything that has none of its own.
    pub settings: Arc<Settings>,
    /// Access log and diagnostic log.
    pub log: Log,
}

/// Other instances, with which channels are shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instances {
    /// `channel-listen`: where they connect to.
    pub listen: Option<Placed<Address>>,
    /// `channel-peer`: where they are.
    pub peers: Vec<Placed<Address>>,
    /// `channel-secret`: file of what all of them know.
    pub secret: Option<Placed<PathBuf>>,
}

impl Instances {
    /// Whether there are any.
    pub fn is_any(&self) -> bool {
        self.listen.is_some() || !self.peers.is_empty()
    }
}

/// A plain listener that sends everybody on to https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirector {
    /// Where it listens.
    pub address: Placed<Address>,
    /// The port that https is at.
    pub port: NonZeroU16,
}

/// How many reactors run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// One per core.
    Auto,
    /// This many, at least one.
    Count(u16),
}

/// Where the running router is asked about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    /// Nothing is said of it: [`ADMIN_DEFAULT`] where that can be made.
    Default,
    /// Nowhere.
    Off,
    /// There.
    At(Address),
}

/// The file of the admin socket where nothing else is said.
pub const ADMIN_DEFAULT: &str = "/run/tidegate.sock";

/// The most fields a head may be allowed to have.
pub const MAX_FIELDS: usize = 256;

/// Times that no route can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// A whole request head, from its first byte.
    pub headers: Duration,
    /// A TLS handshake, from the connection on.
    pub handshake: Duration,
    /// Idle between requests; `None`: one request per connection.
    pub keepalive: Option<Duration>,
    /// At stop, how long sessions may go on.
    pub drain: Duration,
}

/// One rule: all its conditions must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What logs call it: the section's NAME, else the text of its regex or condition.
    pub name: String,
    /// Where the rule starts.
    pub place: Place,
    /// All of them must hold; with none, it takes every request. Captures are those of the regex on the path where
    /// there is one, else on the host, else of the first.
    pub conditions: Vec<Condition>,
    /// What is done.
    pub action: Placed<Action>,
    /// The same as it is written.
    pub said: String,
    /// Settings for what it takes.
    pub settings: Arc<Settings>,
}

impl Rule {
    /// The highest capture that it asks for, in its action or in the channel that it has clients join.
    pub fn highest_capture(&self) -> Option<u8> {
        let channel = self.settings.channel.as_ref().and_then(Template::highest_capture);
        let leads = matches!(self.action.value, Action::Go(_));
        self.action.value.highest_capture().max(channel.filter(|_| leads))
    }
}

/// A named group of servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// NAME of `[upstream:NAME]`.
    pub name: String,
    /// Where the section starts.
    pub place: Place,
    /// What its servers speak.
    pub protocol: Protocol,
    /// Its servers, at least one.
    pub servers: Vec<Server>,
    /// How one is chosen.
    pub balance: Balance,
    /// `queue`: most requests that wait while all servers are full.
    pub queue: u32,
    /// `queue-timeout`: how long one of them waits.
    pub queue_timeout: Duration,
    /// `retries`: how much is tried again.
    pub retries: Retries,
    /// `health`: what its servers are asked now and then.
    pub health: Option<Placed<HealthCheck>>,
    /// `slow-start`: how long one that has come back gets less than its share.
    pub slow_start: Option<Duration>,
    /// Its own `connect-timeout`.
    pub connect_timeout: Option<Duration>,
    /// `send-proxy`: how servers are told who a connection is for.
    pub send_proxy: Option<Placed<ProxyVersion>>,
    /// `ca`, `verify-name`, `client-cert`: whom of them is trusted over TLS, and what they are shown.
    pub trust: UpstreamTrust,
}

/// How servers are met over TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamTrust {
    /// `ca`: file of the authorities that sign their certificates; `None`: the system's.
    pub authorities: Option<Placed<PathBuf>>,
    /// `verify-name`: what their certificates are for; `None`: the host of their address.
    pub name: Option<Placed<String>>,
    /// `client-cert`: files of our certificate and its key.
    pub own: Option<(Placed<PathBuf>, Placed<PathBuf>)>,
}

/// A version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// A binary block.
    V2,
}

/// What an upstream's servers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// The same over TLS.
    Https,
    /// uwsgi, one connection per request.
    Uwsgi,
    /// Bytes of whatever protocol, one connection per WebSocket.
    Tcp,
    /// The same over TLS.
    Tcps,
}

impl Protocol {
    /// The word for it in files.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::Uwsgi => "uwsgi",
            Protocol::Tcp => "tcp",
            Protocol::Tcps => "tcps",
        }
    }

    /// Whether it is spoken over TLS.
    pub fn is_tls(self) -> bool {
        matches!(self, Protocol::Https | Protocol::Tcps)
    }
}

/// What is written down about what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `disable-logging` turns the access log off.
    pub access: bool,
    /// `log-format` of the access log.
    pub format: LogFormat,
    /// `logto`: where the access log goes.
    pub to: LogTo,
    /// `log-level` of the diagnostic log, which goes to standard error.
    pub level: LogLevel,
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTo {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Appended to this file.
    File(PathBuf),
    /// To a syslog daemon.
    Syslog(Syslog),
}

/// The least severe diagnostic that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Config {
    /// What is listened on.
    pub fn addresses(&self) -> impl Iterator<Item = &Placed<Address>> {
        let secure = self.tls.listeners.iter().map(|listener| &listener.address);
        let redirectors = self.redirectors.iter().map(|redirector| &redirector.address);
        self.listeners.iter().chain(secure).chain(redirectors)
    }

    /// Where it is said that `address` is listened on, if it is. Port 0 is another one each time.
    pub fn listens_on(&self, address: &Address) -> Option<&Place> {
        if matches!(address, Address::Ip(address) if address.port() == 0) {
            return None;
        }
        self.addresses().find(|known| known.value == *address).map(|known| &known.place)
    }
}

impl Default for Config {
    /// What an empty file says.
    fn default() -> Config {
        Config {
            listeners: Vec::new(),
            redirectors: Vec::new(),
            tls: Tls::default(),
            proxy_protocol: Neighbours::default(),
            trusted_proxies: Neighbours::default(),
            user: None,
            group: None,
            socket_mode: None,
            socket_owner: None,
            workers: Workers::Auto,
            backlog: 4096,
            max_connections: None,
            admin: Admin::Default,
            http_to: Vec::new(),
            default: None,
            rules: Vec::new(),
            upstreams: Vec::new(),
            merge_slashes: true,
            spool_dir: None,
            websocket_memory: 64 << 20,
            channels: 100_000,
            channel_memory: 64 << 20,
            instances: Instances::default(),
            bus: None,
            times: Times {
                headers: Duration::from_secs(10),
                handshake: Duration::from_secs(10),
                keepalive: Some(Duration::from_secs(60)),
                drain: Duration::from_secs(30),
            },
            settings: Arc::new(Settings::default()),
            log: Log {
                access: true,
                format: LogFormat::Combined,
                to: LogTo::Stdout,
                level: LogLevel::Info,
            },
        }
    }
}
