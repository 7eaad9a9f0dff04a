//! Tests of whole configurations.

use std::io;
use std::path::Path;

use super::super::{Action, LogTo, ManageExpect, Subject, Target, Test, Way, Workers};
use super::*;

fn read(text: &str) -> (Config, Vec<String>) {
    let (config, problems) = parse(text.as_bytes(), "site.ini", &Surroundings::none());
    (config, problems.iter().map(Problem::to_string).collect())
}

/// The configuration of a text without problems.
fn fine(text: &str) -> Config {
    let (config, problems) = read(text);
    assert_eq!(problems, [""; 0], "{text}");
    config
}

#[test]
fn a_uwsgi_file_loads_with_one_notice() {
    let (config, problems) = read(
        "[uwsgi]\nhttp = :8080\nhttp-to = 127.0.0.1:3031\nhttp-websockets = true\n\
         route = ^/websocket uwsgi:127.0.0.1:3032\nwsgi-file = /srv/%x/app.py\nmaster = true\n\
         processes = 4\ngevent = 100\nworkers = 4\nlog-format = %(addr)\n",
    );
    assert_eq!(
        problems,
        ["site.ini:1:1: notice: [uwsgi]: skipped, for they are the app server's: wsgi-file, \
          master, processes, gevent, workers, log-format"]
    );
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.http_to.len(), 1);
    assert_eq!(config.rules[0].name, "^/websocket");
    assert_eq!(config.workers, Workers::Auto);
}

#[test]
fn a_kept_connection_without_a_request() {
    for (said, seconds) in [
        ("", Some(60)),
        ("http-keepalive", Some(60)),
        ("http-keepalive = true", Some(60)),
        ("http-keepalive = 1", Some(1)),
        ("http-keepalive = 4", Some(4)),
        ("http-keepalive = 0", None),
        ("http-keepalive = no", None),
    ] {
        let config = fine(&format!("[tidegate]\nhttp = :80\ndefault = echo:\n{said}\n"));
        assert_eq!(config.times.keepalive.map(|time| time.as_secs()), seconds, "{said}");
    }
}

#[test]
fn a_file_of_our_own() {
    let config = fine(
        "[tidegate]\nhttp = :80\nhttp = [::]:80\nhttp-workers = 2\nroute = ^/a/(\\d+) uwsgi:app,5\n\
         base = 10.0.0.1\nhttp-manage-expect = 1m\nlogto = /var/log/%n.log\nmax-uri=1k\n\
         max-uri = 2k\nhttp-var = A=1\ndefault = http:%(base):90\nhttp-keepalive = off\n\
         [route:b]\nhost = ^b$\npath = ^/b\nto = http:web,,/v2$0\nhttp-raw-body\nhttp-var = B=2\n\
         [upstream:web]\nserver = %(base):1\nserver = unix:/run/web.sock\n\
         [tidegate]\nroute-host = ^c$ http:c:1\nhttp-timeout = 5m\n\
         [upstream:app]\nprotocol = uwsgi\nserver = @app\nconnect-timeout = 250ms\n",
    );
    assert_eq!(config.listeners.len(), 2);
    assert_eq!(config.workers, Workers::Count(2));
    assert_eq!(config.settings.limits.max_uri, 2048);
    assert_eq!(config.times.keepalive, None);
    assert_eq!(config.log.to, LogTo::File("/var/log/site.log".into()));
    assert_eq!(config.settings.manage_expect, ManageExpect::UpTo(1 << 20));
    let names: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["^/a/(\\d+)", "b", "^c$"]);
    let [a, b, c] = &config.rules[..] else { panic!() };
    assert_eq!(a.place.to_string(), "site.ini:5:9");
    assert_eq!(a.action.place.to_string(), "site.ini:5:19");
    assert_eq!(a.action.value.target(), Some(&Target::Upstream("app".into())));
    assert_eq!(a.settings.timeout.as_secs(), 300);
    assert_eq!(b.place.to_string(), "site.ini:14:1");
    assert!(b.conditions.len() == 2 && b.settings.raw_body);
    assert_eq!(b.settings.timeout.as_secs(), 300, "lines below the section count too");
    assert_eq!(b.settings.vars.len(), 2);
    let host = Test::Matches { subject: Subject::Host, regex: "^c$".into() };
    assert_eq!(c.conditions[0].test, host);
    assert!(std::sync::Arc::ptr_eq(&a.settings, &config.settings));
    assert_eq!(config.upstreams[0].servers.len(), 2);
    let default = config.default.unwrap().value;
    assert!(matches!(default, Action::Go(Way::Http { host: None, uri: None, .. })));
}

#[test]
fn what_is_said_of_websockets() {
    use super::super::{
        WebSocketDeflate as Deflate, WebSocketDraft as Draft, WebSocketMode as Mode,
    };
    let config = fine(
        "[tidegate]\nhttp = :80\nwebsockets-memory = 1m\nwebsockets-protocol = binary,base64 , v1.x\n\
         route = ^/echo echo:\nroute = ^/irc tcp:irc\n[upstream:irc]\nprotocol = tcp\nserver = a:6667\n\
         [route:old]\npath = ^/old\nto = http:b:1\nwebsockets-drafts = 13,hixie-76 13\n\
         websockets-upstream-draft = same\nwebsockets-deflate = takeover\nwebsockets-mode = guard\n",
    );
    let [echo, irc, old] = &config.rules[..] else { panic!() };
    assert_eq!(echo.action.value, Action::Go(Way::Echo));
    let tcp = Way::Tcp { target: Target::Upstream("irc".into()), tls: false };
    assert_eq!(irc.action.value, Action::Go(tcp));
    assert_eq!(config.websocket_memory, 1 << 20);
    let [main, old] = [&echo.settings, &old.settings];
    assert_eq!(main.protocols, ["binary", "base64", "v1.x"]);
    assert_eq!((main.websockets_mode, main.deflate), (None, Deflate::On));
    assert_eq!(old.protocols, main.protocols);
    assert_eq!(old.drafts, [Draft::Hixie76, Draft::Rfc6455]);
    assert_eq!(old.upstream_draft, None);
    assert_eq!((old.websockets_mode, old.deflate), (Some(Mode::Guard), Deflate::Takeover));
}

#[test]
fn conditions_on_websockets() {
    use super::super::WebSocketDraft as Draft;
    let config = fine(
        "[tidegate]\nhttp = :80\nhttp-to = a:1\nroute-if = is-websocket: http:b:1\n\
         route-if-not = websocket-draft:hixie-76  http:b:2\n\
         [route:x]\npath = ^/x\nis-websocket\nwebsocket-draft = 13\nto = http:b:3\n\
         [route:page]\nis-websocket = off\nto = http:b:4\n",
    );
    let names: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["is-websocket:", "!websocket-draft:hixie-76", "x", "page"]);
    let found = |rule: usize| {
        let opens =
            config.rules[rule].conditions.iter().filter_map(|condition| match condition.test {
                Test::Opens(draft) => Some((draft, condition.negated)),
                _ => None,
            });
        opens.collect::<Vec<_>>()
    };
    assert_eq!(found(0), [(None, false)]);
    assert_eq!(found(1), [(Some(Draft::Hixie76), true)]);
    assert_eq!(found(2), [(None, false), (Some(Draft::Rfc6455), false)]);
    assert_eq!(found(3), [(None, true)]);
    assert_eq!(config.rules[0].action.place.to_string(), "site.ini:4:26");
}

#[test]
fn sockets_of_the_app_server_stand_in_for_http_to() {
    let (config, problems) = read("[uwsgi]\nhttp = :80\nsocket = :3031\nuwsgi-socket = /a\n");
    let servers: Vec<String> = config.http_to.iter().map(|a| a.value.to_string()).collect();
    assert_eq!(servers, ["127.0.0.1:3031", "unix:/a"]);
    assert_eq!(problems[0], "site.ini:3:1: notice: [uwsgi] socket = \":3031\" is taken as http-to");
    for (socket, said) in [("=0", "it is inherited"), (":0", "it has no fixed port")] {
        let (_, problems) = read(&format!("[uwsgi]\nhttp = :80\nsocket = {socket}\n"));
        assert!(problems.len() == 1 && problems[0].contains(said), "{problems:?}");
    }
    let edits = "route = .* addheader:X: y\nroute-run = log:z\nroute-label = l\n";
    let (config, _) = read(&format!("[uwsgi]\nhttp = :80\nsocket = :3031\n{edits}"));
    assert_eq!(config.http_to.len(), 1, "these lead nowhere");
    let (_, problems) = read(&format!("[tidegate]\nhttp = :80\n{edits}"));
    assert!(problems[0].contains("nothing says where requests go"), "{problems:?}");
    let (config, problems) = read("[uwsgi]\nhttp = :80\nroute = a http:b:1\nsocket = %q\n");
    assert_eq!(config.http_to, []);
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn options_come_on_top_of_the_file() {
    fn site(path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("/etc/a.ini") => Ok(b"[tidegate]\nhttp = :80\nhttp-to = a:1\nlisten = 1\n".into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
    let around = Surroundings { read: site, directory: "/etc".into(), ..Surroundings::none() };
    let given =
        |key: &str, value: Option<&str>| Given { key: key.into(), value: value.map(Into::into) };
    let options = [
        given("http-to", Some("b:1")),
        given("listen", Some("2")),
        given("http-raw-body", None),
        given("route", Some("^/x http:x:1")),
    ];
    let (config, problems) = load(Some("a.ini".as_ref()), &options, &around);
    assert_eq!(problems, []);
    assert_eq!((config.http_to.len(), config.backlog, config.rules.len()), (2, 2, 1));
    assert!(config.settings.raw_body);
    let said = |file: Option<&Path>, options: &[Given]| -> Vec<String> {
        load(file, options, &around).1.iter().map(Problem::to_string).collect()
    };
    assert_eq!(said(Some("b.ini".as_ref()), &[]), ["b.ini: cannot be read: there is no such file"]);
    assert_eq!(
        said(None, &[given("http", Some("80")), given("http-to", Some("a:1"))]),
        ["command line: --http \"80\": a port alone is written with a colon, as in :8080"]
    );
}

#[test]
fn includes() {
    fn files(path: &Path) -> io::Result<Vec<u8>> {
        Ok(match path.to_str() {
            Some("/etc/a.ini") => {
                "[tidegate]\nhttp=:80\nroute = a http:a:1\ndir = sub\ninclude = %(dir)/b.ini\n\
                 route = c http:c:1\n"
            }
            Some("/etc/sub/b.ini") => {
                "[tidegate]\nroute = %n http:b:1\n[route:r]\nhost=r\nto=http:r:1"
            }
            Some("/etc/loop.ini") => "[tidegate]\ninclude = loop.ini\n",
            _ => return Err(io::ErrorKind::PermissionDenied.into()),
        }
        .into())
    }
    let around = Surroundings { read: files, directory: "/etc".into(), ..Surroundings::none() };
    let (config, problems) = load(Some("a.ini".as_ref()), &[], &around);
    assert_eq!(problems, []);
    let names: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "r", "c"]);
    for (file, said) in [
        ("loop.ini", "loop.ini:2:11: [tidegate] include = \"loop.ini\": this file includes itself"),
        ("c.ini", "c.ini: cannot be read: permission denied"),
    ] {
        let (_, problems) = load(Some(file.as_ref()), &[], &around);
        assert_eq!(problems[0].to_string(), said);
    }
}

#[test]
fn files_that_include_each_other_again_and_again_come_to_an_end() {
    fn files(path: &Path) -> io::Result<Vec<u8>> {
        let depth = path.components().count();
        Ok(format!("[tidegate]\n{}", format!("include = {depth}/a.ini\n").repeat(10)).into())
    }
    let around = Surroundings { read: files, directory: "/".into(), ..Surroundings::none() };
    let (_, problems) = load(Some("a.ini".as_ref()), &[], &around);
    let many = |problem: &&Problem| problem.to_string().contains("over 1000 files are included");
    assert_eq!(problems.iter().filter(many).count(), 1);
}

#[test]
fn what_is_missing() {
    assert_eq!(
        read("").1,
        [
            "nothing to listen on: expected http or https, as in http = :8080",
            "nothing says where requests go: tidegate runs no apps. Start one, as in `uwsgi --socket \
             127.0.0.1:3031 --wsgi-file app.py`, and set http-to = 127.0.0.1:3031, or write a route"
        ]
    );
    let (_, problems) = read("http = :80\nx = y");
    assert_eq!(problems, ["site.ini:1:1: http: expected a section first: [tidegate]"]);
}

#[test]
fn all_problems_are_found_in_the_order_of_the_file() {
    let (_, problems) = read("[tidegate]\nb = 1\nhttp = x\n[route:r]\nto = y\nq\nlisten = 0\n");
    let lines: Vec<&str> = problems.iter().map(|p| p.split(": ").next().unwrap()).collect();
    let wanted = [
        "site.ini:2:1",
        "site.ini:3:8",
        "site.ini:4:1",
        "site.ini:5:6",
        "site.ini:6:1",
        "site.ini:7:1",
    ];
    assert_eq!(lines, wanted);
}

#[test]
fn sections_of_others_are_let_be_beside_uwsgi() {
    let (_, problems) = read("[uwsgi]\nhttp = :80\nhttp-to = a:1\n[other]\nx = %z\n");
    assert_eq!(problems, ["site.ini:4:1: notice: [other] is not read"]);
}

#[test]
fn a_message_must_fit_only_where_it_is_kept() {
    for (text, warnings) in [
        ("default = http:a:1", 0),
        ("default = http:a:1\nwebsockets-mode = guard", 1),
        ("default = uwsgi:a:1", 1),
        ("http-to = a:1", 1),
        ("http-to = a:1\nwebsockets-mode = track", 0),
        ("http-to = a:1\nhttp-websockets = off", 0),
        ("default = echo:\nroute = ^/a tcp:a:1", 1),
        ("default = echo:\nwebsockets-memory = 128m", 0),
    ] {
        let (_, problems) =
            read(&format!("[tidegate]\nhttp = :80\nwebsockets-max-size = 128m\n{text}\n"));
        assert_eq!(problems.len(), warnings, "{text}: {problems:?}");
    }
}

#[test]
fn blocks_of_lines() {
    let around = Surroundings {
        variable: |name| (name == "STAGE").then(|| "50%".into()),
        is_directory: |path| match path.to_str() {
            Some("/etc/tidegate") => Some(true),
            Some("/srv/site") => Some(false),
            _ => None,
        },
        read: |path| match path.to_str() {
            Some("/srv/list") => Ok(b"8\n9\n".into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        },
        host: "web1".into(),
        directory: "/srv".into(),
        ..Surroundings::none()
    };
    let text = "[tidegate]\nhttp = :80\nhttp-to = z:1\nlist = a b\n\
        for = %(list) c\nroute-host = ^%(_)$ http:%(_):1\nroute-host = ^x%(_)$ http:%(_):2\nendfor\n\
        if-env = STAGE\nhttp-var = STAGE=%(_)\nelse\nhttp-var = NO=1\nendif\n\
        if-env = STAGE=10%%\nnobody = reads this\nhttp-var = TEN=1\nendif\n\
        if-not-env = NONE\nhttp-var = NONE=not %(_)\nend-if\n\
        if-opt = list=a b\nhttp-var = OPT=1\nendif\n\
        if-not-opt = other\nhttp-var = OTHER=no\nelse\nhttp-var = OTHER=yes\nendif\n\
        if-hostname = web1\nhttp-var = HOST=1\nendif\nif-not-hostname = web1\nhttp-var = ELSEWHERE=1\nendif\n\
        if-exists = /etc/tidegate\nhttp-var = EXISTS=%(_)\nendif\nif-file = /etc/tidegate\nhttp-var = FILE=1\nendif\n\
        if-dir = /etc/tidegate\nhttp-var = DIR=1\nendif\nif-file = site\nhttp-var = SITE=1\nendif\n\
        if-not-dir = site\nhttp-var = NODIR=1\nendif\nif-not-exists = none\nhttp-var = NOTHING=1\nendif\n\
        [upstream:web]\nfor-times = 2\nserver = 10.0.0.%(_):1\nendfor\nfor-readline = list\nserver = b:%(_)\nendfor\n\
        [route:web]\npath = web\nto = http:web\n";
    let (config, problems) = parse(text.as_bytes(), "site.ini", &around);
    assert_eq!(problems, []);
    let rules: Vec<String> = config.rules.iter().map(|rule| rule.name.clone()).collect();
    assert_eq!(rules, ["^a$", "^b$", "^c$", "^xa$", "^xb$", "^xc$", "web"]);
    assert_eq!(
        config.rules[4].action.value.target(),
        Some(&Target::Address("b:2".parse().unwrap()))
    );
    let vars: Vec<String> =
        config.settings.vars.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        vars.join(" "),
        "STAGE=50% NONE=not NONE OPT=1 OTHER=no HOST=1 EXISTS=/etc/tidegate DIR=1 SITE=1 NODIR=1 NOTHING=1"
    );
    let servers: Vec<String> =
        config.upstreams[0].servers.iter().map(|server| server.address.value.to_string()).collect();
    assert_eq!(servers, ["10.0.0.1:1", "10.0.0.2:1", "b:8", "b:9"]);
}
