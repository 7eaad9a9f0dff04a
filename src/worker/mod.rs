//! One thread per core: where machines meet sockets.
//!
//! A worker owns its poll, its listening sockets, its connections and sessions, its blocks, timers and
//! idle upstream connections. Nothing of it is shared but its mailbox and its counters.
//!
//! ```text
//! event --> Conn --key--> Session --> fill ports --> machine.advance --> actions --> flush ports
//!           (conns slab)  (sessions slab)                                  |
//!                                           dial, park, hang up, spool <---'
//! ```
//!
//! [`turn`](Worker::run) is the loop, `upkeep` what a turn ends with, `drive` what happens to one session, `together` to several at once, `act` how its wishes are
//! carried out, `accept` and `connect` where connections come from, `inspect` how it is looked at.

mod abroad;
mod accept;
mod act;
mod channels;
mod chores;
mod connect;
mod drive;
mod entry;
mod express;
mod files;
mod generation;
mod greet;
mod guards;
mod handshakes;
mod idle;
mod inspect;
mod lines;
mod logbook;
mod lookup;
mod mail;
mod messages;
mod places;
mod probes;
mod renew;
mod serve;
mod splice;
mod spool;
mod together;
mod trust;
mod turn;
mod upkeep;
mod world;

pub use accept::Door;
pub use generation::build;
pub use guards::Guards;
pub use inspect::{Ask, Question, Reply};
pub use logbook::{LogBook, LogSink, LogTarget};
pub use mail::{Courier, Load, Mail, Peers};
pub use renew::{Renewal, Welcome};
pub use turn::{ALARM_TOKEN, MAIL_TOKEN, Setup, Worker};
