//! The machine with nobody at its ends: what it is asked, and what it would have done.

use std::num::NonZeroU16;
use std::sync::Arc;

use crate::base::{Address, Clock, Counters, Rng};
use crate::buf::{Pool, Segment};
use crate::config::Config;
use crate::reactor::leads_to;
use crate::session::{
    Action, Client, Cx, FileQuestion, Generation, Happened, Input, Peer, Place, Port, Route,
    Scratch, Trace,
};
use crate::upstream;

use super::question::Asked;

/// Memory for one request's blocks.
const MEMORY: usize = 4 << 20;

/// What came of a request.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) trace: Vec<(u32, Happened)>,
    pub(super) came: Vec<Came>,
}

/// One thing that came of it.
#[derive(Debug)]
pub(super) enum Came {
    /// A route has it.
    To { route: String, servers: Vec<String> },
    /// A file says which server.
    ByToken { file: String, token: String },
    /// This file is sent, if it is there.
    File { directory: String, name: String },
    /// A server is asked this, and is taken to let it pass.
    Asked(Vec<String>),
    /// What the server is told.
    Sent(Vec<String>),
    /// What the client is told.
    Answered(Vec<String>),
}

/// Has the machine serve a request.
pub(super) fn perform(config: &Config, generation: &Arc<Generation>, asked: &Asked) -> Played {
    let mut stage = Stage::new(config, generation, asked.peer);
    stage.say(&asked.head);
    let mut came = Vec::new();
    while let Some(action) = stage.next_action() {
        match action {
            Action::Look(FileQuestion { path, kind }) => {
                stage.hear(Input::Looked(Some(leads_to(&path, kind))));
            }
            Action::Verify(puzzle) => stage.hear(Input::Verified(Some(puzzle.solve()))),
            Action::Dial(_) => {
                let Some((route, _)) = stage.client.dialled_place() else { continue };
                let sent = sent(route, &bytes(&stage.ports[1]));
                if stage.client.is_asking() {
                    came.push(Came::Asked(sent));
                    stage.let_pass();
                } else {
                    came.extend([to(route), Came::Sent(sent)]);
                }
            }
            Action::Find { file, token } => {
                came.push(Came::ByToken { file: file.display().to_string(), token });
            }
            Action::OpenFile => came.extend(stage.client.sought().map(|sought| Came::File {
                directory: sought.root.display().to_string(),
                name: String::from_utf8_lossy(sought.name).into_owned(),
            })),
            _ => {}
        }
    }
    let answer = bytes(&stage.ports[0]);
    if !answer.is_empty() {
        came.push(Came::Answered(lines(&answer)));
    }
    let trace = stage.scratch.trace.take().unwrap_or_default();
    Played { trace: trace.steps, came }
}

struct Stage {
    clock: Clock,
    pool: Pool,
    counters: Counters,
    generation: Arc<Generation>,
    upstreams: upstream::State,
    actions: Vec<Action>,
    rng: Rng,
    scratch: Scratch,
    client: Client,
    ports: [Port; 2],
}

impl Stage {
    fn new(config: &Config, generation: &Arc<Generation>, peer: Peer) -> Stage {
        let clock = Clock::new();
        let now = clock.now();
        let client = match redirected(config, &peer) {
            Some(port) => Client::redirected(peer, port, now),
            None => Client::new(peer, now),
        };
        let mut scratch = Scratch::default();
        scratch.trace = Some(Box::new(Trace::default()));
        Stage {
            clock,
            pool: Pool::new(MEMORY),
            counters: Counters::new(),
            generation: Arc::clone(generation),
            upstreams: upstream::State::new(0),
            actions: Vec::new(),
            rng: Rng::from_system(),
            scratch,
            client,
            ports: Default::default(),
        }
    }

    /// The client says this, and the machine goes as far as it can.
    fn say(&mut self, mut bytes: &[u8]) {
        while let Some(mut block) = self.pool.take().filter(|_| !bytes.is_empty()) {
            let n = block.append(bytes);
            bytes = bytes.get(n..).unwrap_or_default();
            self.ports[0].rx.push(Segment::Block(block));
        }
        self.play(Client::advance);
    }

    /// An action is answered.
    fn hear(&mut self, input: Input) {
        self.play(|client, ports, cx| client.input(input, ports, cx));
    }

    /// The server that is asked whether a request may pass says that it may.
    fn let_pass(&mut self) {
        self.hear(Input::Dialled { reused: false });
        self.ports[1].tx = Default::default();
        self.ports[1].rx.push(Segment::Fixed(b"HTTP/1.1 204 No Content\r\n\r\n"));
        self.play(Client::advance);
    }

    /// What the machine asked for first and nobody has done.
    fn next_action(&mut self) -> Option<Action> {
        (!self.actions.is_empty()).then(|| self.actions.remove(0))
    }

    fn play(&mut self, act: impl FnOnce(&mut Client, &mut [Port; 2], &mut Cx<'_>)) {
        let mut cx = Cx {
            now: self.clock.now(),
            active: self.clock.now(),
            clock: &self.clock,
            pool: &self.pool,
            counters: &self.counters,
            generation: &self.generation,
            upstreams: &mut self.upstreams,
            actions: &mut self.actions,
            rng: &mut self.rng,
            scratch: &mut self.scratch,
            log: &mut Vec::new(),
            crowded: false,
            draining: false,
        };
        act(&mut self.client, &mut self.ports, &mut cx);
    }
}

/// The port of https, where only a listener that sends everybody there is at the port that is asked for.
fn redirected(config: &Config, peer: &Peer) -> Option<NonZeroU16> {
    let is_there = |address: &Address| match address {
        Address::Ip(address) => address.port() == peer.server_port,
        _ => false,
    };
    let plain = config.listeners.iter().any(|listener| is_there(&listener.value));
    if peer.secure || plain {
        return None;
    }
    let there = config.redirectors.iter().find(|redirector| is_there(&redirector.address.value));
    there.map(|redirector| redirector.port)
}

fn to(route: &Route) -> Came {
    let servers = route.target.group.servers.iter().map(|server| server.address.to_string());
    Came::To { route: route.name.to_string(), servers: servers.collect() }
}

fn bytes(port: &Port) -> Vec<u8> {
    port.tx.iter().flat_map(|segment| segment.bytes().to_vec()).collect()
}

/// What a server is sent, in lines.
fn sent(route: &Route, bytes: &[u8]) -> Vec<String> {
    match route.target.place {
        Place::Uwsgi { .. } => pairs(bytes),
        _ => lines(bytes),
    }
}

/// A head and what text follows.
fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().map(str::to_owned).collect()
}

/// The variables of a uwsgi packet.
fn pairs(bytes: &[u8]) -> Vec<String> {
    let mut rest = bytes.get(4..).unwrap_or_default();
    let mut next = || {
        let (len, behind) = rest.split_first_chunk()?;
        let (text, behind) = behind.split_at_checked(u16::from_le_bytes(*len).into())?;
        rest = behind;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    std::iter::from_fn(|| Some(format!("{}={}", next()?, next()?))).collect()
}
