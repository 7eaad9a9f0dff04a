//! Other instances, as they are shown to whoever asks.

use std::io::Write as _;

use crate::channel::{InstanceId, InstanceStatus, Traffic};

use super::render::put_text;

/// What is known of other instances.
#[derive(Clone, Debug, Default)]
pub struct InstancesStatus {
    /// Who this one is.
    pub me: InstanceId,
    /// The others, and the address of the link that we speak on.
    pub others: Vec<(InstanceStatus, Option<String>)>,
    /// Addresses where nobody is reached, and why.
    pub failing: Vec<(String, String)>,
    /// Connections that were closed because they did not prove the secret.
    pub refused: u64,
}

impl InstancesStatus {
    /// Whether no other is linked.
    pub fn is_alone(&self) -> bool {
        self.others.iter().all(|(other, _)| other.link.is_none())
    }
}

/// An instance's number in hexadecimal digits, or what is enough of it.
pub fn short(id: &InstanceId) -> String {
    id.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn put_instances(status: Option<&InstancesStatus>, out: &mut Vec<u8>) {
    let Some(status) = status else {
        out.extend_from_slice(b",\"instances\":null");
        return;
    };
    let (me, alone, refused) = (short(&status.me), status.is_alone(), status.refused);
    // Writing to a Vec does not fail.
    let _ = write!(
        out,
        ",\"instances\":{{\"id\":\"{me}\",\"alone\":{alone},\"refused\":{refused},\"others\":["
    );
    for (place, (other, address)) in status.others.iter().enumerate() {
        let InstanceStatus { id, link, links, bytes, waiting, traffic } = other;
        let (id, linked) = (short(id), link.is_some());
        let comma = if place > 0 { "," } else { "" };
        let _ = write!(
            out,
            "{comma}\n{{\"id\":\"{id}\",\"linked\":{linked},\"links\":{links},\"address\":"
        );
        match address {
            Some(address) => put_text(address, out),
            None => out.extend_from_slice(b"null"),
        }
        let Traffic { sent, lost, received, repeated, gaps } = traffic;
        let _ = write!(
            out,
            ",\"waiting\":{waiting},\"waiting_bytes\":{bytes},\"sent\":{sent},\"lost\":{lost},\"received\":{received},\
             \"repeated\":{repeated},\"gaps\":{gaps}}}"
        );
    }
    out.extend_from_slice(b"],\"failing\":[");
    for (place, (address, said)) in status.failing.iter().enumerate() {
        out.extend_from_slice(if place > 0 { b",\n{\"address\":" } else { b"\n{\"address\":" });
        put_text(address, out);
        out.extend_from_slice(b",\"said\":");
        put_text(said, out);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
}
