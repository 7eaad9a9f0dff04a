//! Requests as an upstream sees them: written anew from a parsed head.

use super::RequestHead;
use super::write::{put, put_extra, put_field, put_fields, put_framing};
use crate::proto::http::{Body, Field, Fields, Known, Pairs};

/// Who is asking, for the forwarding fields.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The peer's address as text, without a port; empty when it has none (unix sockets).
    pub addr: &'a [u8],
    /// How the client came: `http` or `https`.
    pub proto: &'a str,
    /// Whether the peer is a proxy whose own forwarding fields are believed.
    pub trusted: bool,
}

/// What the router decides about a request that it sends on.
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a> {
    /// The canonical path ([`crate::proto::http::CanonicalPath::sent`]).
    pub path: &'a [u8],
    /// The query that follows it, without its question mark.
    pub query: Option<&'a [u8]>,
    /// The `Host` to send instead of the client's.
    pub host: Option<&'a [u8]>,
    /// The upstream's own authority, for clients that named no host (HTTP/1.0).
    pub server: &'a [u8],
    /// How the body that follows is framed: [`Body::Length`], [`Body::Chunked`] or none.
    pub body: Body,
    /// What becomes of `Upgrade`.
    pub switch: Switch<'a>,
    /// Who is asking.
    pub identity: Identity<'a>,
    /// Whether the upstream's connection is to be kept; otherwise `Connection: close` is sent.
    pub keep_alive: bool,
    /// `Expect: 100-continue` goes on: the upstream answers it, not we.
    pub expect: bool,
    /// The body passes raw (`http-raw-body`): its framing is announced as it came, `body` has no
    /// effect, and `TE`, `Trailer` and `Expect` stay.
    pub raw: bool,
    /// Names of fields that are ours alone: a client's are removed.
    pub ours: &'a [&'a str],
    /// Fields to add. Names are tokens and values have no controls: the caller's duty.
    pub extra: &'a [(&'a str, &'a [u8])],
    /// Fields that rules add, in place of what the client sent under their names.
    pub added: &'a Pairs,
}

/// What an upstream is asked to switch to.
#[derive(Clone, Copy, Debug)]
pub enum Switch<'a> {
    /// Nothing.
    No,
    /// To the WebSocket that the client asks for, with its own handshake.
    Passed,
    /// To a WebSocket of ours: these fields take the place of the client's handshake, its `Origin`
    /// included.
    Ours {
        /// What stands in `Upgrade`.
        token: &'static str,
        /// The fields of the handshake.
        fields: &'a [(&'static str, Vec<u8>)],
    },
}

impl Switch<'_> {
    /// Whether a field of the client's handshake gives way to ours.
    pub(in crate::proto) fn replaces(&self, field: &Field<'_>) -> bool {
        matches!(self, Switch::Ours { .. })
            && (field.known.is_handshake()
                || field.known == Known::Other
                    && field
                        .name
                        .get(..10)
                        .is_some_and(|start| start.eq_ignore_ascii_case("websocket-")))
    }
}

/// Appends the request for an upstream, always HTTP/1.1, with its empty line.
///
/// Removed are hop-by-hop fields and what `Connection` nominates (RFC 9110 section 7.6.1; never
/// `Host`, `Authorization`, `Cookie` and others that say who is asking), names with underscores,
/// `Proxy`, and what an untrusted peer says of whom it forwards for.
pub fn encode_request(head: &RequestHead<'_, '_>, forward: &Forward<'_>, out: &mut Vec<u8>) {
    out.reserve(head.len + forward.path.len() + 256);
    put(out, &[head.method_name.as_bytes(), b" ", forward.path]);
    if let Some(query) = forward.query {
        put(out, &[b"?", query]);
    }
    let own = if head.host.is_empty() { forward.server } else { head.host };
    put(out, &[b" HTTP/1.1\r\nHost: ", forward.host.unwrap_or(own), b"\r\n"]);
    put_fields(out, head.fields, 0..0, |field| goes_on(head, forward, *field));
    put_framing(out, if forward.raw { head.body } else { forward.body });
    put_identity(head, &forward.identity, out);
    put_extra(out, forward.extra.iter().copied());
    // One without a value only takes the client's away.
    put_extra(out, forward.added.iter().filter(|(_, value)| !value.is_empty()));
    match forward.switch {
        Switch::Passed => out.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        Switch::Ours { token, fields } => {
            put(out, &[b"Upgrade: ", token.as_bytes(), b"\r\nConnection: Upgrade\r\n"]);
            for (name, value) in fields {
                put_field(out, name, value);
            }
        }
        Switch::No if !forward.keep_alive => out.extend_from_slice(b"Connection: close\r\n"),
        Switch::No => {}
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a field of the client reaches the upstream as it is.
fn goes_on(head: &RequestHead<'_, '_>, forward: &Forward<'_>, field: Field<'_>) -> bool {
    match field.known {
        _ if forward.switch.replaces(&field) || forward.added.has(field.name) => false,
        _ if forward.ours.iter().any(|name| name.eq_ignore_ascii_case(field.name)) => false,
        Known::Host | Known::Proxy | Known::Underscored => false,
        Known::XForwardedFor | Known::XForwardedProto => false,
        Known::Expect => forward.raw || forward.expect,
        Known::Te | Known::Trailer if forward.raw => true,
        known if known.is_hop_by_hop() => false,
        known if known.is_forwarding_identity() => forward.identity.trusted,
        _ => !head.is_nominated(field),
    }
}

impl Identity<'_> {
    /// What `X-Forwarded-For` has, one after the other: what is believed, then the peer's address; nothing when
    /// there is neither (a unix socket's peer has no address).
    pub(in crate::proto) fn forwarded_for<'b>(
        &'b self,
        fields: Fields<'b, 'b>,
    ) -> impl Iterator<Item = &'b [u8]> {
        let believed = self.trusted.then_some(fields);
        let before = believed.into_iter().flat_map(|fields| fields.all(Known::XForwardedFor));
        before.chain([self.addr]).filter(|value| !value.is_empty())
    }
}

/// The forwarding fields: ours alone, or, behind a trusted peer, its own with our view appended to
/// `X-Forwarded-For` and added where it said nothing. The scheme is said in one word, by us.
fn put_identity(head: &RequestHead<'_, '_>, identity: &Identity<'_>, out: &mut Vec<u8>) {
    put_forwarded_for(head.fields, identity, out);
    put(out, &[b"X-Forwarded-Proto: ", identity.proto.as_bytes(), b"\r\n"]);
    let said = identity.trusted && head.fields.has(Known::XForwardedHost);
    if !said && !head.host.is_empty() {
        put(out, &[b"X-Forwarded-Host: ", head.host, b"\r\n"]);
    }
}

fn put_forwarded_for(fields: Fields<'_, '_>, identity: &Identity<'_>, out: &mut Vec<u8>) {
    if !identity.trusted {
        if !identity.addr.is_empty() {
            put(out, &[b"X-Forwarded-For: ", identity.addr, b"\r\n"]);
        }
        return;
    }
    let mut separator: &[u8] = b"X-Forwarded-For: ";
    for value in identity.forwarded_for(fields) {
        put(out, &[separator, value]);
        separator = b", ";
    }
    if separator == b", " {
        out.extend_from_slice(b"\r\n");
    }
}
