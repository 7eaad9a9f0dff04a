//! Keys of uWSGI's HTTP router that have no effect here or are refused, each with its reason.

use super::{Group, Key, Kind, Scope, Set, Status, key};

const MAIN: &[Scope] = &[Scope::Main];
const ROUTES: &str = "where requests go is said by route, [route:NAME] and http-to";
const OWN_SOCKET: &str =
    "it is a socket of uWSGI's workers, which tidegate does not run; listen with http";
const STATISTICS: &str = "tidegate ctl status tells, through the admin socket";
const SUBSCRIPTIONS: &str = "servers are listed by http-to or [upstream:NAME]; nobody subscribes";

const SESSIONS: &str = "sessions are resumed by tickets; https-tickets says for how long";
const OLD: &str = "TLS 1.2 and 1.3 are spoken, and nothing older";
const BY_NAME: &str = "certificates are named one by one, as in sni = *.example.com CERT,KEY";

const fn idle(name: &'static str, reason: &'static str) -> Key {
    key(name, Kind::Word, Set::Never(MAIN, Status::WithoutEffect(reason)))
}

const fn refused(name: &'static str, reason: &'static str) -> Key {
    key(name, Kind::Word, Set::Never(MAIN, Status::Refused(reason)))
}

pub(super) const GROUP: Group = Group {
    title: "uWSGI's other keys",
    intro: "Known from uWSGI 2.0.31, so that its files can be read. Keys of its app server are skipped \
            in `[uwsgi]`, and named once in a notice.",
    keys: &[
        idle("http-events", "as many events as there are"),
        idle("http-auto-gzip", "responses are passed as the app sends them"),
        idle(
            "http-gracetime",
            "a server that refused is tried again by itself, and at once when it is the only one",
        ),
        idle("http-quiet", "log-level says what is logged"),
        idle("http-cheap", "listening costs nothing"),
        idle("http-harakiri", "no request blocks a worker; http-timeout bounds them"),
        idle("http-buffer-size", "buffers size themselves; max-head bounds a head"),
        idle("http-stats", STATISTICS).aliases(&["http-stats-server", "http-ss"]),
        idle(
            "http-use-socket",
            "socket is taken as http-to when nothing else says where requests go",
        ),
        idle("https-session-context", SESSIONS),
        idle("ssl-sessions-use-cache", SESSIONS).aliases(&["ssl-session-use-cache"]),
        idle("ssl-sessions-timeout", SESSIONS).aliases(&["ssl-session-timeout"]),
        idle("ssl-enable3", OLD).aliases(&["ssl-enable-sslv3", "ssl-enable-tlsv1"]),
        idle("ssl-option", "it is OpenSSL's").aliases(&["ssl-verbose", "ssl-tmp-dir"]),
        idle("ssl-verify-depth", "a chain of client certificates has its bound"),
        refused("https2", "SPDY is gone; write https = ADDR,CERT,KEY"),
        refused("sni-dir", BY_NAME).aliases(&["sni-dir-ciphers", "sni-regexp"]),
        refused("http-zerg", "there are no zerg servers; listen with http"),
        refused("http-fallback", "write an [upstream:NAME] with server = ADDR backup"),
        refused("http-use-cache", ROUTES),
        refused("http-use-pattern", ROUTES),
        refused("http-use-base", ROUTES),
        refused("http-use-code-string", ROUTES),
        refused("http-subscription-server", SUBSCRIPTIONS),
        refused("http-subscription-fallback-key", SUBSCRIPTIONS),
        refused("http-resubscribe", SUBSCRIPTIONS),
        refused("http-stud-prefix", "the PROXY protocol took its place: set proxy-protocol"),
        refused(
            "http-server-name-as-http-host",
            "SERVER_NAME does not follow what clients send; apps find the name asked for in HTTP_HOST",
        ),
        refused("http-manage-source", "SOURCE is no method of HTTP"),
        refused("http-manage-rtsp", "RTSP is not HTTP"),
        refused("http-socket", OWN_SOCKET).aliases(&[
            "http11-socket",
            "http-socket-modifier1",
            "http-socket-modifier2",
        ]),
        refused("https-socket", OWN_SOCKET)
            .aliases(&["https-socket-modifier1", "https-socket-modifier2"]),
        refused("socket", "tidegate runs no app; name the app server's socket with http-to")
            .aliases(&["uwsgi-socket"]),
    ],
};
