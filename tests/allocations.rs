//! What a request on a kept connection and a message in a tunnel cost in allocations and copies: nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use tidegate::base::{Clock, Counters, Millis, Rng};
use tidegate::buf::{Pool, Segment};
use tidegate::config::{Surroundings, parse};
use tidegate::reactor::tls::{Connectors, TrafficLog};
use tidegate::session::{Action, Client, Cx, Generation, Input, Peer, Port, Scratch, Side};
use tidegate::{upstream, worker};

/// Counts what the calling thread allocates.
struct Counting;

thread_local! {
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
}

#[allow(unsafe_code)]
// SAFETY: the system's allocator does all the work; the count touches no memory it gives out.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// One session without sockets.
struct Line {
    clock: Clock,
    pool: Pool,
    counters: Counters,
    generation: Arc<Generation>,
    upstreams: upstream::State,
    actions: Vec<Action>,
    rng: Rng,
    scratch: Scratch,
    log: Vec<u8>,
    client: Client,
    ports: [Port; 2],
}

impl Line {
    fn new(settings: &str) -> Line {
        let text = format!(
            "[tidegate]\nhttp = 127.0.0.1:8080\n{settings}\n\
             route = ^/a/\\w+$ http:127.0.0.1:9000\ndefault = http:127.0.0.1:9001\n"
        );
        let (config, mut problems) = parse(text.as_bytes(), "test.ini", &Surroundings::none());
        let mut identities = upstream::Identities::default();
        let guards = worker::Guards::default();
        let mut connectors = Connectors::new(Arc::new(TrafficLog));
        let generation = worker::build(
            &config,
            &mut identities,
            &mut connectors,
            &guards,
            "router",
            &mut problems,
        );
        let peer = Peer {
            ip: "192.0.2.7".parse().ok(),
            port: 4711,
            server_port: 80,
            listener: 0,
            secure: false,
        };
        Line {
            clock: Clock::manual(UNIX_EPOCH),
            pool: Pool::new(8 << 20),
            counters: Counters::new(),
            generation: Arc::new(generation.unwrap_or_else(|| panic!("{problems:?}"))),
            upstreams: upstream::State::new(0),
            actions: Vec::new(),
            rng: Rng::new(1),
            scratch: Scratch::default(),
            log: Vec::new(),
            client: Client::new(peer, Millis(0)),
            ports: Default::default(),
        }
    }

    /// Gives the machine an answer to an action, or just lets it go on.
    fn advance(&mut self, input: Option<Input>) {
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
            log: &mut self.log,
            crowded: false,
            draining: false,
        };
        match input {
            Some(input) => self.client.input(input, &mut self.ports, &mut cx),
            None => self.client.advance(&mut self.ports, &mut cx),
        }
    }

    /// One read on a side.
    fn arrives(&mut self, side: Side, bytes: &[u8]) {
        let mut block = self.pool.take().expect("a block");
        assert_eq!(block.append(bytes), bytes.len());
        self.ports[side as usize].rx.push(Segment::Block(block));
        self.advance(None);
    }

    /// One write on a side, of everything; how many bytes.
    fn leaves(&mut self, side: Side) -> usize {
        let port = &mut self.ports[side as usize];
        let n = port.tx.len();
        port.tx.sent(n);
        port.tx_begun = true;
        self.advance(None);
        n
    }

    fn connect(&mut self, reused: bool) {
        assert!(matches!(self.actions.pop(), Some(Action::Dial { .. })));
        self.advance(Some(Input::Dialled { reused }));
    }

    fn request(&mut self) {
        let get = b"GET /a/page?x=1 HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test\r\n\
            Accept: */*\r\nCookie: a=b\r\n\r\n";
        self.arrives(Side::Client, get);
        self.connect(true);
        assert!(self.leaves(Side::Upstream) > get.len());
        self.arrives(
            Side::Upstream,
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
        );
        assert!(matches!(self.actions.pop(), Some(Action::Park(_))));
        assert!(self.leaves(Side::Client) > 80);
        self.log.clear();
    }

    fn switch(&mut self) {
        self.arrives(
            Side::Client,
            b"GET /a/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
        self.connect(false);
        self.leaves(Side::Upstream);
        self.arrives(
            Side::Upstream,
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        );
        self.leaves(Side::Client);
        assert!(self.client.tunnel().is_some());
    }

    fn echo(&mut self, message: &[u8], reply: &[u8]) {
        self.arrives(Side::Client, message);
        assert_eq!(self.leaves(Side::Upstream), message.len());
        self.arrives(Side::Upstream, reply);
        assert_eq!(self.leaves(Side::Client), reply.len());
    }
}

/// A whole binary message of 1,000 bytes, masked with zeros for the upstream or not for the client.
fn message(masked: bool) -> Vec<u8> {
    let mut message = vec![0x82, 126 | if masked { 0x80 } else { 0 }, 3, 232];
    message.extend(vec![0; if masked { 4 } else { 0 }]);
    message.extend(vec![b'x'; 1000]);
    message
}

fn allocated(work: impl FnOnce()) -> u64 {
    let before = ALLOCATED.get();
    work();
    ALLOCATED.get() - before
}

#[test]
fn the_count_counts() {
    assert_eq!(allocated(|| drop(std::hint::black_box(Box::new(7)))), 1);
}

#[test]
fn a_request_on_a_kept_connection_allocates_nothing() {
    for settings in ["log-format = combined", "log-format = json", "disable-logging = true"] {
        let mut line = Line::new(settings);
        (0..10).for_each(|_| line.request());
        let count = allocated(|| (0..1000).for_each(|_| line.request()));
        assert_eq!(count, 0, "in 1000 requests, {settings}");
        assert_eq!(line.pool.taken(), 0, "an idle connection has no block");
    }
}

#[test]
fn a_message_in_a_tunnel_allocates_nothing_and_is_not_copied() {
    for mode in ["pass", "track"] {
        let mut line = Line::new(&format!("websockets-mode = {mode}"));
        line.switch();
        let (up, down) = (message(true), message(false));
        (0..10).for_each(|_| line.echo(&up, &down));
        let copied = line.pool.copied();
        let count = allocated(|| (0..1000).for_each(|_| line.echo(&up, &down)));
        assert_eq!(count, 0, "in 1000 messages, {mode}");
        assert_eq!(line.pool.copied(), copied, "{mode}");
        assert_eq!(line.pool.taken(), 0, "an idle tunnel has no block");
    }
}

#[test]
fn a_connection_that_rests_is_small() {
    // A client's machine holds what an exchange needs in a box that goes when it is over.
    assert!(size_of::<Client>() <= 200, "{}", size_of::<Client>());
    assert!(size_of::<Port>() <= 88, "{}", size_of::<Port>());
}
