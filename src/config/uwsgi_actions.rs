//! Names of actions that are known but cannot be had: uWSGI's alone.

/// How a known name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Never, and this is what to write.
    Instead(&'static str),
    /// Something only an app server can do.
    AppServer,
}

/// Actions of uWSGI whose purpose has another name here.
const INSTEAD: [(&str, &str); 49] = [
    ("access", "write allow:NETWORK or deny:NETWORK"),
    ("alarm", "log:TEXT writes a line that can be watched"),
    ("break-with-status", "write break:NNN TEXT"),
    ("cgi", CGI),
    ("cgihelper", CGI),
    ("chunked", LENGTHS),
    ("clearheaders", HEADERS),
    ("disableheaders", HEADERS),
    ("donotoffload", OFFLOAD),
    ("expires", "write addheader:Expires: DATE, or addheader:Cache-Control: max-age=SECONDS"),
    ("fastfile", FILE),
    ("fastfile-next", FILE_NEXT),
    ("file-next", FILE_NEXT),
    ("fixcl", LENGTHS),
    ("forcecl", LENGTHS),
    (
        "gzip",
        "static:DIR sends the .gz, .br and .zst files beside its own; other responses are for their server to compress",
    ),
    ("harakiri", "write http-timeout = SECONDS in a [route:NAME] section"),
    ("hash", "write balance = hash:${VAR} in an [upstream:NAME] section"),
    ("httpconnect", HTTP),
    ("httpdumb", HTTP),
    ("ldapauth", AUTH),
    ("ldapauth-next", AUTH),
    (
        "logvar",
        "log:TEXT writes a line of its own, and %(addr), %(uagent) and others stand in log-format",
    ),
    ("offload", OFFLOAD),
    ("proxyhttp", HTTP),
    ("proxyhttpconnect", HTTP),
    ("proxyuwsgi", "uwsgi:ADDR takes HTTP and WebSockets alike"),
    ("radius", AUTH),
    ("radius-next", AUTH),
    ("resetheaders", HEADERS),
    ("rewrite-last", "write rewrite:PATH, and last: in a rule behind it"),
    ("send-crnl", "send:TEXT answers TEXT"),
    ("sendfile", FILE),
    ("sendfile-next", FILE_NEXT),
    ("setapp", "write addvar:UWSGI_APPID=VALUE"),
    ("setdocroot", "write addvar:DOCUMENT_ROOT=VALUE"),
    ("setfile", "write addvar:UWSGI_FILE=VALUE"),
    ("sethome", "write addvar:UWSGI_HOME=VALUE"),
    ("setmodifier1", MODIFIERS),
    ("setmodifier2", MODIFIERS),
    ("setpathinfo", PATH),
    (
        "setremoteaddr",
        "trusted-proxies and proxy-protocol say whose word on the client's address counts",
    ),
    ("setscheme", "write addvar:UWSGI_SCHEME=VALUE"),
    ("setscriptname", "write addvar:SCRIPT_NAME=VALUE"),
    ("seturi", PATH),
    ("setuser", "write addvar:REMOTE_USER=VALUE"),
    ("spnego", AUTH),
    ("spnego-next", AUTH),
    ("static-next", "write route-if = isfile:DIR${PATH_INFO} static:DIR"),
];
const HTTP: &str = "http:ADDR takes HTTP and WebSockets alike";
const FILE: &str = "file:PATH sends files as fast as the system can";
const FILE_NEXT: &str = "write route-if = isfile:PATH file:PATH";
const CGI: &str = "write http:ADDR or uwsgi:ADDR of a server that runs it";
const HEADERS: &str = "delheader:NAME takes headers of that name away";
const LENGTHS: &str = "leave it out: responses without a length are chunked (http-auto-chunked)";
const OFFLOAD: &str = "leave it out: no slow client keeps others waiting";
const AUTH: &str = "auth:http:ADDR/PATH asks a server that knows its users";
const MODIFIERS: &str = "write uwsgi:ADDR,MOD1,MOD2";
const PATH: &str = "write rewrite:PATH";

/// Actions only uWSGI's app server has. Rules in its own file go on working behind us.
const APP_SERVER: [&str; 46] = [
    "cache",
    "cache-continue",
    "cache-store",
    "cachedec",
    "cachediv",
    "cacheinc",
    "cachemul",
    "cacheset",
    "cachestore",
    "cachevar",
    "call",
    "chdir",
    "fixpathinfo",
    "flush",
    "gridfs",
    "memcached",
    "memcached-continue",
    "memcached-store",
    "memcachedstore",
    "metricdec",
    "metricdiv",
    "metricinc",
    "metricmul",
    "metricset",
    "redis",
    "redis-continue",
    "redis-store",
    "redisstore",
    "rpc",
    "rpcblob",
    "rpcnext",
    "rpcraw",
    "rpcret",
    "rpcvar",
    "setmethod",
    "setprocname",
    "signal",
    "ssi",
    "symcall",
    "symcall-next",
    "template",
    "to-file",
    "tofile",
    "toxslt",
    "xmldir",
    "xslt",
];

/// How the action `name` stands; `None` when nobody knows it, or it can be had.
pub(super) fn standing(name: &str) -> Option<Standing> {
    if let Some((_, say)) = INSTEAD.iter().find(|(known, _)| *known == name) {
        return Some(Standing::Instead(say));
    }
    APP_SERVER.contains(&name).then_some(Standing::AppServer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::words;

    #[test]
    fn each_is_known_once_and_none_that_can_be_had() {
        let all: Vec<&str> = INSTEAD.iter().map(|(name, _)| *name).chain(APP_SERVER).collect();
        for name in &all {
            assert_eq!(all.iter().filter(|other| *other == name).count(), 1, "{name}");
            assert!(words::find(words::ACTIONS, name).is_none(), "{name}");
        }
    }
}
