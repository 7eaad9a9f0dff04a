//! Why a session or an exchange ended: one table for status, log sentence and whose fault it was.

use crate::base::CLOSE_REASONS;

use super::snapshot::{Cursor, SnapshotError};

/// Whose fault an end was, for whoever reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody's: an orderly end.
    None,
    /// The client's.
    Client,
    /// The upstream's.
    Upstream,
    /// Ours: a limit, a stop, a lack of resources.
    Router,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident, $word:literal, $status:literal, $fault:ident, $sentence:literal;)+) => {
        /// Why a session or an exchange ended. Every end has exactly one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum CloseReason { $($(#[doc = $doc])+ $name,)+ }

        impl CloseReason {
            /// All reasons, in the order of their numbers.
            pub const ALL: &'static [CloseReason] = &[$(CloseReason::$name,)+];

            /// The word used in logs and counters.
            pub fn word(self) -> &'static str {
                match self { $(CloseReason::$name => $word,)+ }
            }

            /// The status to answer with where no response has begun; 0 where there is no answer.
            pub fn status(self) -> u16 {
                match self { $(CloseReason::$name => $status,)+ }
            }

            /// Whose fault it was.
            pub fn fault(self) -> Fault {
                match self { $(CloseReason::$name => Fault::$fault,)+ }
            }

            /// A sentence for people.
            pub fn sentence(self) -> &'static str {
                match self { $(CloseReason::$name => $sentence,)+ }
            }
        }
    };
}

reasons! {
    /// All was said.
    Done, "done", 0, None, "both ends finished";
    /// No further request came in time.
    Idle, "idle", 0, None, "no further request within http-keepalive";
    /// We are stopping.
    Drained, "drained", 0, Router, "the router is stopping";
    /// Idle connections made room for new ones.
    Shed, "shed", 0, Router, "closed to free a descriptor";
    /// The client closed or reset in the middle.
    ClientGone, "client-gone", 0, Client, "the client closed in the middle of an exchange";
    /// The client finished in the middle of its request body.
    BodyTruncated, "body-truncated", 400, Client, "the request body ended early";
    /// A proxy did not say for whom its connection is.
    ProxyHeader, "proxy-header", 0, Client, "the connection did not begin with a good PROXY header within http-headers-timeout";
    /// The TLS handshake failed.
    TlsHandshake, "tls-handshake", 0, Client, "the TLS handshake failed";
    /// The TLS handshake took too long.
    TlsTimeout, "tls-timeout", 0, Client, "the TLS handshake was not over within https-handshake-timeout";
    /// The request's host has another rule for client certificates than the name of the handshake.
    Misdirected, "misdirected", 421, Client, "this connection was made for another host: ask for this one on a connection of its own";
    /// The head was malformed.
    BadRequest, "bad-request", 400, Client, "the request was malformed";
    /// The chunked body was malformed.
    BadChunk, "bad-chunk", 400, Client, "the chunked request body was malformed";
    /// The head did not come in time.
    HeadTimeout, "head-timeout", 408, Client, "the request head was not complete within http-headers-timeout";
    /// The body stalled.
    BodyTimeout, "body-timeout", 408, Client, "the client was silent for http-timeout";
    /// The body is over max-body or spool-max.
    BodyTooLarge, "body-too-large", 413, Client, "the request body is larger than allowed";
    /// No rule and no default.
    NoRoute, "no-route", 404, Client, "no route matched and there is no default";
    /// A rule says what is answered.
    Answered, "answered", 200, None, "a rule answered";
    /// It came without TLS where that is wanted.
    ToHttps, "to-https", 301, None, "this is to be asked for by https";
    /// The client's address may not come here.
    Denied, "denied", 403, Client, "this address has no access here";
    /// A name and a password are wanted, and not those.
    Unauthorized, "unauthorized", 401, Client, "a name and a password are wanted here";
    /// A server that was asked let it not pass.
    Barred, "barred", 403, Client, "this is not for everybody";
    /// A server that was to be asked did not answer, or nothing that is an answer.
    NoVerdict, "no-verdict", 502, Upstream, "who may come here could not be found out";
    /// A limit was reached.
    TooManyRequests, "too-many-requests", 429, Client, "too many requests: come again a little later";
    /// The WebSocket handshake was refused by us.
    BadHandshake, "bad-handshake", 400, Client, "the WebSocket handshake was not acceptable";
    /// A page of an origin that is not allowed opened a WebSocket.
    ForbiddenOrigin, "forbidden-origin", 403, Client, "pages of this origin have no access here";
    /// A request that is no WebSocket handshake where only WebSockets are taken.
    UpgradeRequired, "upgrade-required", 426, Client, "only WebSockets are taken here";
    /// The token file has no such token.
    UnknownToken, "unknown-token", 404, Client, "there is no such token";
    /// The token file cannot be read.
    TokenFile, "token-file", 502, Router, "the file of tokens cannot be read";
    /// What a route makes of the request is no name of a channel.
    ChannelName, "channel-name", 400, Client, "a channel's name has at most 128 letters, digits and _.:-";
    /// What a route makes of the request is no name of a person.
    ChannelWho, "channel-who", 400, Client, "whoever joins this channel has a name of at most 256 bytes in UTF-8, without controls";
    /// A request without a token where one is wanted.
    TokenMissing, "token-missing", 401, Client, "a token is wanted here: in the field Authorization, as Bearer, or in the query, as token";
    /// A token that is none.
    TokenForged, "token-forged", 401, Client, "the token is not signed with the key and the algorithm that are expected here";
    /// A token that does not say what it has to.
    TokenClaims, "token-claims", 401, Client, "the token has no exp, does not hold yet, or names its channels in no list";
    /// A token for somebody else.
    TokenAudience, "token-audience", 401, Client, "the token is not for this audience";
    /// A token that has expired.
    TokenExpired, "token-expired", 401, Client, "the token has expired";
    /// A token for other channels.
    TokenChannel, "token-channel", 403, Client, "the token does not name this channel";
    /// A plain request to a channel.
    ChannelPage, "channel-page", 426, Client, "a WebSocket opened here joins a channel, and so does a request that accepts text/event-stream";
    /// An upstream's 101 names what is no channel, or too many.
    BadChannels, "bad-channels", 502, Upstream, "Tidegate-Channel in the upstream's 101 has at most 16 names of channels";
    /// A client wants to go on behind an id that is none, or where messages have none.
    ChannelSince, "channel-since", 400, Client, "since and Last-Event-ID take the id of a message, where messages have ids";
    /// What is to be published cannot be read.
    BadPublication, "bad-publication", 400, Client, "what is to be published is text in UTF-8, or lines of {\"text\":\"...\"} or {\"base64\":\"...\"}";
    /// A plain request to an echo.
    EchoPage, "echo-page", 200, None, "a WebSocket opened here gets back every message it sends";
    /// What is served here does not know the method.
    MethodNotAllowed, "method-not-allowed", 405, Client, "the method is not allowed here; Allow says which are";
    /// A WebSocket handshake where files are served, or published.
    NoWebSocket, "no-websocket", 400, Client, "no WebSocket opens here";
    /// There is no such file, or none that may be served.
    FileMissing, "file-missing", 404, Client, "there is no such file";
    /// The rights of a file do not allow reading it.
    FileForbidden, "file-forbidden", 403, Router, "the router has no right to read this file";
    /// The directory is gone, or the disk failed or was silent.
    FileFailed, "file-failed", 500, Router, "the file could not be read";
    /// A file changed while it was sent.
    FileChanged, "file-changed", 0, Router, "the file changed while it was sent";
    /// The upstream could not be reached.
    Unreachable, "unreachable", 502, Upstream, "the upstream could not be reached";
    /// The upstream closed before a response.
    NoResponse, "no-response", 502, Upstream, "the upstream closed without an answer";
    /// What the upstream said is not HTTP.
    BadResponse, "bad-response", 502, Upstream, "the upstream's response was malformed";
    /// The upstream's 101 lacks the dialect's proof.
    BadUpgrade, "bad-upgrade", 502, Upstream, "the upstream's 101 did not prove the handshake";
    /// No server of the group may be used.
    NoServer, "no-server", 503, Upstream, "no server of the group is usable";
    /// All servers have as many sessions as they may.
    Full, "full", 503, Router, "every server that could take the request has as many sessions as its max allows, and no more may wait";
    /// No session ended in time.
    QueueTimeout, "queue-timeout", 503, Router, "every server had as many sessions as its max allows for all of queue-timeout";
    /// We lack descriptors, memory or disk.
    Overloaded, "overloaded", 503, Router, "out of descriptors, memory or disk";
    /// The dial took too long.
    ConnectTimeout, "connect-timeout", 504, Upstream, "the upstream did not accept within http-connect-timeout";
    /// The upstream was silent for too long.
    UpstreamTimeout, "upstream-timeout", 504, Upstream, "the upstream was silent for http-timeout";
    /// The upstream died in the middle of its response.
    ResponseCut, "response-cut", 0, Upstream, "the upstream died in the middle of its response";
    /// The request does not fit one uwsgi packet.
    PacketTooLarge, "packet-too-large", 431, Client, "the request does not fit a uwsgi packet";
    /// The client's fields and ours are too many for a question about it.
    QuestionTooLarge, "question-too-large", 431, Client, "the request has too many header fields to ask a server about it";
    /// A tunnel was silent for too long.
    TunnelTimeout, "tunnel-timeout", 0, None, "both ends were silent for tunnel-timeout";
    /// A tunnel's end was reset.
    TunnelReset, "tunnel-reset", 0, None, "one end of the tunnel was reset";
    /// The client did not answer our ping.
    DeadClient, "dead-client", 0, Client, "the client was silent for websockets-ping-freq and did not answer";
    /// The upstream did not answer our ping.
    DeadUpstream, "dead-upstream", 0, Upstream, "the upstream was silent for websockets-upstream-ping-freq and did not answer";
    /// The WebSocket reached its age.
    MaxAge, "max-age", 0, Router, "the WebSocket is older than websockets-max-age";
    /// Somebody who runs the router wanted it closed.
    Killed, "killed", 0, Router, "closed by tidegate ctl kill";
    /// A message is over websockets-max-size.
    MessageTooLarge, "message-too-large", 0, Client, "the client began a message larger than websockets-max-size";
    /// More messages than websockets-rate.
    TooManyMessages, "too-many-messages", 0, Client, "the client sent more messages than websockets-rate allows";
    /// A message of a client that may only subscribe.
    ReadOnly, "read-only", 0, Client, "the client published where it may only subscribe";
    /// A client does not read what is published.
    SlowSubscriber, "slow-subscriber", 0, Client, "more than channel-backlog messages waited for the client";
    /// One channel more than there may be.
    TooManyChannels, "too-many-channels", 0, Router, "there are as many channels as there may be";
    /// The client's frames break RFC 6455.
    ClientFrames, "client-frames", 0, Client, "the client sent a frame that breaks the protocol";
    /// A binary message for an end that has only text.
    Untranslatable, "untranslatable", 0, None, "a binary message for an end whose draft has only text";
    /// More memory is needed for messages than websockets-memory.
    OutOfMemory, "out-of-memory", 0, Router, "the largest of the messages that together exceeded websockets-memory";
    /// The upstream's frames break RFC 6455.
    UpstreamFrames, "upstream-frames", 0, Upstream, "the upstream sent a frame that breaks the protocol";
    /// A bug of ours, caught.
    Panic, "panic", 0, Router, "a fault of the router itself";
}

// Each has a counter.
const _: () = assert!(CloseReason::ALL.len() <= CLOSE_REASONS);

impl CloseReason {
    /// It in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let mut number = *self as u8;
        at.byte(&mut number)?;
        *self = *Self::ALL.get(usize::from(number)).ok_or(SnapshotError::Damaged)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_numbers_dense() {
        let mut words: Vec<_> = CloseReason::ALL.iter().map(|r| r.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), CloseReason::ALL.len());
        for (i, reason) in CloseReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, i);
            assert!(reason.sentence().len() > 8);
        }
    }
}
