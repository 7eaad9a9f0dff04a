//! What clients do with channels: WebSockets that join one (`membership`, as the far side of a terminated WebSocket), streams of
//! server-sent events (`feed`), and requests that publish or ask who is there (`publishing`).

mod feed;
mod joining;
mod membership;
mod publishing;

pub(super) use feed::Feed;
pub(super) use joining::{Wish, challenge, wants_events};
pub(super) use membership::{Heard, Membership, Names};
pub(super) use publishing::{Gather, screen};
