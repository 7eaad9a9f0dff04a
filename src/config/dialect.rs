//! What a key of a `[uwsgi]` section is to tidegate: its own, or the app server's.

/// Keys that have a meaning in `[tidegate]`, but in `[uwsgi]` belong to the app server.
const APP_SERVER: [&str; 14] = [
    "workers",
    "logto",
    "log-format",
    "disable-logging",
    "websockets-ping-freq",
    "websocket-ping-freq",
    "websockets-pong-tolerance",
    "websocket-pong-tolerance",
    "websockets-max-size",
    "websocket-max-size",
    "http-socket",
    "http11-socket",
    "http-socket-modifier1",
    "http-socket-modifier2",
];

/// Keys that name another file with options.
const FILES: [&str; 11] = [
    "inherit",
    "ini",
    "config",
    "xml",
    "xmlconfig",
    "yaml",
    "yml",
    "json",
    "js",
    "ini-paste",
    "plugins-list",
];

/// Chains of uWSGI's routing that run after a response, and what takes their place.
const CHAINS: [(&str, &str); 3] = [
    ("response-route", "response headers are changed by addheader: and delheader:"),
    ("error-route", "errors of ours have answers of their own, those of the app are passed on"),
    ("final-route", "what happened is in the access log: log-format"),
];

/// Whose a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Tidegate's, if it knows it.
    Tidegate,
    /// The app server's: skipped and named.
    AppServer,
    /// The app server's, and where it can be reached.
    Socket,
    /// The app server's, but somebody may have meant tidegate too.
    Doubtful(&'static str),
}

/// Whose the key `name` of a `[uwsgi]` section is. `known`: there is such a key in `[tidegate]`.
pub(super) fn owner(name: &str, known: bool) -> Owner {
    match name {
        "socket" | "uwsgi-socket" => Owner::Socket,
        "uid" | "gid" => {
            Owner::Doubtful("it is the app server's; for tidegate write user and group")
        }
        _ if FILES.contains(&name) => {
            Owner::Doubtful("that file is not read here; if it has keys for tidegate, include it")
        }
        _ if APP_SERVER.contains(&name) || name.starts_with("https-socket") => Owner::AppServer,
        _ if known => Owner::Tidegate,
        _ if name.starts_with("http-") || name.starts_with("https") => Owner::Tidegate,
        _ if instead(name).is_some() => Owner::Tidegate,
        _ => Owner::AppServer,
    }
}

/// Why a key that is in no table is refused all the same, where there is something better to say.
pub(super) fn instead(name: &str) -> Option<String> {
    if let Some((chain, say)) = CHAINS.iter().find(|(chain, _)| name.starts_with(chain)) {
        return Some(format!("there is no {chain} here: {say}"));
    }
    let said = match name {
        "for-glob" => "list the files, or write them into one and use for-readline",
        "if-reload" | "if-not-reload" => "a file means the same whenever it is read",
        "if-plugin" | "if-not-plugin" | "ifplugin" => "there are no plugins here",
        "if-hostname-match" | "if-not-hostname-match" => "write if-hostname = NAME",
        _ => return None,
    };
    Some(format!("there is no {name} here: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners() {
        for (name, known, owned) in [
            ("http-to", true, Owner::Tidegate),
            ("http-typo", false, Owner::Tidegate),
            ("workers", true, Owner::AppServer),
            ("wsgi-file", false, Owner::AppServer),
            ("https-socket-modifier1", true, Owner::AppServer),
            ("socket", true, Owner::Socket),
            ("if-reload", false, Owner::Tidegate),
            ("error-route-if", false, Owner::Tidegate),
        ] {
            assert_eq!(owner(name, known), owned, "{name}");
        }
        assert!(matches!(owner("uid", true), Owner::Doubtful(_)));
        assert!(matches!(owner("ini", false), Owner::Doubtful(_)));
    }

    #[test]
    fn what_to_do_instead() {
        for name in ["final-route-status", "if-not-reload", "for-glob", "ifplugin"] {
            assert!(instead(name).is_some(), "{name}");
        }
        for name in ["forkbomb-delay", "force-cwd", "if", "route", "if-env"] {
            assert!(instead(name).is_none(), "{name}");
        }
    }
}
