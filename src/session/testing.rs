//! What tests of the machines stand on: a world without sockets, a clock moved by hand, and one
//! machine whose two ends are bytes.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use crate::base::{Address, Clock, Counters, Millis, Neighbours, Place as At, Rng};
use crate::buf::{Pool, Rx, Segment, Tx};
use crate::channel::{Batch, Keep};
use crate::config::{
    ChannelMode, ChannelSlow, Condition, LogFormat, Origin, Protocol, Subject, Test,
};
use crate::proto::h1::Limits;
use crate::proto::ws::{DeflatePolicy, Draft, Drafts};
use crate::route::{Rule, Table};
use crate::upstream::{self, Group, Identities};

use super::*;

/// All that machines of a worker share.
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) pool: Pool,
    pub(super) counters: Counters,
    pub(super) generation: Arc<Generation>,
    pub(super) upstreams: upstream::State,
    pub(super) actions: Vec<Action>,
    pub(super) rng: Rng,
    pub(super) scratch: Scratch,
    pub(super) log: Vec<u8>,
    pub(super) draining: bool,
}

impl World {
    pub(super) fn new(generation: Generation) -> World {
        World {
            clock: Clock::manual(UNIX_EPOCH + Duration::from_secs(1_795_228_200)),
            pool: Pool::new(64 << 20),
            counters: Counters::new(),
            generation: Arc::new(generation),
            upstreams: upstream::State::new(0),
            actions: Vec::new(),
            rng: Rng::new(1),
            scratch: Scratch::default(),
            log: Vec::new(),
            draining: false,
        }
    }

    pub(super) fn cx(&mut self, active: Millis) -> Cx<'_> {
        Cx {
            now: self.clock.now(),
            active,
            clock: &self.clock,
            pool: &self.pool,
            counters: &self.counters,
            generation: &self.generation,
            upstreams: &mut self.upstreams,
            actions: &mut self.actions,
            rng: &mut self.rng,
            scratch: &mut self.scratch,
            log: &mut self.log,
            crowded: false,
            draining: self.draining,
        }
    }
}

/// Durations of the test generation, in seconds.
pub(super) const HEAD: u64 = 10;
pub(super) const KEEPALIVE: u64 = 75;
pub(super) const CONNECT: u64 = 5;
pub(super) const SILENCE: u64 = 60;
pub(super) const TUNNEL: u64 = 300;
/// Bytes of a collected body in memory and on disk, and of any body.
pub(super) const MEMORY: u64 = 4 << 10;
pub(super) const SPOOL: u64 = 200 << 10;
pub(super) const MAX_BODY: u64 = 400 << 10;

/// What the routes of the test generation are called; each takes the paths that begin with its name.
pub(super) const ROUTES: [&str; 11] =
    ["http", "pair", "uwsgi", "stream", "raw", "expect", "echo", "tcp", "guard", "old", "track"];

/// A configuration with one route of each kind:
/// `http` (one server), `pair` (two servers), `uwsgi`, `stream` (uwsgi, `http-chunked-input`), `raw`
/// (http, `http-raw-body`), `expect` (http, without `http-manage-expect`), `echo`, `tcp`, `guard` (uwsgi),
/// `old` (http, the upstream speaks hixie-76) and `track` (http, frames of WebSockets are followed).
pub(super) fn generation() -> Generation {
    let mut identities = Identities::default();
    let mut problems = Vec::new();
    let rule = |name: &&str| Rule {
        conditions: vec![Condition {
            test: Test::Matches { subject: Subject::Path, regex: format!("^/{name}") },
            negated: false,
            place: At { file: "test.ini".into(), line: 1, column: 1 },
        }],
        ..Rule::default()
    };
    let rules: Vec<Rule> = ROUTES.iter().map(rule).collect();
    let table = Table::compile(&rules, &mut problems).expect("a table");
    let routes = ROUTES.iter().map(|name| Arc::new(route(name, &mut identities))).collect();
    Generation {
        table,
        deeds: (0..ROUTES.len()).map(Deed::Go).collect(),
        routes,
        fallback: None,
        answer: None,
        groups: upstream::Groups::default(),
        limits: Limits::default(),
        listeners: ["127.0.0.1:8080", "unix:/run/in.sock"].map(str::to_owned).into(),
        proxy_protocol: Neighbours::default(),
        trusted_proxies: Neighbours::default(),
        merge_slashes: true,
        head_timeout: Duration::from_secs(HEAD),
        handshake_timeout: Duration::from_secs(HEAD),
        keepalive: Some(Duration::from_secs(KEEPALIVE)),
        log: Some(LogFormat::Combined),
        hides_tokens: false,
        websocket_memory: 64 << 20,
        channels: 100,
        channel_memory: 1 << 20,
        vars: Vec::new(),
        server_name: "router".to_owned(),
    }
}

fn route(name: &str, identities: &mut Identities) -> Route {
    let uwsgi = matches!(name, "uwsgi" | "stream" | "guard");
    let protocol = if uwsgi { Protocol::Uwsgi } else { Protocol::Http };
    let servers = if name == "pair" { 2 } else { 1 };
    let addresses: Vec<Address> =
        (0..servers).map(|n| format!("{name}-{n}:80").parse().expect("an address")).collect();
    let group = Group::new(name, protocol, &addresses, identities);
    let place = match name {
        "echo" => Place::Echo,
        "tcp" => Place::Tcp { token: None },
        _ if uwsgi => Place::Uwsgi { modifier1: 0, modifier2: 0, vars: Vec::new() },
        _ => Place::Http { host: None, uri: None, authority: format!("{name}-0:80") },
    };
    Route {
        certificates: super::Certificates::default(),
        joins: None,
        control: None,
        guests: Arc::new(ChannelTerms {
            mode: ChannelMode::Subscribe,
            ids: false,
            backlog: 4,
            slow: ChannelSlow::DropOldest,
            keep: Keep::default(),
        }),
        name: Arc::from(name),
        target: Target { group: Arc::new(group), place },
        limits: Limits::default(),
        times: Times {
            connect: Duration::from_secs(CONNECT),
            silence: Duration::from_secs(SILENCE),
            tunnel: Some(Duration::from_secs(TUNNEL)),
        },
        bodies: Bodies {
            raw: name == "raw",
            chunked_input: name == "stream",
            auto_chunked: true,
            manage_expect: name != "expect",
            max: MAX_BODY,
            max_expected: MAX_BODY,
            memory: MEMORY,
            spool: SPOOL,
        },
        websockets: Some(WebSockets {
            mode: match name {
                "track" => Mode::Track,
                "guard" => Mode::Guard,
                _ => Mode::Pass,
            },
            rules: TRACK,
            drafts: Drafts::ALL,
            upstream: Some(if name == "old" { Draft::Hixie76 } else { Draft::Rfc6455 }),
            origins: vec![Origin::Any],
            protocols: Vec::new(),
            binary: Binary::Close,
            deflate: Some(DeflatePolicy { takeover: false, bits: 15 }),
        }),
    }
}

/// What holds inside the WebSockets of route `track`.
pub(super) const TRACK: WebSocketRules = WebSocketRules {
    ping: Some(Duration::from_secs(30)),
    upstream_ping: None,
    tolerance: Duration::from_secs(10),
    pong: None,
    max_message: 1000,
    max_age: None,
    rate: None,
};

/// Who the client is in tests.
pub(super) fn peer() -> Peer {
    Peer { ip: "192.0.2.7".parse().ok(), port: 4711, server_port: 80, listener: 1, secure: false }
}

/// One machine whose ends are bytes.
pub(super) struct Bench {
    pub(super) world: World,
    pub(super) client: Client,
    pub(super) ports: [Port; 2],
    pub(super) active: Millis,
}

impl Bench {
    pub(super) fn new() -> Bench {
        Bench::with(|_| {})
    }

    /// A bench whose generation is changed first.
    pub(super) fn with(change: impl FnOnce(&mut Generation)) -> Bench {
        let mut generation = generation();
        change(&mut generation);
        Bench {
            world: World::new(generation),
            client: Client::new(peer(), Millis(0)),
            ports: Default::default(),
            active: Millis(0),
        }
    }

    /// Advances the machine.
    pub(super) fn advance(&mut self) {
        loop {
            self.client.advance(&mut self.ports, &mut self.world.cx(self.active));
            let mut waits =
                self.ports.iter_mut().filter(|p| p.tx.is_empty() && p.delivery == Delivery::Asked);
            match waits.next() {
                Some(port) => port.delivery = Delivery::Done,
                None => return,
            }
        }
    }

    /// Receives bytes on a side, as one read.
    pub(super) fn arrives(&mut self, side: Side, bytes: impl AsRef<[u8]>) {
        self.active = self.world.clock.now();
        self.ports[side as usize].received = self.active;
        for piece in bytes.as_ref().chunks(16 << 10) {
            let mut block = self.world.pool.take().expect("a block");
            block.append(piece);
            self.ports[side as usize].rx.push(Segment::Block(block));
            self.advance();
        }
    }

    pub(super) fn client_says(&mut self, bytes: impl AsRef<[u8]>) {
        self.arrives(Side::Client, bytes);
    }

    pub(super) fn upstream_says(&mut self, bytes: impl AsRef<[u8]>) {
        self.arrives(Side::Upstream, bytes);
    }

    /// Receiving ends on a side.
    pub(super) fn ends(&mut self, side: Side, end: RxEnd) {
        self.active = self.world.clock.now();
        self.ports[side as usize].rx_end = Some(end);
        self.advance();
    }

    /// The socket of a side breaks.
    pub(super) fn breaks(&mut self, side: Side) {
        let port = &mut self.ports[side as usize];
        port.tx_broken = true;
        if port.tx_begun {
            port.tx.clear();
        }
        self.advance();
    }

    /// Lets the kernel take all that a side has to send, and returns it.
    pub(super) fn takes(&mut self, side: Side) -> String {
        String::from_utf8_lossy(&self.takes_bytes(side)).into_owned()
    }

    /// The same, as bytes.
    pub(super) fn takes_bytes(&mut self, side: Side) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let port = &mut self.ports[side as usize];
            let n = port.tx.bytes().len();
            if n == 0 {
                break;
            }
            all.extend_from_slice(port.tx.bytes());
            port.tx.sent(n);
            port.tx_begun = true;
            port.sent = self.world.clock.now();
            self.active = self.world.clock.now();
            self.advance();
        }
        all
    }

    pub(super) fn client_reads(&mut self) -> String {
        self.takes(Side::Client)
    }

    pub(super) fn upstream_reads(&mut self) -> String {
        self.takes(Side::Upstream)
    }

    /// Answers an action.
    /// Something was published where the client has joined; how much was dropped for it.
    pub(super) fn hear(&mut self, batch: &mut Batch<'_>) -> u64 {
        let dropped = self.client.hear(batch, &mut self.ports, self.world.clock.now());
        self.advance();
        dropped
    }

    pub(super) fn input(&mut self, input: Input) {
        self.client.input(input, &mut self.ports, &mut self.world.cx(self.active));
    }

    /// Connects the upstream port, and takes the request's head off it.
    pub(super) fn dialled(&mut self, reused: bool) -> String {
        let actions = self.actions();
        assert!(actions.contains("dial"), "{actions}");
        self.input(Input::Dialled { reused });
        self.upstream_reads()
    }

    /// What the machine asked for since the last call, in words.
    pub(super) fn actions(&mut self) -> String {
        let chosen = self.client.dialled_place().map_or(0, |(_, server)| server);
        let word = |action| match action {
            Action::Dial(reuse) => {
                let server = chosen;
                format!("dial {server}{}", if reuse == Reuse::Never { " fresh" } else { "" })
            }
            Action::Find { file, token } => format!("find {token} in {}", file.display()),
            Action::Endpoint => "endpoint".to_owned(),
            Action::DialFound => "dial found".to_owned(),
            Action::Queue => "queue".to_owned(),
            Action::Hangup => "hangup".to_owned(),
            Action::Park(_) => "park".to_owned(),
            Action::Watch { side, bounds } => {
                let Bounds { idle, every, probes, patience } = bounds;
                format!("watch {} {idle:?}+{probes}x{every:?} {patience:?}", side.word())
            }
            Action::Join(channel, None) => format!("join {channel}"),
            Action::Join(channel, Some(person)) => format!("join {channel} as {}", person.name),
            Action::Leave(channel) => format!("leave {channel}"),
            Action::Publish { saying, ask } => {
                let how = if ask { "publish and ask" } else { "publish" };
                format!("{how} {} in {}", saying.payload.escape_ascii(), saying.channel)
            }
            Action::Ask { channel, since } => format!("ask {channel} since {since:?}"),
            Action::AwaitRoom => "await room".to_owned(),
            Action::Spool(SpoolOrder::Append(bytes)) => format!("append {}", bytes.len()),
            Action::Spool(SpoolOrder::Read { offset, len }) => format!("read {len} at {offset}"),
            Action::Spool(SpoolOrder::Drop) => "drop".to_owned(),
            Action::Verify(_) => "verify".to_owned(),
            Action::Look(FileQuestion { path, kind }) => {
                format!("look {kind:?} {}", String::from_utf8_lossy(&path))
            }
            Action::OpenFile => "open".to_owned(),
            Action::CloseFile => "close".to_owned(),
        };
        self.world.actions.drain(..).map(word).collect::<Vec<_>>().join(", ")
    }

    /// Time passes, nothing else.
    pub(super) fn wait(&mut self, time: Duration) {
        self.world.clock.advance(time);
        self.advance();
    }

    /// Time passes until the machine's deadline, which must do something.
    pub(super) fn expire(&mut self) {
        let deadline = self.deadline().expect("a deadline");
        let now = self.world.clock.now();
        assert!(deadline > now, "the deadline lies in the future");
        self.wait(deadline - now);
        assert!(
            self.deadline().is_none_or(|next| next > deadline),
            "a deadline that has passed is no deadline any more"
        );
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        self.client.deadline(self.active, &self.ports, &HeadTimeouts::of(&self.world.generation))
    }

    /// How it ended.
    pub(super) fn closed(&self) -> Option<CloseReason> {
        self.client.closed()
    }

    /// The access lines written since the last call.
    pub(super) fn log(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.world.log)).expect("text")
    }

    /// Whether the machine waits for a next request on a kept connection.
    pub(super) fn awaits_request(&self) -> bool {
        self.client.idle_since(&self.ports[0]).is_some()
    }
}

/// Memory a port's windows keep, in bytes of capacity: receiving, sending.
pub(super) fn capacity(port: &Port) -> (usize, usize) {
    let of = |segments: &mut dyn Iterator<Item = &Segment>| segments.map(Segment::capacity).sum();
    let (rx, tx): (&Rx, &Tx) = (&port.rx, &port.tx);
    (of(&mut rx.iter()), of(&mut tx.iter()))
}
