//! A line that a rule asked for, besides that of its request.

use std::io::Write;

use crate::base::Clock;

use super::super::peer::Peer;
use super::LogFormat;
use super::escape::{write_escaped, write_json};

/// Writes a line that a rule asked for.
pub(in super::super) fn note(
    text: &[u8],
    peer: &Peer,
    format: Option<LogFormat>,
    clock: &Clock,
    out: &mut Vec<u8>,
) {
    let Some(format) = format else { return };
    match format {
        LogFormat::Combined => {
            peer.write_address(out);
            let _ = write!(out, " - - [{}] \"LOG\" \"", clock.log_date());
            write_escaped(text, out);
            out.extend_from_slice(b"\"\n");
        }
        LogFormat::Json => {
            let _ = write!(out, "{{\"time\":\"{}\",\"client\":\"", clock.iso_date().as_str());
            peer.write_address(out);
            out.extend_from_slice(b"\",\"event\":\"log\",\"text\":");
            write_json(text, out);
            out.extend_from_slice(b"}\n");
        }
    }
}
