//! Names of actions that are known but cannot be had: uWSGI's alone.

/// How a known name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Never, and this is what to write.
    Instead(&'static str),
    /// Something only an app server can do.
    AppServer,
}

/// Actions of uWSGI that have another name here.
const INSTEAD: [(&str, &str); 10] = [
    ("proxyhttp", "http:ADDR takes HTTP and WebSockets alike"),
    ("httpdumb", "http:ADDR takes HTTP and WebSockets alike"),
    ("httpconnect", "http:ADDR takes HTTP and WebSockets alike"),
    ("proxyhttpconnect", "http:ADDR takes HTTP and WebSockets alike"),
    ("proxyuwsgi", "uwsgi:ADDR takes HTTP and WebSockets alike"),
    ("break-with-status", "write break:NNN TEXT"),
    ("rewrite-last", "write rewrite:PATH, and last: in a rule behind it"),
    ("fastfile", "file:PATH sends files as fast as the system can"),
    ("sendfile", "file:PATH sends files as fast as the system can"),
    ("access", "write allow:NETWORK or deny:NETWORK"),
];

/// Actions only uWSGI's app server has.
const APP_SERVER: [&str; 85] = [
    "alarm",
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
    "cgi",
    "cgihelper",
    "chdir",
    "chunked",
    "clearheaders",
    "disableheaders",
    "donotoffload",
    "expires",
    "fastfile-next",
    "file-next",
    "fixcl",
    "fixpathinfo",
    "flush",
    "forcecl",
    "gridfs",
    "gzip",
    "harakiri",
    "hash",
    "ldapauth",
    "ldapauth-next",
    "logvar",
    "memcached",
    "memcached-continue",
    "memcached-store",
    "memcachedstore",
    "metricdec",
    "metricdiv",
    "metricinc",
    "metricmul",
    "metricset",
    "offload",
    "radius",
    "radius-next",
    "redis",
    "redis-continue",
    "redis-store",
    "redisstore",
    "resetheaders",
    "rpc",
    "rpcblob",
    "rpcnext",
    "rpcraw",
    "rpcret",
    "rpcvar",
    "send-crnl",
    "sendfile-next",
    "setapp",
    "setdocroot",
    "setfile",
    "sethome",
    "setmethod",
    "setmodifier1",
    "setmodifier2",
    "setpathinfo",
    "setprocname",
    "setremoteaddr",
    "setscheme",
    "setscriptname",
    "seturi",
    "setuser",
    "signal",
    "spnego",
    "spnego-next",
    "ssi",
    "static-next",
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
