//! From a request's head to the file it asks for.

use std::mem::take;
use std::sync::Arc;

use crate::base::Millis;
use crate::proto::h1::{RequestHead, Upgrade};
use crate::proto::http::{Coding, Media, Method, Pairs};

use super::super::access_log::Record;
use super::super::answer::Asked;
use super::super::expand::Filler;
use super::super::peer::Peer;
use super::super::reason::CloseReason;
use super::super::settings::{Files, Route};
use super::locate::locate;
use super::transfer::{Piece, Step, Transfer};

/// What methods files know (RFC 9110 section 10.2.1).
const ALLOWED: &[u8] = b"GET, HEAD";

/// Asks whether a request can be one for a file, whatever the file; `response` gets what its client has to know.
pub(in crate::session) fn screen(
    head: &RequestHead<'_, '_>,
    response: &mut Pairs,
) -> Result<(), CloseReason> {
    match head.method {
        _ if head.upgrade == Upgrade::WebSocket => Err(CloseReason::NoWebSocket),
        Method::Get | Method::Head => Ok(()),
        _ => {
            response.push("Allow", ALLOWED);
            Err(CloseReason::MethodNotAllowed)
        }
    }
}

/// A request for a file.
pub(in crate::session) struct Asking<'a> {
    pub(in crate::session) head: &'a RequestHead<'a, 'a>,
    pub(in crate::session) route: &'a Arc<Route>,
    pub(in crate::session) files: &'a Files,
    /// The canonical path as rules match it, rewritten where they have rewritten it.
    pub(in crate::session) path: &'a [u8],
    /// What the client asked for ends in a slash.
    pub(in crate::session) slash: bool,
    pub(in crate::session) peer: Peer,
    pub(in crate::session) now: Millis,
}

/// Begins the transfer of the file that is asked for, in the memory of one that is over where there is one. `None`:
/// there can be no such file.
pub(in crate::session) fn begin(
    spare: Option<Box<Transfer>>,
    asking: &Asking<'_>,
    filler: &Filler<'_>,
) -> Option<Box<Transfer>> {
    let Asking { head, route, files, path, slash, peer, now } = *asking;
    let (spare, mut name, parts) = match spare {
        Some(mut spare) => {
            let (name, parts) = (take(&mut spare.name), take(&mut spare.parts));
            (Some(spare), name, parts)
        }
        None => (None, Vec::new(), Vec::new()),
    };
    locate(files, filler, path, &mut name)?;
    let is_directory = name.is_empty() || name.ends_with(b"/");
    let media = if is_directory { Media::of(b"index.html") } else { Media::of(&name) };
    let codings = match media.is_compressible() {
        true => {
            let lines =
                head.fields.iter().filter(|f| f.name.eq_ignore_ascii_case("accept-encoding"));
            Coding::wanted(lines.map(|field| field.value))
        }
        false => [None; 3],
    };
    let transfer = Transfer {
        route: Arc::clone(route),
        record: Record::default(),
        peer,
        head: None,
        asked: Asked::from(head),
        name,
        slash,
        codings,
        keep: false,
        last: !head.keep_alive && head.body.is_empty(),
        edits: None,
        began: now,
        step: Step::Opening,
        waits: false,
        media,
        size: 0,
        piece: Piece::default(),
        parts,
        boundary: None,
    };
    match spare {
        Some(mut spare) => {
            *spare = transfer;
            Some(spare)
        }
        None => Some(Box::new(transfer)),
    }
}
