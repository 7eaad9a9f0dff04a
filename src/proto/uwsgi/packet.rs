//! A request as a uwsgi packet: which variables a worker sees, and in which order.

use crate::proto::h1::{Identity, RequestHead, Switch};
use crate::proto::http::{FIELDS_MAX, Field, Known, Pairs};

use super::vars::{PacketError, Vars};

/// What a packet says besides the request's head.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The kind of app: 0 Python, 5 Perl, 7 Ruby.
    pub modifier1: u8,
    /// The kind's own sub-kind; 0.
    pub modifier2: u8,
    /// The canonical path that was asked for; with the raw query it is `REQUEST_URI`.
    pub path: &'a [u8],
    /// The canonical path decoded, which rules may have rewritten: `PATH_INFO`.
    pub path_info: &'a [u8],
    /// The query, which rules may have rewritten: `QUERY_STRING`.
    pub query: Option<&'a [u8]>,
    /// This host's name: `SERVER_NAME`.
    pub server_name: &'a str,
    /// The listener's port: `SERVER_PORT`, empty for a unix socket.
    pub server_port: &'a [u8],
    /// Whether the client came by TLS, to us or to a trusted proxy: `HTTPS`.
    pub https: bool,
    /// The client's address: `REMOTE_ADDR`, empty for a unix socket.
    pub remote_addr: &'a [u8],
    /// The client's port: `REMOTE_PORT`, empty where it is not known.
    pub remote_port: &'a [u8],
    /// Who is asking, for `HTTP_X_FORWARDED_FOR`, `_PROTO` and `_HOST`.
    pub identity: Identity<'a>,
    /// The bytes of body that follow the packet, where that is known: `CONTENT_LENGTH`.
    pub content_length: Option<u64>,
    /// Whether the body follows in its chunks: `HTTP_TRANSFER_ENCODING`. Never with a length.
    pub chunked: bool,
    /// The WebSocket's handshake, of which the worker needs the hop-by-hop fields too.
    pub switch: Switch<'a>,
    /// The client's certificate: in DER, its subject, and in PEM where that is wanted.
    pub certificate: Option<(&'a [u8], &'a str, Option<&'a str>)>,
    /// Further variables (`http-var`, `addvar:`). They come last, so that they win over others of
    /// their name; a name is not empty and not `CONTENT_LENGTH`.
    pub extra: &'a [(String, String)],
    /// Such variables of this request (`addvar:`), last of all.
    pub vars: &'a Pairs,
    /// Fields to add, in place of what the client sent under their names.
    pub fields: &'a Pairs,
}

/// Appends the packet of a request to `out`; on an error `out` is as it was.
///
/// Names with an underscore and `Proxy` never become variables, nor do forwarding fields of a peer
/// that is not trusted, nor hop-by-hop fields but for an upgrade.
pub fn encode_request(
    head: &RequestHead<'_, '_>,
    packet: &Packet<'_>,
    out: &mut Vec<u8>,
) -> Result<(), PacketError> {
    let mut vars = Vars::begin(out, packet.modifier1, packet.modifier2);
    push_request(&mut vars, head, packet);
    push_fields(&mut vars, head, packet);
    push_identity(&mut vars, head, &packet.identity);
    for (key, value) in packet.extra {
        vars.push(key, value.as_bytes());
    }
    packet.vars.iter().for_each(|(key, value)| vars.push(key, value));
    vars.finish()
}

/// The request line and the two ends.
fn push_request(vars: &mut Vars<'_>, head: &RequestHead<'_, '_>, packet: &Packet<'_>) {
    vars.push("REQUEST_METHOD", head.method_name.as_bytes());
    vars.open("REQUEST_URI");
    vars.piece(packet.path);
    if let Some(query) = head.query {
        vars.piece(b"?");
        vars.piece(query);
    }
    vars.close();
    vars.push("PATH_INFO", packet.path_info);
    vars.push("QUERY_STRING", packet.query.unwrap_or_default());
    vars.push("SERVER_PROTOCOL", head.version.as_str().as_bytes());
    vars.push("SCRIPT_NAME", b"");
    vars.push("SERVER_NAME", packet.server_name.as_bytes());
    vars.push("SERVER_PORT", packet.server_port);
    vars.push("UWSGI_ROUTER", b"http");
    if packet.https {
        vars.push("HTTPS", b"on");
    }
    if let Some((der, subject, pem)) = packet.certificate {
        vars.push("HTTPS_CLIENT_CERTIFICATE", der);
        vars.push("HTTPS_DN", subject.as_bytes());
        if let Some(pem) = pem {
            vars.push("HTTPS_CC", pem.as_bytes());
        }
    }
    vars.push("REMOTE_ADDR", packet.remote_addr);
    vars.push("REMOTE_PORT", packet.remote_port);
}

/// The header fields in the order in which each name was first seen.
fn push_fields(vars: &mut Vars<'_>, head: &RequestHead<'_, '_>, packet: &Packet<'_>) {
    let mut joined = Joined::default();
    let mut framing = Framing::new(packet);
    let mut host = false;
    let mut rest = head.fields.iter().enumerate();
    while let Some((index, field)) = rest.next() {
        match field.known {
            _ if joined.contains(index) => continue,
            Known::ContentLength | Known::TransferEncoding => framing.push(vars),
            Known::Host => {
                host = true;
                vars.push("HTTP_HOST", head.host);
            }
            _ if goes(field, head, packet) => {
                match field.known {
                    Known::ContentType => vars.open("CONTENT_TYPE"),
                    _ => vars.open_header(field.name),
                }
                vars.piece(field.value);
                for (index, later) in rest.clone().filter(|(_, later)| same_name(&field, later)) {
                    joined.insert(index);
                    vars.piece(separator(field.known));
                    vars.piece(later.value);
                }
                vars.close();
            }
            _ => {}
        }
    }
    framing.push(vars);
    // One without a value only takes the client's away.
    for (name, value) in packet.fields.iter().filter(|(_, value)| !value.is_empty()) {
        vars.open_header(name);
        vars.piece(value);
        vars.close();
    }
    if let Switch::Ours { token, fields } = packet.switch {
        vars.push("HTTP_UPGRADE", token.as_bytes());
        vars.push("HTTP_CONNECTION", b"Upgrade");
        for (name, value) in fields {
            vars.open_header(name);
            vars.piece(value);
            vars.close();
        }
    }
    if !host && !head.host.is_empty() {
        vars.push("HTTP_HOST", head.host);
    }
}

/// Whether a field becomes a variable as it is.
fn goes(field: Field<'_>, head: &RequestHead<'_, '_>, packet: &Packet<'_>) -> bool {
    match field.known {
        Known::Underscored | Known::Proxy => false,
        Known::XForwardedFor | Known::XForwardedProto => false,
        _ if packet.fields.has(field.name) => false,
        known if known.is_forwarding_identity() => packet.identity.trusted,
        _ if packet.switch.replaces(&field) => false,
        Known::Upgrade | Known::Connection if matches!(packet.switch, Switch::Ours { .. }) => false,
        Known::Upgrade | Known::Connection => !matches!(packet.switch, Switch::No),
        known => !known.is_hop_by_hop() && !head.is_nominated(field),
    }
}

fn same_name(a: &Field<'_>, b: &Field<'_>) -> bool {
    a.known == b.known
        && (!matches!(a.known, Known::Other | Known::XForwardedOther)
            || a.name.eq_ignore_ascii_case(b.name))
}

fn separator(known: Known) -> &'static [u8] {
    match known {
        Known::Cookie => b"; ",
        _ => b", ",
    }
}

/// The forwarding identity: ours alone, or, behind a trusted peer, its own with our view appended to
/// `X-Forwarded-For` and added where it said nothing. The scheme is said in one word, by us.
fn push_identity(vars: &mut Vars<'_>, head: &RequestHead<'_, '_>, identity: &Identity<'_>) {
    vars.open("HTTP_X_FORWARDED_FOR");
    for (n, value) in identity.forwarded_for(head.fields).enumerate() {
        if n > 0 {
            vars.piece(b", ");
        }
        vars.piece(value);
    }
    vars.close();
    vars.push("HTTP_X_FORWARDED_PROTO", identity.proto.as_bytes());
    let said = identity.trusted && head.fields.has(Known::XForwardedHost);
    if !said && !head.host.is_empty() {
        vars.push("HTTP_X_FORWARDED_HOST", head.host);
    }
}

/// How the worker learns where the body ends: said once, where the client said it or else last.
struct Framing {
    length: Option<u64>,
    chunked: bool,
}

impl Framing {
    fn new(packet: &Packet<'_>) -> Self {
        debug_assert!(!(packet.chunked && packet.content_length.is_some()));
        Self { length: packet.content_length, chunked: packet.chunked }
    }

    fn push(&mut self, vars: &mut Vars<'_>) {
        if let Some(length) = self.length.take() {
            vars.push("CONTENT_LENGTH", itoa::Buffer::new().format(length).as_bytes());
        } else if std::mem::take(&mut self.chunked) {
            vars.push("HTTP_TRANSFER_ENCODING", b"chunked");
        }
    }
}

/// Which fields were joined to an earlier one of their name.
#[derive(Default)]
struct Joined([u64; FIELDS_MAX / 64]);

impl Joined {
    fn insert(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    fn contains(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word & 1 << (index % 64) != 0)
    }
}

#[cfg(test)]
mod tests;
