//! What a configuration means to the machines: one immutable generation, and the routes in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Neighbours;
use crate::channel::{Keep, Verifier};
use crate::config::{
    Answer, Balance, CertificateHeader, ChannelMode, ChannelSlow, Edit, LogFormat, Origin, Rate,
    Template,
};
use crate::proto::h1::Limits;
use crate::proto::ws::{DeflatePolicy, Draft, Drafts};
use crate::route::{Keeper, Limit, Table};
use crate::upstream::{Group, Groups, Server};

/// Everything one configuration says, compiled. Immutable; replaced as a whole.
#[derive(Debug)]
pub struct Generation {
    /// Rules in file order, as an index.
    pub table: Table,
    /// What each rule does; as long as the table.
    pub deeds: Vec<Deed>,
    /// Where rules lead.
    pub routes: Vec<Arc<Route>>,
    /// The groups with names that they lead to.
    pub groups: Groups,
    /// What takes the rest: `default`, or `http-to`.
    pub fallback: Option<Arc<Route>>,
    /// What the rest is answered, where `default` is an answer.
    pub answer: Option<Answer>,
    /// Bounds of a request head.
    pub limits: Limits,
    /// Addresses of listeners, also of those that are gone: connections that came by them may still be there.
    pub listeners: Vec<String>,
    /// `proxy-protocol`: who says in front of a connection for whom it is.
    pub proxy_protocol: Neighbours,
    /// `trusted-proxies`: who is believed about whom it asks for.
    pub trusted_proxies: Neighbours,
    /// `merge-slashes`.
    pub merge_slashes: bool,
    /// `http-headers-timeout`: a whole head, from its first byte.
    pub head_timeout: Duration,
    /// `https-handshake-timeout`.
    pub handshake_timeout: Duration,
    /// `http-keepalive`: idle between requests; `None` means one request per connection.
    pub keepalive: Option<Duration>,
    /// How access lines are written, `None` when they are not.
    pub log: Option<LogFormat>,
    /// Requests bear tokens that belong in no log.
    pub hides_tokens: bool,
    /// `websockets-memory`: bytes in which a worker puts messages together.
    pub websocket_memory: u64,
    /// `channels`: how many a worker may have at once.
    pub channels: usize,
    /// `channel-memory`: bytes of history that a worker keeps.
    pub channel_memory: usize,
    /// `http-var` of the main section.
    pub vars: Vec<(String, String)>,
    /// This host's name, as uwsgi's `SERVER_NAME`.
    pub server_name: String,
}

/// What a rule does with a request.
#[derive(Debug)]
pub enum Deed {
    /// It goes to the route of this number.
    Go(usize),
    /// No further rule is tried.
    Last,
    /// Rules are tried from the one of this number on.
    Goto(u32),
    /// It is answered.
    Answer(Answer),
    /// Something is changed, and the next rules are tried.
    Edit(Edit),
    /// The next rules are tried if it may pass.
    Guard(Guard),
}

/// Who lets a request pass.
#[derive(Debug)]
pub enum Guard {
    /// Whoever knows names and passwords.
    Password(Keeper),
    /// Whoever counts.
    Limit(Limit),
    /// A server.
    Auth(Auth),
}

/// A server that is asked whether a request may go on.
#[derive(Debug)]
pub struct Auth {
    /// How it is reached, and in which time.
    pub route: Arc<Route>,
    /// Path and query it is asked for.
    pub uri: Template,
    /// Sent as `Host`.
    pub authority: String,
    /// Fields of its answer that the request goes on with.
    pub copy: Vec<String>,
}

/// One route: where its requests go, and under which settings.
#[derive(Debug)]
pub struct Route {
    /// Its name in logs: the section's, or the rule's place.
    pub name: Arc<str>,
    /// Where to.
    pub target: Target,
    /// Bounds of a head, within those of [`Generation::limits`].
    pub limits: Limits,
    /// Deadlines.
    pub times: Times,
    /// What is done with bodies.
    pub bodies: Bodies,
    /// How WebSockets are spoken and carried; `None`: `http-websockets` is off.
    pub websockets: Option<WebSockets>,
    /// What upstreams learn of clients' certificates.
    pub certificates: Certificates,
    /// `channel`: what clients of WebSockets join besides.
    pub joins: Option<Template>,
    /// `channels-control`: what texts of upstreams begin with that are about channels.
    pub control: Option<Arc<[u8]>>,
    /// How clients are in channels that they join besides.
    pub guests: Arc<ChannelTerms>,
}

/// What upstreams learn of clients' certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    /// `https-export-cert`: uwsgi servers get it as text as well.
    pub export: bool,
    /// `client-certificate-header`: fields that are ours alone, and what stands in them.
    pub headers: Vec<(String, CertificateHeader)>,
}

impl Route {
    /// Whether it says anything that a request fills in: whatever `Exchange::expand_target` and what begins with `remember_`
    /// look at.
    pub(super) fn is_filled_in(&self) -> bool {
        let leads = match &self.target.place {
            Place::Http { host, uri, .. } => host.is_some() || uri.is_some(),
            Place::Uwsgi { .. } | Place::Echo => false,
            Place::Tcp { token } => token.is_some(),
            Place::Channel { .. } | Place::Publish { .. } | Place::Files(_) => true,
        };
        leads || self.joins.is_some() || matches!(self.target.group.balance, Balance::Hash(_))
    }

    /// How long a dial may take.
    pub fn connect_timeout(&self) -> Duration {
        self.target.group.connect_timeout.unwrap_or(self.times.connect)
    }
}

/// Where a route leads.
#[derive(Debug)]
pub struct Target {
    /// The servers, one of which takes the request.
    pub group: Arc<Group>,
    /// What the protocol towards them needs.
    pub place: Place,
}

impl Target {
    /// The server at a place of the group.
    pub fn server(&self, place: u16) -> Option<&Server> {
        self.group.servers.get(usize::from(place))
    }
}

/// What an action says beside the servers.
#[derive(Debug)]
pub enum Place {
    /// `http:ADDR[,HOST[,URI]]`.
    Http {
        /// Sent as `Host` instead of the client's.
        host: Option<Template>,
        /// Sent as path and query instead of the client's.
        uri: Option<Template>,
        /// Sent as `Host` for clients of HTTP/1.0 that named none.
        authority: String,
    },
    /// `uwsgi:ADDR[,MOD1,MOD2]`.
    Uwsgi {
        /// The packet's first modifier.
        modifier1: u8,
        /// The packet's second modifier.
        modifier2: u8,
        /// `http-var`: further variables.
        vars: Vec<(String, String)>,
    },
    /// `tcp:ADDR`: a WebSocket's messages become a stream of bytes.
    Tcp {
        /// Who says which server, where it is not the group's.
        token: Option<Token>,
    },
    /// `echo:`: a WebSocket's messages come back.
    Echo,
    /// `static:DIR` and `file:PATH`: no servers at all.
    Files(Files),
    /// `channel:`: a WebSocket joins a channel.
    Channel {
        /// Its name.
        name: Template,
        /// `channel-token`: who has none is sent away.
        tokens: Option<Arc<Verifier>>,
        /// Who they are.
        who: Option<Template>,
        /// The others are told when one comes and when it goes.
        events: bool,
        /// How clients are in it.
        terms: Arc<ChannelTerms>,
        /// `channel-heartbeat`: silence after which a stream of events gets a comment.
        heartbeat: Duration,
    },
    /// `publish:`: a request's body goes to all who have joined a channel.
    Publish {
        /// Its name.
        name: Template,
        /// `channel-token`: who has none is sent away.
        tokens: Option<Arc<Verifier>>,
        /// `channel-history`.
        keep: Keep,
        /// `websockets-max-size`: bytes of a body.
        most: u64,
    },
}

/// Which files are served.
#[derive(Debug)]
pub struct Files {
    /// Nothing outside this directory is.
    pub root: Arc<Path>,
    /// Which file below it; `None`: the one that the path names.
    pub name: Option<Template>,
    /// It is one file: directories have no index.
    pub single: bool,
}

/// How clients are in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelTerms {
    /// What they may do.
    pub mode: ChannelMode,
    /// Each message of a WebSocket is JSON, with its id.
    pub ids: bool,
    /// `channel-backlog`: messages that may wait for one.
    pub backlog: u32,
    /// `channel-slow`: what becomes of one more.
    pub slow: ChannelSlow,
    /// `channel-history`: how long what they publish is kept.
    pub keep: Keep,
}

/// A file that names a server for each token, and where in a request the token stands.
#[derive(Debug)]
pub struct Token {
    /// Lines of `TOKEN: ADDR`.
    pub file: Arc<Path>,
    /// The token.
    pub key: Template,
}

/// Deadlines of an exchange or tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// `http-connect-timeout`.
    pub connect: Duration,
    /// `http-timeout`: silence of either side.
    pub silence: Duration,
    /// `tunnel-timeout`: silence of both ends.
    pub tunnel: Option<Duration>,
}

/// How the WebSockets of a route are spoken and carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSockets {
    /// `websockets-mode`.
    pub mode: Mode,
    /// What holds inside.
    pub rules: WebSocketRules,
    /// `websockets-drafts`: what clients may speak.
    pub drafts: Drafts,
    /// `origin`: pages that may open them.
    pub origins: Vec<Origin>,
    /// `websockets-upstream-draft`: what the upstream speaks; `None`: the same as the client.
    pub upstream: Option<Draft>,
    /// `websockets-protocol`: subprotocols to choose from where we terminate, in order of preference.
    pub protocols: Vec<Box<str>>,
    /// `websockets-binary`: what becomes of binary messages to clients of drafts that have none.
    pub binary: Binary,
    /// `websockets-deflate`: permessage-deflate where we terminate.
    pub deflate: Option<DeflatePolicy>,
}

/// What becomes of a binary message to a client of hixie-75 or hixie-76, which has only text, where
/// the subprotocol `base64` was not agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// The WebSocket ends; the sender is told 1003.
    Close,
    /// It is dropped.
    Drop,
    /// It goes as text, where it is UTF-8; else as `Close`.
    Text,
}

/// How much of a WebSocket is looked at on its way through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Opaque bytes.
    Pass,
    /// Frame headers are followed.
    Track,
    /// Messages are put together and checked before the upstream sees them.
    Guard,
}

/// What holds inside a WebSocket whose frames are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketRules {
    /// `websockets-ping-freq`: silence of the client before it is pinged.
    pub ping: Option<Duration>,
    /// `websockets-upstream-ping-freq`: silence of the upstream before it is pinged.
    pub upstream_ping: Option<Duration>,
    /// `websockets-pong-tolerance`: how long it may take to answer.
    pub tolerance: Duration,
    /// `websockets-pong-freq`: between two unasked pongs.
    pub pong: Option<Duration>,
    /// `websockets-max-size`: bytes of a client's message; [`LONE_MAX`](crate::proto::ws::LONE_MAX) at least, which pass
    /// without a look at it.
    pub max_message: u64,
    /// `websockets-max-age`.
    pub max_age: Option<Duration>,
    /// `websockets-rate`.
    pub rate: Option<Rate>,
}

/// What is done with bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bodies {
    /// `http-raw-body`.
    pub raw: bool,
    /// `http-chunked-input`.
    pub chunked_input: bool,
    /// `http-auto-chunked`.
    pub auto_chunked: bool,
    /// `http-manage-expect`.
    pub manage_expect: bool,
    /// Largest body in bytes: `max-body`, and for one that expects `100 Continue` also
    /// `http-manage-expect`'s size.
    pub max: u64,
    /// Largest body with `Expect: 100-continue`.
    pub max_expected: u64,
    /// `http-buffer-size-max`: bytes of a buffered body kept in memory.
    pub memory: u64,
    /// `spool-max`: bytes of a buffered body kept on disk.
    pub spool: u64,
}
