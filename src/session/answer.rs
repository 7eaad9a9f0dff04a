//! Our own answers: what a client reads when there is no response to pass on.

use crate::buf::Copied;
use crate::proto::h1::{Answer, encode_answer};
use crate::proto::http::Version;
use crate::proto::ws::Drafts;

use super::cx::{Cx, Scratch};
use super::port::Port;
use super::settings::Route;

/// What an answer needs to know of its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The method was HEAD: no body.
    pub(super) is_head: bool,
    /// The client's version.
    pub(super) version: Version,
    /// The client prefers HTML to plain text.
    pub(super) html: bool,
    /// The text it is answered is the whole body.
    pub(super) exact: bool,
}

impl Default for Asked {
    /// Nothing is known of the request.
    fn default() -> Asked {
        Asked { is_head: false, version: Version::Http11, html: false, exact: false }
    }
}

/// Queues an answer with the fields that rules have added, which for a WebSocket's 426 says what the route speaks.
pub(super) fn put(
    client: &mut Port,
    route: Option<&Route>,
    status: u16,
    sentence: &str,
    asked: Asked,
    keep_alive: bool,
    cx: &mut Cx<'_>,
) {
    let drafts = route.and_then(|route| route.websockets.as_ref()).map(|told| told.drafts);
    let versions = drafts.map(Drafts::versions).filter(|versions| !versions.is_empty());
    let Scratch { out, edits, .. } = &mut *cx.scratch;
    out.clear();
    let answer = Answer {
        exact: asked.exact,
        extra: &edits.response,
        text: sentence,
        html: asked.html,
        version: asked.version,
        keep_alive,
        head_request: asked.is_head,
        retry_after: (status == 503).then_some(1),
        websocket_versions: versions,
        ..Answer::new(status, cx.clock.http_date())
    };
    encode_answer(&answer, out);
    client.tx.put(out, Copied::Head, cx.pool);
    cx.counters.response(status);
}
