//! Figures as JSON.

use std::io::Write;
use std::time::Duration;

use crate::base::{Counters, Dates, write_json};

use super::super::figures::Figures;
use super::super::reason::CloseReason;
use super::super::tunnel::TunnelKind;
use super::bus::{BusStatus, put_bus};
use super::instances::{InstancesStatus, put_instances};
use super::live::Live;
use super::upstreams::{UpstreamStatus, put_upstreams};

/// What the whole router says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Status<'a> {
    /// Of which version it is.
    pub version: &'a str,
    /// Its process.
    pub pid: u32,
    /// How long it has run.
    pub uptime: Duration,
    /// It is stopping.
    pub draining: bool,
    /// What its TLS listeners present.
    pub certificates: &'a [CertificateStatus],
    /// Groups of servers.
    pub upstreams: &'a [UpstreamStatus],
    /// Other instances, where there are to be any.
    pub instances: Option<&'a InstancesStatus>,
    /// The bus, where there is one.
    pub bus: Option<&'a BusStatus>,
    /// All workers, in their order.
    pub workers: &'a [WorkerStatus<'a>],
}

/// A certificate that is presented.
#[derive(Clone, Debug)]
pub struct CertificateStatus {
    /// Its file.
    pub file: String,
    /// Whom it is for.
    pub subject: String,
    /// Its end, in seconds since 1970.
    pub end: u64,
    /// Whole days until then; below 0 when it is over.
    pub days: i64,
    /// An OCSP response goes with it.
    pub stapled: bool,
}

/// One worker.
#[derive(Clone, Copy, Debug)]
pub struct WorkerStatus<'a> {
    /// Its counters, which can be read even when it does not answer.
    pub counters: &'a Counters,
    /// What only it can say; `None`: it did not answer.
    pub inside: Option<Inside>,
}

/// What only a worker itself can say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inside {
    /// Blocks in use.
    pub blocks: usize,
    /// Bytes of blocks held from the system.
    pub bytes: usize,
    /// Bytes of messages that are being put together.
    pub messages: u64,
}

/// Writes a status as one object.
pub fn put_status(status: &Status<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"version\":");
    put_text(status.version, out);
    let (pid, uptime, draining) = (status.pid, status.uptime.as_millis(), status.draining);
    let _ = write!(out, ",\"pid\":{pid},\"uptime_ms\":{uptime},\"draining\":{draining}");
    let inside = status.workers.iter().flat_map(|worker| worker.inside);
    let memory = inside.fold(Inside::default(), |sum, more| Inside {
        blocks: sum.blocks + more.blocks,
        bytes: sum.bytes + more.bytes,
        messages: sum.messages + more.messages,
    });
    let counters: Vec<&Counters> = status.workers.iter().map(|worker| worker.counters).collect();
    put_part(Some(memory), &counters, out);
    put_certificates(status.certificates, out);
    put_upstreams(status.upstreams, out);
    put_instances(status.instances, out);
    put_bus(status.bus, out);
    out.extend_from_slice(b",\"workers\":[");
    for (index, worker) in status.workers.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let answers = worker.inside.is_some();
        let _ = write!(out, "{comma}\n{{\"worker\":{index},\"answers\":{answers}");
        put_part(worker.inside, &[worker.counters], out);
        out.push(b'}');
    }
    out.extend_from_slice(b"\n]}\n");
}

fn put_certificates(certificates: &[CertificateStatus], out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"certificates\":[");
    for (index, certificate) in certificates.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",\n{\"file\":" } else { b"\n{\"file\":" });
        put_text(&certificate.file, out);
        out.extend_from_slice(b",\"subject\":");
        put_text(&certificate.subject, out);
        let CertificateStatus { end, days, stapled, .. } = certificate;
        let end = Dates::of(*end).iso(0);
        let _ = write!(
            out,
            ",\"not_after\":\"{}\",\"days_left\":{days},\"stapled\":{stapled}}}",
            end.as_str()
        );
    }
    out.push(b']');
}

/// Tunnels open now. The two counters are read one after the other.
fn tunnels(counters: &Counters) -> u64 {
    let closed = counters.tunnels_closed.get();
    counters.tunnels_opened.get().saturating_sub(closed)
}

/// What is said of all workers together and of each alike.
fn put_part(memory: Option<Inside>, counters: &[&Counters], out: &mut Vec<u8>) {
    let open: u64 = counters.iter().map(|counters| tunnels(counters)).sum();
    let _ = write!(out, ",\"tunnels\":{open}");
    if let Some(Inside { blocks, bytes, messages }) = memory {
        let _ = write!(
            out,
            ",\"memory\":{{\"blocks\":{blocks},\"bytes\":{bytes},\"messages\":{messages}}}"
        );
    }
    out.extend_from_slice(b",\"counters\":{");
    let mut sums = Counters::new().named();
    for counters in counters {
        for ((_, sum), (_, number)) in sums.iter_mut().zip(counters.named()) {
            *sum = sum.wrapping_add(number);
        }
    }
    put_numbers(sums, out);
    out.extend_from_slice(b"},\"close_reasons\":{");
    let ended = |number: usize| {
        let each = counters.iter().filter_map(|counters| counters.close_reasons.get(number));
        each.map(|counter| counter.get()).sum()
    };
    put_numbers(
        CloseReason::ALL.iter().map(|reason| (reason.word(), ended(*reason as usize))),
        out,
    );
    out.push(b'}');
}

fn put_numbers(numbers: impl IntoIterator<Item = (&'static str, u64)>, out: &mut Vec<u8>) {
    for (index, (name, number)) in numbers.into_iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(out, "{comma}\"{name}\":{number}");
    }
}

/// Writes one tunnel as an object on a line, without its end; `worker` is who has it.
pub fn put_live(live: &Live, worker: usize, out: &mut Vec<u8>) {
    let _ = write!(out, "{{\"id\":{},\"worker\":{worker},\"client\":\"", live.id);
    live.peer.write_address(out);
    let _ = write!(out, "\",\"port\":{},\"route\":", live.peer.port);
    put_text(&live.route.name, out);
    out.extend_from_slice(b",\"upstream\":");
    match &live.server {
        Some(server) => put_text(&server.to_string(), out),
        None => out.extend_from_slice(b"null"),
    }
    let kind = match live.kind {
        TunnelKind::WebSocket => "websocket",
        TunnelKind::Raw => "raw",
        TunnelKind::Events => "events",
    };
    let _ = write!(out, ",\"kind\":\"{kind}\",\"draft\":");
    match live.figures {
        Some(figures) => put_text(figures.draft.name(), out),
        None => out.extend_from_slice(b"null"),
    }
    let (mode, state) = (live.mode, live.state());
    let (age, idle) = (live.age.as_millis(), live.idle.as_millis());
    let _ = write!(
        out,
        ",\"mode\":\"{mode}\",\"state\":\"{state}\",\"age_ms\":{age},\"idle_ms\":{idle}"
    );
    put_both("bytes", live.bytes, out);
    put_both("queued", live.queued, out);
    let _ = write!(out, ",\"held\":{}", live.held);
    if let Some(Figures { tallies, round_trip, .. }) = live.figures {
        put_both("messages", tallies.map(|tally| tally.messages), out);
        put_both("fragments", tallies.map(|tally| tally.fragments), out);
        put_both("pings", tallies.map(|tally| tally.pings.into()), out);
        put_both("pongs", tallies.map(|tally| tally.pongs.into()), out);
        if let Some(time) = round_trip {
            let _ = write!(out, ",\"rtt_ms\":{}", time.as_millis());
        }
    }
    out.push(b'}');
}

/// A number from the client and one from the upstream.
fn put_both(name: &str, [from_client, from_upstream]: [u64; 2], out: &mut Vec<u8>) {
    let _ = write!(out, ",\"{name}_in\":{from_client},\"{name}_out\":{from_upstream}");
}

/// Writes a string.
pub fn put_text(text: &str, out: &mut Vec<u8>) {
    write_json(text.as_bytes(), out);
}
