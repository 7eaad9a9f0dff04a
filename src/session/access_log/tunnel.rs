//! The line of a tunnel that ended, with what was seen of its frames.

use std::io::Write;

use super::super::cx::Cx;
use super::super::peer::Peer;
use super::super::reason::CloseReason;
use super::super::tunnel::{Figures, Tunnel, TunnelKind};
use super::LogFormat;
use super::escape::write_json;
use super::record::Line;

/// Writes the line of a tunnel that ended.
pub(in super::super) fn tunnel_ended(
    tunnel: &Tunnel,
    peer: &Peer,
    reason: CloseReason,
    cx: &mut Cx<'_>,
) {
    let Some(format) = cx.generation.log.filter(|_| !tunnel.silent) else { return };
    let line = Line {
        peer,
        route: Some(&tunnel.route),
        server: tunnel.server_address(),
        reason,
        tunnel: Some(tunnel.id),
        detail: None,
    };
    let [bytes_in, bytes_out] = tunnel.bytes;
    let total = (cx.now - tunnel.opened).as_millis();
    let kind = match tunnel.kind {
        TunnelKind::WebSocket => "websocket",
        TunnelKind::Raw => "raw",
    };
    let out = &mut *cx.log;
    let (route, word, id) = (line.route(), reason.word(), tunnel.id);
    match format {
        LogFormat::Combined => {
            peer.write_address(out);
            let _ = write!(
                out,
                " - - [{}] \"CLOSE {kind}\" 101 {bytes_out} \"-\" \"-\" route={route} upstream=",
                cx.clock.log_date(),
            );
            line.write_server(out);
            let _ = write!(out, " in={bytes_in} ttfb=- time={total}ms end={word} tunnel={id}");
            if let Some(figures) = tunnel.figures() {
                combined_frames(&figures, out);
            }
            out.push(b'\n');
        }
        LogFormat::Json => {
            let _ = write!(out, "{{\"time\":\"{}\",\"client\":\"", cx.clock.iso_date().as_str());
            peer.write_address(out);
            let _ = write!(out, "\",\"event\":\"close\",\"kind\":\"{kind}\",\"route\":");
            write_json(route.as_bytes(), out);
            out.extend_from_slice(b",\"upstream\":\"");
            line.write_server(out);
            let _ = write!(
                out,
                "\",\"bytes_in\":{bytes_in},\"bytes_out\":{bytes_out},\"total_ms\":{total},\
                 \"end\":\"{word}\",\"tunnel\":{id}"
            );
            if let Some(figures) = tunnel.figures() {
                json_frames(&figures, out);
            }
            out.extend_from_slice(b"}\n");
        }
    }
}

/// What was seen of a tunnel's frames.
fn combined_frames(figures: &Figures, out: &mut Vec<u8>) {
    let [client, upstream] = &figures.tallies;
    let (draft, [came, went]) = (figures.draft, [client.messages, upstream.messages]);
    let _ = write!(out, " draft={draft} messages_in={came} messages_out={went}");
    if let Some((closer, code)) = figures.first_close {
        let _ = write!(out, " closed_by={} code={code}", closer.word());
    }
    if let Some(time) = figures.round_trip {
        let _ = write!(out, " rtt={}ms", time.as_millis());
    }
}

fn json_frames(figures: &Figures, out: &mut Vec<u8>) {
    let [client, upstream] = &figures.tallies;
    let (draft, [came, went]) = (figures.draft, [client.messages, upstream.messages]);
    let _ = write!(out, ",\"draft\":\"{draft}\",\"messages_in\":{came},\"messages_out\":{went}");
    if let Some((closer, code)) = figures.first_close {
        let _ = write!(out, ",\"closed_by\":\"{}\",\"code\":{code}", closer.word());
    }
    if let Some(time) = figures.round_trip {
        let _ = write!(out, ",\"rtt_ms\":{}", time.as_millis());
    }
}
