//! What a machine sees of the world while it is advanced, and how it asks for more.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::base::{Address, Clock, Counters, Millis, Rng};
use crate::buf::Pool;
use crate::channel::{Answer, Person, Saying};
use crate::proto::http::PathScratch;
use crate::proto::ws::Engines;
use crate::route::Puzzle;
use crate::upstream::{self, ServerId};

use super::access_log::Record;
use super::bounds::Bounds;
use super::edits::{Edits, Rewriting};
use super::exchange::Exchange;
use super::files::{FileFault, FileState, Transfer};
use super::port::Side;
use super::settings::Generation;
use super::settled::{FileQuestion, Settled};
use super::trace::Trace;

/// The world, borrowed for one call. Reading and changing it is memory only; what needs a socket, a
/// thread or the disk is pushed into `actions`.
#[derive(Debug)]
pub struct Cx<'a> {
    /// The time of this turn.
    pub now: Millis,
    /// When bytes last moved on either connection of this session.
    pub active: Millis,
    /// Dates as text.
    pub clock: &'a Clock,
    /// Blocks.
    pub pool: &'a Pool,
    /// Figures of this worker.
    pub counters: &'a Counters,
    /// The newest configuration.
    pub generation: &'a Arc<Generation>,
    /// What this worker knows of the servers.
    pub upstreams: &'a mut upstream::State,
    /// What the worker shall do, in order.
    pub actions: &'a mut Vec<Action>,
    /// Random numbers.
    pub rng: &'a mut Rng,
    /// Buffers that live as long as the worker.
    pub scratch: &'a mut Scratch,
    /// Access lines, to be written out by the worker.
    pub log: &'a mut Vec<u8>,
    /// Other cores are behind with what is published: no more is to be.
    pub crowded: bool,
    /// The router is stopping: nothing is kept alive.
    pub draining: bool,
}

impl Cx<'_> {
    /// The same world under another configuration.
    pub(super) fn under<'b>(&'b mut self, generation: &'b Arc<Generation>) -> Cx<'b> {
        Cx {
            now: self.now,
            active: self.active,
            clock: self.clock,
            pool: self.pool,
            counters: self.counters,
            generation,
            upstreams: self.upstreams,
            actions: self.actions,
            rng: self.rng,
            scratch: self.scratch,
            log: self.log,
            crowded: self.crowded,
            draining: self.draining,
        }
    }
}

/// Buffers reused by all sessions of a worker, so that a request allocates nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    /// A head on its way into a block: it stands here until the next one is written.
    pub out: Vec<u8>,
    /// Canonical paths.
    pub path: PathScratch,
    /// The host in the form rules compare.
    pub host: Vec<u8>,
    /// Captures.
    pub route: crate::route::Scratch,
    /// Compressors, lent to the WebSocket whose message is at hand.
    pub engines: Engines,
    /// Expanded templates.
    pub expanded: Vec<u8>,
    /// Targets that rules have made.
    pub(super) rewriting: Rewriting,
    /// What rules have changed of the request at hand.
    pub(super) edits: Box<Edits>,
    /// What was found out about the request at hand.
    pub(super) settled: Settled,
    /// Memory for more of them.
    #[allow(clippy::vec_box)]
    pub(super) spare_edits: Vec<Box<Edits>>,
    /// Exchanges that are over, to be used again.
    // Boxes are what a session holds: moving one moves a pointer.
    #[allow(clippy::vec_box)]
    pub(super) spare: Vec<Box<Exchange>>,
    /// What rules do with requests, where somebody wants to know.
    pub trace: Option<Box<Trace>>,
    /// Transfers of files that are over, to be used again.
    #[allow(clippy::vec_box)]
    pub(super) spare_transfers: Vec<Box<Transfer>>,
    /// The record of a transfer that is over.
    pub(super) record: Record,
    /// Number of the next tunnel.
    pub next_tunnel: u64,
}

/// What a machine asks its worker for.
#[derive(Debug)]
pub enum Action {
    /// Connect the upstream port to the server that the machine has chosen; an idle connection will do or not. Answered by
    /// [`Input::Dialled`] or [`Input::DialFailed`].
    Dial(Reuse),
    /// Find the server that a token stands for; answered by [`Input::Found`].
    Find {
        /// Lines of `TOKEN: ADDR`.
        file: Arc<Path>,
        /// The token.
        token: String,
    },
    /// Connect the upstream port to the server that was found; answered like `Dial`.
    DialFound,
    /// Say when a server of the route's group may have a seat, by [`Input::Seat`].
    Queue,
    /// Say which address the client connected to; answered by [`Input::Endpoint`] at once.
    Endpoint,
    /// Close the upstream connection at once.
    Hangup,
    /// The upstream connection is clean: keep it for another request to this server.
    Park(ServerId),
    /// Find out when the peer of a side has vanished, and end its connection then. It is never undone: no
    /// connection outlives its tunnel.
    Watch {
        /// Whose connection.
        side: Side,
        /// When its peer is given up.
        bounds: Bounds,
    },
    /// The session joins a channel. Who cannot is told so by [`Client::leave`](super::Client::leave). Of some it is
    /// known who they are.
    Join(Arc<str>, Option<Arc<Person>>),
    /// The session leaves a channel, and stays in others.
    Leave(Arc<str>),
    /// A message goes to all who have joined a channel.
    Publish {
        /// Which, and where.
        saying: Saying,
        /// Whether it is to be answered, by [`Input::Told`].
        ask: bool,
    },
    /// The session wants to know how many have joined a channel, or what was published there behind an id; answered by
    /// [`Input::Told`].
    Ask {
        /// Which channel.
        channel: Arc<str>,
        /// The id.
        since: Option<u64>,
    },
    /// Advance the session again when [`Cx::crowded`] is over.
    AwaitRoom,
    /// Do something with this session's temporary file.
    Spool(SpoolOrder),
    /// Look whether there is a file; answered by [`Input::Looked`].
    Look(FileQuestion),
    /// Open the file that [`Client::sought`](super::Client::sought) names; answered by [`Input::Opened`] or
    /// [`Input::FileFailed`]. What [`Client::piece`](super::Client::piece) asks for is sent from it then.
    OpenFile,
    /// Close it.
    CloseFile,
    /// Find out whether a password is right; answered by [`Input::Verified`].
    Verify(Puzzle),
}

/// Whether a request may go on a connection that served another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// Yes: if it turns out dead the request can be sent again.
    Any,
    /// Only when a look at the socket just before says that the server has not closed it.
    Quiet,
    /// No.
    Never,
}

/// What to do with a session's temporary file. Answered by [`Input::Spooled`], [`Input::Unspooled`]
/// or [`Input::SpoolFailed`], except `Drop`.
#[derive(Debug)]
pub enum SpoolOrder {
    /// Write these bytes at the end; the first one makes the file.
    Append(Vec<u8>),
    /// Read up to `len` bytes from `offset` on.
    Read {
        /// Where to start.
        offset: u64,
        /// How many bytes.
        len: usize,
    },
    /// Forget the file.
    Drop,
}

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// A server: its addresses, to be tried in turn. None for a name that does not resolve.
    At(Vec<Address>),
    /// Nothing.
    Unknown,
    /// Nobody knows: the file cannot be read.
    Unreadable,
    /// Nobody has time to look.
    Overloaded,
}

/// The answer to an action.
#[derive(Debug)]
pub enum Input {
    /// The upstream port is connected.
    Dialled {
        /// The connection served a request before.
        reused: bool,
    },
    /// It could not be connected.
    DialFailed {
        /// Descriptors ran out, or another lack of ours.
        ours: bool,
    },
    /// A server may have a seat.
    Seat,
    /// The address the client connected to, if it has one.
    Endpoint(Option<SocketAddr>),
    /// What a token stands for.
    Found(Whereabouts),
    /// So many bytes more are in the file.
    Spooled(usize),
    /// Bytes read from the file.
    Unspooled(Vec<u8>),
    /// The disk failed.
    SpoolFailed,
    /// What was asked of a channel's home.
    Told(Answer),
    /// Whether there is the file; `None` when nobody has time to look.
    Looked(Option<bool>),
    /// The file that is to be served is open.
    Opened(FileState),
    /// It is not, or no longer what it was.
    FileFailed(FileFault),
    /// Whether the password is right; `None` when too many wait for that.
    Verified(Option<bool>),
}
