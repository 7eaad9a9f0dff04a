//! The words that rules are made of: every condition and action, with an example of each, which tests run.
//!
//! The parser takes no word that is not here, and `docs/config.md` says of each what is said here.

/// A condition or an action.
#[derive(Debug)]
pub(super) struct Word {
    /// What stands before its colon.
    pub(super) name: &'static str,
    /// Other names for it, most of them uWSGI's.
    pub(super) also: &'static [&'static str],
    /// What stands behind its colon.
    pub(super) argument: &'static str,
    /// What it does, or when it holds.
    pub(super) does: &'static str,
    /// It in use.
    pub(super) example: Example,
}

/// A word in use. Its texts have a line for each thing they say. How requests and results are written is told in
/// `docs/config.md`; `tests/real/test_config_examples.py` reads them there.
#[derive(Debug)]
pub(super) struct Example {
    /// Rules, one of which uses the word.
    pub(super) rules: &'static str,
    /// A request.
    pub(super) asked: &'static str,
    /// What comes of it.
    pub(super) comes: &'static str,
}

/// The word of this name in a table.
pub(super) fn find(table: &'static [Word], name: &str) -> Option<&'static Word> {
    table.iter().find(|word| word.name == name || word.also.contains(&name))
}

const fn word(
    name: &'static str,
    argument: &'static str,
    does: &'static str,
    example: Example,
) -> Word {
    Word { name, also: &[], argument, does, example }
}

const fn example(rules: &'static str, asked: &'static str, comes: &'static str) -> Example {
    Example { rules, asked, comes }
}

impl Word {
    const fn also(mut self, names: &'static [&'static str]) -> Word {
        self.also = names;
        self
    }
}

/// What stands in front of `=` in a rule of the main section.
pub(super) const FORMS: &[Word] = &[
    word(
        "route",
        "REGEX ACTION",
        "the regex matches the canonical path",
        example(
            "route = ^/old/(.*) redirect:/new/$1",
            "GET /x/../old/page",
            "302\nLocation: /new/page",
        ),
    ),
    word(
        "route-host",
        "REGEX ACTION",
        "it matches the host",
        example(
            r"route-host = ^api\.example\.com$ return:204",
            "GET /\nHost: API.example.com:8080",
            "204",
        ),
    ),
    word(
        "route-uri",
        "REGEX ACTION",
        "it matches path and query",
        example(r"route-uri = ^/search\?q=old$ return:410", "GET /search?q=old", "410"),
    ),
    word(
        "route-qs",
        "REGEX ACTION",
        "it matches the query",
        example("route-qs = (^|&)beta=1(&|$) return:204", "GET /?a=2&beta=1", "204"),
    ),
    word(
        "route-remote-addr",
        "REGEX ACTION",
        "it matches the client's address",
        example(r"route-remote-addr = ^127\. return:204", "GET /", "204"),
    ),
    word(
        "route-user-agent",
        "REGEX ACTION",
        "it matches the header `User-Agent`",
        example("route-user-agent = (?i)bot return:403", "GET /\nUser-Agent: SomeBot/2", "403"),
    ),
    word(
        "route-referer",
        "REGEX ACTION",
        "it matches the header `Referer`",
        example(
            r"route-referer = ^https://old\.example/ return:403",
            "GET /\nReferer: https://old.example/a",
            "403",
        ),
    ),
    word(
        "route-remote-user",
        "REGEX ACTION",
        "it matches the user that a `basicauth:` above has let in",
        example(
            "route-run = basicauth:Site,joe:secret\nroute-remote-user = ^joe$ return:204",
            "GET /\nAuthorization: Basic am9lOnNlY3JldA==",
            "204",
        ),
    ),
    word(
        "route-if",
        "CONDITION ACTION",
        "the condition holds",
        example(
            "route-if = empty:${cookie[session]} redirect:/login",
            "GET /",
            "302\nLocation: /login",
        ),
    ),
    word(
        "route-if-not",
        "CONDITION ACTION",
        "it does not hold",
        example("route-if-not = equal:${REQUEST_METHOD};GET return:405", "POST /\n\"text\"", "405"),
    ),
    word(
        "route-run",
        "ACTION",
        "always",
        example("route-run = send:hello", "GET /", "200\n\"hello\""),
    ),
    word(
        "route-label",
        "NAME",
        "it is where `goto:NAME` leads",
        example(
            "route = ^/a goto:behind\nroute-run = return:403\nroute-label = behind\nroute-run = return:204",
            "GET /a",
            "204",
        ),
    ),
];

/// What stands behind `route-if`.
pub(super) const CONDITIONS: &[Word] = &[
    word(
        "equal",
        "A;B",
        "A and B are the same",
        example(
            "route-if = equal:${HTTP_X_TENANT};blue return:204",
            "GET /\nX-Tenant: blue",
            "204",
        ),
    )
    .also(&["isequal", "eq", "=="]),
    word(
        "startswith",
        "A;B",
        "A begins with B",
        example("route-if = startswith:${PATH_INFO};/api/ return:204", "GET /api/v1", "204"),
    ),
    word(
        "endswith",
        "A;B",
        "A ends with B",
        example("route-if = endswith:${PATH_INFO};.php return:404", "GET /index.php?a=b", "404"),
    ),
    word(
        "contains",
        "A;B",
        "A has B somewhere",
        example(
            "route-if = contains:${HTTP_COOKIE};beta= return:204",
            "GET /\nCookie: a=b; beta=1",
            "204",
        ),
    ),
    word(
        "regexp",
        "A;REGEX",
        "the regex matches A",
        example(
            "route-if = regexp:${HTTP_ACCEPT};^image/ return:204",
            "GET /\nAccept: image/png",
            "204",
        ),
    )
    .also(&["re"]),
    word(
        "empty",
        "A",
        "A is empty, or not there",
        example("route-if = empty:${qs[page]} return:400", "GET /?page=", "400"),
    ),
    word(
        "ipv4in",
        "A;NETWORK,...",
        "A is an address in one of these networks of IPv4",
        example(
            "route-if = ipv4in:${REMOTE_ADDR};10.0.0.0/8,127.0.0.0/8 return:204",
            "GET /",
            "204",
        ),
    ),
    word(
        "ipv6in",
        "A;NETWORK,...",
        "A is an address in one of these networks of IPv6",
        example(
            "route-if = ipv6in:${HTTP_X_IP};2001:db8::/32 return:204",
            "GET /\nX-Ip: 2001:db8::7",
            "204",
        ),
    ),
    word(
        "exists",
        "PATH",
        "there is something at PATH; symbolic links are followed",
        example("route-if = exists:/srv/site/maintenance return:503", "GET /", "503"),
    ),
    word(
        "isfile",
        "PATH",
        "there is a file at PATH",
        example(
            "route-if = isfile:/srv/site${PATH_INFO} static:/srv/site",
            "GET /robots.txt",
            "200\n\"no robots\"",
        ),
    ),
    word(
        "isdir",
        "PATH",
        "there is a directory at PATH",
        example("route-if = isdir:/srv/site${PATH_INFO} return:403", "GET /images", "403"),
    ),
    word(
        "is-websocket",
        "",
        "it is a WebSocket handshake, good or bad: a bad one gets its 400 or 426 on that route and reaches no other",
        example("route-if = is-websocket: echo:", "WebSocket /\nsays hi", "101\n\"hi\""),
    ),
    word(
        "websocket-draft",
        "NAME",
        "it is a handshake that looks like this draft: `hixie-75`, `hixie-76`, `hybi-07`, `hybi-08`, `13`",
        example("route-if-not = websocket-draft:hixie-76 return:403", "WebSocket /", "403"),
    ),
];

/// Actions that end the search, and those that do not.
pub(super) const ACTIONS: &[Word] = &[
    word(
        "uwsgi",
        "ADDR[,MOD1[,MOD2]]",
        "passes HTTP and WebSockets on to a uwsgi server; modifiers in place of `http-modifier1` and `http-modifier2`",
        example(
            "route = ^/app uwsgi:127.0.0.1:3031",
            "GET /app?a=b",
            "200\nserver: PATH_INFO=/app\nserver: QUERY_STRING=a=b",
        ),
    ),
    word(
        "http",
        "ADDR[,HOST[,URI]]",
        "passes HTTP and WebSockets on to an HTTP server, which sees HOST and URI in place of what the client sent",
        example(
            "route = ^/v1/(.*) http:127.0.0.1:9000,app.internal,/v2/$1",
            "GET /v1/users",
            "200\nserver: GET /v2/users\nserver: Host: app.internal",
        ),
    ),
    word(
        "https",
        "ADDR[,HOST[,URI]]",
        "the same over TLS",
        example("route = ^/shop https:shop", "GET /shop", "200\nserver: GET /shop"),
    ),
    word(
        "tcp",
        "ADDR",
        "opens a connection to a server of any protocol, and passes the messages of a WebSocket on as bytes; \
         `tcp:token:FILE,KEY`: to the server that a file has for a token ([servers by token](websocket.md#servers-by-token))",
        example("route = ^/vnc tcp:127.0.0.1:5900", "WebSocket /vnc\nsays hi", "101\n\"hi\""),
    ),
    word(
        "tcps",
        "ADDR",
        "the same over TLS",
        example("route = ^/vault tcps:vault", "WebSocket /vault\nsays hi", "101\n\"hi\""),
    ),
    word(
        "echo",
        "",
        "sends the messages of a WebSocket back",
        example("route = ^/echo echo:", "WebSocket /echo\nsays hi", "101\n\"hi\""),
    ),
    word(
        "static",
        "DIR",
        "sends the file that the path names below DIR, or with `static:DIR/$1` what was captured: [static.md](static.md)",
        example(
            "route = ^/ static:/srv/site",
            "GET /robots.txt",
            "200\nContent-Type: text/plain; charset=utf-8\n\"no robots\"",
        ),
    ),
    word(
        "file",
        "PATH",
        "sends this file",
        example("route = ^/any file:/srv/site/robots.txt", "GET /any", "200\n\"no robots\""),
    ),
    word(
        "channel",
        "NAME[,mode=both|subscribe|publish][,ids=yes][,who=TEXT][,events=yes][,public=yes]",
        "WebSockets and server-sent events join a [channel](channels.md)",
        example("route = ^/news channel:news,public=yes", "WebSocket /news", "101"),
    ),
    word(
        "publish",
        "NAME[,public=yes]",
        "POST publishes to a channel, GET says who has joined",
        example(
            "route = ^/tell publish:goals,public=yes",
            "POST /tell\n\"1:0\"",
            "202\nContent-Type: application/json",
        ),
    ),
    word(
        "last",
        "",
        "tries no further rule: `http-to` or `default` takes it",
        example("route = ^/a last:\nroute-run = return:403", "GET /a", "200\nserver: GET /a"),
    ),
    word(
        "continue",
        "",
        "the same",
        example("route = ^/a continue:\nroute-run = return:403", "GET /a", "200\nserver: GET /a"),
    ),
    word(
        "goto",
        "LABEL",
        "goes on behind `route-label = LABEL`, further down",
        example(
            "route = ^/open/ goto:open\nroute-run = return:403\nroute-label = open\nroute-run = send:come in",
            "GET /open/x",
            "200\n\"come in\"",
        ),
    ),
    word(
        "redirect",
        "URL",
        "answers 302 with URL as `Location`",
        example(
            "route = ^/old/(.*) redirect:https://example.com/$1",
            "GET /old/a",
            "302\nLocation: https://example.com/a",
        ),
    )
    .also(&["redirect-302"]),
    word(
        "redirect-301",
        "URL",
        "answers 301 with it",
        example(
            "route-run = redirect-301:https://${HTTP_HOST}${REQUEST_URI}",
            "GET /a?b=c\nHost: example.com",
            "301\nLocation: https://example.com/a?b=c",
        ),
    )
    .also(&["redirect-permanent"]),
    word(
        "break",
        "NNN TEXT",
        "answers this status with TEXT for people to read",
        example(
            "route = ^/tea break:418 I am a teapot",
            "GET /tea",
            "418\nContent-Type: text/plain; charset=utf-8",
        ),
    ),
    word(
        "return",
        "NNN",
        "answers this status",
        example("route = ^/ping return:204", "GET /ping", "204"),
    ),
    word(
        "send",
        "TEXT",
        "answers 200 and exactly TEXT",
        example("route = ^/ip send:${REMOTE_ADDR}", "GET /ip", "200\n\"127.0.0.1\""),
    ),
    word(
        "rewrite",
        "PATH",
        "the next rules and the server see this path; what stands behind a `?` in it comes before the client's query",
        example(
            "route = ^/user/(.*) rewrite:/user.php?name=$1",
            "GET /user/joe?a=b",
            "200\nserver: GET /user.php?name=joe&a=b",
        ),
    ),
    word(
        "addheader",
        "NAME: VALUE",
        "adds a header to the response, whoever answers",
        example(
            "route-run = addheader:X-Frame-Options: DENY",
            "GET /",
            "200\nX-Frame-Options: DENY",
        ),
    ),
    word(
        "delheader",
        "NAME",
        "takes headers of this name away from the server's response",
        example("route-run = delheader:X-Powered-By", "GET /", "200\nno X-Powered-By"),
    )
    .also(&["remheader"]),
    word(
        "addrequestheader",
        "NAME: VALUE",
        "adds a header to the request, in place of what the client sent under that name; where VALUE comes to nothing, \
         only the client's is taken away",
        example(
            "route-run = addrequestheader:X-Tenant: ${qs[tenant]}",
            "GET /?tenant=blue\nX-Tenant: red",
            "200\nserver: X-Tenant: blue",
        ),
    ),
    word(
        "addvar",
        "NAME=VALUE",
        "adds a variable to the uwsgi packet; `${NAME}` in the next rules",
        example(
            "route = ^/app addvar:TENANT=blue\nroute = ^/app uwsgi:127.0.0.1:3031",
            "GET /app",
            "200\nserver: TENANT=blue",
        ),
    ),
    word(
        "allow",
        "NETWORK,...",
        "answers 403 to clients whose address is in none of these networks",
        example("route-run = allow:10.0.0.0/8", "GET /", "403"),
    ),
    word(
        "deny",
        "NETWORK,...",
        "answers 403 to clients whose address is in one of them",
        example("route-run = deny:127.0.0.0/8", "GET /", "403"),
    ),
    word(
        "hsts",
        "AGE",
        "adds `Strict-Transport-Security: max-age=AGE` where the client came over TLS",
        example(
            "route-run = hsts:8760h",
            "GET https://localhost/",
            "200\nStrict-Transport-Security: max-age=31536000",
        ),
    ),
    word(
        "log",
        "TEXT",
        "writes a line of its own to the access log",
        example(
            "route = ^/buy log:somebody buys ${qs[what]}",
            "GET /buy?what=tea",
            "200\nlog: somebody buys tea",
        ),
    ),
    word(
        "donotlog",
        "",
        "no line in the access log for this request",
        example("route = ^/healthz donotlog:", "GET /healthz", "200\nno log: /healthz"),
    ),
    word(
        "auth",
        "http:ADDR/PATH[,copy=NAME,...]",
        "asks a server, or with `auth:https:` one over TLS, whether the request may go on: \
         [asking a server](configuration.md#asking-a-server)",
        example(
            "route-run = auth:http:127.0.0.1:4180/check,copy=X-User",
            "GET /app\nCookie: session=joe\nX-User: root",
            "200\nserver: X-User: joe",
        ),
    ),
    word(
        "basicauth",
        "REALM,USER:PASS|FILE",
        "answers 401 to clients that do not log in: [passwords](configuration.md#passwords)",
        example(
            "route-run = basicauth:Staff,/etc/tidegate/users",
            "GET /",
            "401\nWWW-Authenticate: Basic realm=\"Staff\", charset=\"UTF-8\"",
        ),
    ),
    word(
        "basicauth-next",
        "REALM,USER:PASS|FILE",
        "with a wrong password, or none, the next rules are tried; whoever it lets in is asked nothing by those for the same realm",
        example(
            "route-run = basicauth-next:Site,joe:secret\nroute-run = basicauth:Site,ann:secret",
            "GET /\nAuthorization: Basic am9lOnNlY3JldA==",
            "200\nserver: GET /",
        ),
    ),
    word(
        "limit",
        "RATE[,burst=N][,key=TEXT]",
        "answers 429 to clients that ask too often: [limits](configuration.md#limits)",
        example("route = ^/login limit:1/m", "GET /login", "200\nthen 429"),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;
    use crate::config::{Surroundings, parse};

    #[test]
    fn examples_use_their_word_and_are_taken() {
        let written = |table: &'static [Word], text: fn(&Word) -> String| {
            table.iter().map(move |word| (word, text(word)))
        };
        let forms = written(FORMS, |word| format!("{} = ", word.name));
        let conditions = written(CONDITIONS, |word| format!(" {}:", word.name));
        let actions = written(ACTIONS, |word| format!(" {}:", word.name));
        for (word, used) in forms.chain(conditions).chain(actions) {
            let Example { rules, asked, comes } = &word.example;
            assert!(rules.contains(&used), "{used:?} in {rules}");
            assert!(!asked.is_empty() && !comes.is_empty() && !word.does.is_empty(), "{rules}");
            let text = format!(
                "[tidegate]\nhttp = :1\nhttp-to = :2\n{rules}\n\
                 [upstream:shop]\nprotocol = https\nserver = a:1\n[upstream:vault]\nprotocol = tcps\nserver = a:1"
            );
            let (_, problems) = parse(text.as_bytes(), "t", &Surroundings::none());
            let bad: Vec<_> = problems.iter().filter(|problem| problem.is_error()).collect();
            assert!(bad.is_empty(), "{rules}: {bad:?}");
        }
    }

    #[test]
    fn names_are_unique() {
        for table in [FORMS, CONDITIONS, ACTIONS] {
            let names = table
                .iter()
                .flat_map(|word| [word.name].into_iter().chain(word.also.iter().copied()));
            for name in names {
                let named = |word: &&Word| word.name == name || word.also.contains(&name);
                assert_eq!(table.iter().filter(named).count(), 1, "{name}");
            }
        }
    }

    #[test]
    fn every_key_that_is_a_rule_is_here() {
        let is_rule = |name: &&str| *name == "route" || name.starts_with("route-");
        let keys: Vec<&str> = keys::all()
            .filter(|key| key.is_built())
            .flat_map(keys::Key::names)
            .filter(is_rule)
            .collect();
        let forms: Vec<&str> = FORMS.iter().map(|word| word.name).collect();
        assert_eq!(keys, forms);
    }
}
