//! Settings of routes, as plain data.

use std::time::Duration;

use super::channel::{ChannelHistory, ChannelSlow, ChannelToken};
use super::model::Placed;
use super::origin::Origin;
use super::template::Template;

/// What an exchange needs to know of the route it took. A `[route:NAME]` section starts from a copy of
/// the main section's and changes it; rules without a change share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bounds of a request head. Those of the main section hold before a route is found.
    pub limits: Limits,
    /// `http-raw-body`: after the head everything is passed raw both ways.
    pub raw_body: bool,
    /// `http-chunked-input`: chunked request bodies keep their framing towards uwsgi servers.
    pub chunked_input: bool,
    /// `http-auto-chunked`: responses without a length are chunked towards HTTP/1.1 clients.
    pub auto_chunked: bool,
    /// `http-manage-expect`.
    pub manage_expect: ManageExpect,
    /// `max-body`, in bytes; beyond it 413.
    pub max_body: Option<u64>,
    /// `http-buffer-size-max`: bytes of a buffered request body kept in memory.
    pub buffer_size_max: u64,
    /// `spool-max`: bytes of a buffered request body kept in memory and file together; beyond it 413.
    pub spool_max: u64,
    /// `http-var`: variables added to the uwsgi packet, in order.
    pub vars: Vec<(String, String)>,
    /// `http-modifier1`, unless the action has its own.
    pub modifier1: u8,
    /// `http-modifier2`, unless the action has its own.
    pub modifier2: u8,
    /// `https-export-cert`: uwsgi servers get a client's certificate as text as well.
    pub export_certificate: bool,
    /// `client-certificate-header`: fields of requests, and what of a client's certificate stands in them.
    pub certificate_headers: Vec<(String, CertificateHeader)>,
    /// `http-connect-timeout`, unless the upstream has its own.
    pub connect_timeout: Duration,
    /// `http-timeout`: silence of either side during an exchange.
    pub timeout: Duration,
    /// `tunnel-timeout`: silence of a WebSocket from both ends; `None`: no bound.
    pub tunnel_timeout: Option<Duration>,
    /// `http-websockets`: whether WebSocket handshakes are routed.
    pub websockets: bool,
    /// `websockets-mode`; `None`: nothing was said, and what is spoken there decides.
    pub websockets_mode: Option<WebSocketMode>,
    /// `websockets-drafts`: what clients may speak, oldest first.
    pub drafts: Vec<WebSocketDraft>,
    /// `websockets-upstream-draft`; `None`: the same as the client.
    pub upstream_draft: Option<WebSocketDraft>,
    /// `websockets-protocol`: what we choose from where a WebSocket ends in the router, in order of
    /// preference.
    pub protocols: Vec<String>,
    /// `websockets-binary`: what becomes of binary messages to clients that have only text.
    pub binary: WebSocketBinary,
    /// `websockets-deflate`.
    pub deflate: WebSocketDeflate,
    /// `origin`: pages that may open WebSockets.
    pub origins: Vec<Origin>,
    /// `websockets-ping-freq`; `None`: clients are not pinged.
    pub ping_freq: Option<Duration>,
    /// `websockets-upstream-ping-freq`; `None`: upstreams are not pinged.
    pub upstream_ping_freq: Option<Duration>,
    /// `websockets-pong-tolerance`.
    pub pong_tolerance: Duration,
    /// `websockets-pong-freq`; `None`: no unasked pongs.
    pub pong_freq: Option<Duration>,
    /// `websockets-max-size`: largest message, in bytes.
    pub max_message: u64,
    /// How it was said, unless it is the default.
    pub max_message_said: Option<Placed<String>>,
    /// `websockets-max-age`; `None`: a WebSocket may live for ever.
    pub max_age: Option<Duration>,
    /// `channel`: what clients of WebSockets to upstreams join besides.
    pub channel: Option<Template>,
    /// `channels-control`: what texts of upstreams begin with that are about channels.
    pub channels_control: Option<String>,
    /// `channel-backlog`: messages that may wait for a client that does not read.
    pub channel_backlog: u32,
    /// `channel-slow`: what becomes of one more.
    pub channel_slow: ChannelSlow,
    /// `channel-history`: how long what is published is kept.
    pub channel_history: ChannelHistory,
    /// `channel-token`: what tokens are checked with that say who may be in a channel; `None`: they need none.
    pub channel_token: Option<ChannelToken>,
    /// `channel-audience`: whom they are for.
    pub channel_audience: Option<String>,
    /// `channel-heartbeat`: silence after which a stream of events gets a comment.
    pub channel_heartbeat: Duration,
    /// `websockets-rate`; `None`: as many messages as a client sends.
    pub rate: Option<Rate>,
}

/// Bounds of a request head, in bytes and fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest request target, else 414.
    pub max_uri: usize,
    /// Longest head, else 431.
    pub max_head: usize,
    /// Most fields, else 431; at most [`MAX_FIELDS`](super::MAX_FIELDS).
    pub max_fields: usize,
}

/// So many per second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In a second.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

/// Who answers `Expect: 100-continue`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManageExpect {
    /// The upstream: the field is passed on.
    Off,
    /// We do, whatever the length of the body.
    On,
    /// We do for bodies up to this many bytes; a larger one gets 413.
    UpTo(u64),
}

/// What becomes of a binary message to a client of a draft that has only text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebSocketBinary {
    /// The WebSocket ends.
    Close,
    /// It is dropped.
    Drop,
    /// It goes as text where it is UTF-8.
    Text,
}

/// How much of a WebSocket is looked at on its way through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebSocketMode {
    /// Opaque bytes.
    Pass,
    /// Frame headers are followed: keepalive, limits, clean closing.
    Track,
    /// Messages are put together and checked before the upstream sees them.
    Guard,
}

/// What is spoken over a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum WebSocketDraft {
    Hixie75,
    Hixie76,
    Hybi07,
    Hybi08,
    Rfc6455,
}

impl WebSocketDraft {
    /// All of them by name, oldest first.
    pub const NAMES: [(&'static str, WebSocketDraft); 5] = [
        ("hixie-75", WebSocketDraft::Hixie75),
        ("hixie-76", WebSocketDraft::Hixie76),
        ("hybi-07", WebSocketDraft::Hybi07),
        ("hybi-08", WebSocketDraft::Hybi08),
        ("13", WebSocketDraft::Rfc6455),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, draft)| *draft == self).map_or("", |(name, _)| name)
    }
}

/// Whether permessage-deflate is agreed to where a WebSocket ends in the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebSocketDeflate {
    /// Never.
    Off,
    /// Each message by itself: an idle connection holds no window.
    On,
    /// Windows are kept from message to message where the client does not mind.
    Takeover,
}

/// What of a client's certificate a field of the request tells an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateHeader {
    /// Its subject, as OpenSSL writes it in one line.
    Subject,
    /// All of it, as RFC 9440 writes it.
    Whole,
    /// Its SHA-256, in hexadecimal digits.
    Fingerprint,
    /// `SUCCESS` where there is one, else `NONE`.
    Verified,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            limits: Limits { max_uri: 8 << 10, max_head: 16 << 10, max_fields: 100 },
            raw_body: false,
            chunked_input: false,
            auto_chunked: true,
            manage_expect: ManageExpect::On,
            max_body: None,
            buffer_size_max: 64 << 10,
            spool_max: 64 << 20,
            vars: Vec::new(),
            export_certificate: false,
            certificate_headers: Vec::new(),
            modifier1: 0,
            modifier2: 0,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(60),
            tunnel_timeout: None,
            websockets: true,
            websockets_mode: None,
            drafts: vec![WebSocketDraft::Hybi07, WebSocketDraft::Hybi08, WebSocketDraft::Rfc6455],
            upstream_draft: Some(WebSocketDraft::Rfc6455),
            protocols: Vec::new(),
            binary: WebSocketBinary::Close,
            deflate: WebSocketDeflate::On,
            origins: vec![Origin::Any],
            ping_freq: Some(Duration::from_secs(30)),
            upstream_ping_freq: None,
            pong_tolerance: Duration::from_secs(10),
            pong_freq: None,
            max_message: 1024 << 10,
            max_message_said: None,
            max_age: None,
            channel: None,
            channels_control: None,
            channel_backlog: 64,
            channel_slow: ChannelSlow::DropOldest,
            channel_history: ChannelHistory::default(),
            channel_token: None,
            channel_audience: None,
            channel_heartbeat: Duration::from_secs(15),
            rate: None,
        }
    }
}
