//! The bus, as it is shown to whoever asks.

use std::io::Write as _;

use crate::channel::{BusTraffic, InstanceId};

use super::instances::short;
use super::render::put_text;

/// What is known of the bus.
#[derive(Clone, Debug, Default)]
pub struct BusStatus {
    /// Who this instance is there.
    pub me: InstanceId,
    /// Where it is, without anything secret.
    pub address: String,
    /// Whether we are on it.
    pub linked: bool,
    /// Why not.
    pub failing: Option<String>,
    /// Other instances there.
    pub others: Vec<InstanceId>,
    /// Channels of interest here.
    pub channels: usize,
    /// Messages that wait for it.
    pub waiting: usize,
    /// Bytes of these.
    pub waiting_bytes: usize,
    /// What went to and fro.
    pub traffic: BusTraffic,
}

pub(super) fn put_bus(status: Option<&BusStatus>, out: &mut Vec<u8>) {
    let Some(status) = status else {
        out.extend_from_slice(b",\"bus\":null");
        return;
    };
    let BusStatus {
        me,
        address,
        linked,
        failing,
        others,
        channels,
        waiting,
        waiting_bytes,
        traffic,
    } = status;
    out.extend_from_slice(b",\"bus\":{\"address\":");
    put_text(address, out);
    // Writing to a Vec does not fail.
    let _ = write!(out, ",\"id\":\"{}\",\"linked\":{linked},\"failing\":", short(me));
    match failing {
        Some(failing) => put_text(failing, out),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"others\":[");
    for (place, other) in others.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let _ = write!(out, "{comma}\"{}\"", short(other));
    }
    let BusTraffic { sent, lost, received, repeated, gaps, strange } = traffic;
    let _ = write!(
        out,
        "],\"channels\":{channels},\"waiting\":{waiting},\"waiting_bytes\":{waiting_bytes},\"sent\":{sent},\"lost\":{lost},\
         \"received\":{received},\"repeated\":{repeated},\"gaps\":{gaps},\"strange\":{strange}}}"
    );
}
