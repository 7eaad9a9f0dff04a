//! What instances of tidegate say to each other of their channels, over TLS: who proves what first, and frames.
//!
//! Both are without I/O. A dialler proves that it knows the secret before the listener says anything ([`Proving`]); from then on
//! both send [`Frame`]s. On a bus that all share, a frame goes in a [`Packet`].

mod frame;
mod packet;
mod proof;

pub use frame::{BadFrame, FRAME_MAX, Frame, Frames, put_frame, put_said};
pub use packet::{Packet, begin_packet, read_packet};
pub use proof::{BINDING, Proving, Role, Secret, Unproven};
