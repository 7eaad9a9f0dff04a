//! Our own answers: what a client reads when there is no response to pass on.

use crate::buf::Copied;
use crate::proto::h1::{Answer, encode_answer};
use crate::proto::http::Version;
use crate::proto::ws::Drafts;

use super::cx::Cx;
use super::port::Port;

/// What an answer needs to know of its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The method was HEAD: no body.
    pub(super) is_head: bool,
    /// The client's version.
    pub(super) version: Version,
    /// The client prefers HTML to plain text.
    pub(super) html: bool,
}

impl Default for Asked {
    /// Nothing is known of the request.
    fn default() -> Asked {
        Asked { is_head: false, version: Version::Http11, html: false }
    }
}

/// Queues an answer.
pub(super) fn put(
    client: &mut Port,
    status: u16,
    sentence: &str,
    asked: Asked,
    keep_alive: bool,
    cx: &mut Cx<'_>,
) {
    let out = &mut cx.scratch.out;
    out.clear();
    let answer = Answer {
        text: sentence,
        html: asked.html,
        version: asked.version,
        keep_alive,
        head_request: asked.is_head,
        retry_after: (status == 503).then_some(1),
        websocket_versions: (status == 426).then_some(Drafts::BUILT.versions()),
        ..Answer::new(status, cx.clock.http_date())
    };
    encode_answer(&answer, out);
    client.tx.put(out, Copied::Head, cx.pool);
    cx.counters.response(status);
}
