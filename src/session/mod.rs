//! The machines: what the proxy decides. Pure: no sockets, no clock, no threads.
//!
//! A machine sees its connections as two [`Port`]s and the world as [`Cx`]. It is advanced whenever
//! something arrived, left or expired; what needs a socket, a thread or the disk it asks for by an
//! [`Action`], answered later by an [`Input`].
//!
//! ```text
//!            .-----------------------------------------------.
//!            v                                               |  kept alive
//! Head <-> Check (a rule waits for somebody's answer)
//! Head --> Exchange (request: Collect, Dial, Body, Done) ----'
//!   |        |      (response: Wait, Body, Done)
//!   |        |-- 101 with the right proof, or raw --> Tunnel --> Closed(reason)
//!   |        '-- failed, or not to be kept ---.
//!   '-- bad head, our own answer -------------+--> Linger --> Closed(reason)
//!
//! Probe --> Closed (nobody's: a server is asked whether it is well)
//! ```

mod access_log;
pub mod admin;
mod answer;
mod asker;
mod body;
mod bounds;
mod channels;
mod check;
mod client;
mod cx;
mod decide;
mod dial;
mod edits;
mod exchange;
mod expand;
mod figures;
mod files;
mod gate;
mod guard;
mod handshake;
mod head;
mod introduction;
mod linger;
mod opaque;
mod origin;
mod peer;
mod port;
mod probe;
mod reason;
mod redirect;
mod request;
mod response;
mod screen;
mod secure;
mod settings;
mod settled;
#[cfg(test)]
mod sim;
mod snapshot;
mod spool;
mod subrequest;
mod switch;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod token;
mod trace;
mod tunnel;
mod walk;
mod websocket;

pub use bounds::Bounds;
pub use client::Client;
pub use cx::{Action, Cx, Input, Reuse, Scratch, SpoolOrder, Whereabouts};
pub use figures::{Closer, Figures};
pub use files::{FileFault, FileState, Piece, Sought};
pub use head::HeadTimeouts;
pub use peer::Peer;
pub use port::{Delivery, Port, RxEnd, Side, TxEnd};
pub use reason::{CloseReason, Fault};
pub use secure::Secure;
pub use settings::{
    Auth, Binary, Bodies, Certificates, ChannelTerms, Deed, Files, Generation, Guard, Mode, Place,
    Route, Target, Times, Token, WebSocketRules, WebSockets,
};
pub use settled::FileQuestion;
pub use snapshot::SnapshotError;
pub use trace::{Happened, Trace};
pub use tunnel::{Tunnel, TunnelKind};
