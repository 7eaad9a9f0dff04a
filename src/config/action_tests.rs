//! Tests of [`super::parse`].

use super::super::template::{Part, Variable};
use super::*;
use crate::base::Place;

fn groups() -> Groups {
    Groups::from([
        ("app".into(), Protocol::Http),
        ("wsgi".into(), Protocol::Uwsgi),
        ("irc".into(), Protocol::Tcp),
    ])
}

fn read(text: &str) -> Result<Action, String> {
    let place = Place { file: "a.ini".into(), line: 1, column: 1 };
    let value = Value::new("k =", text, text, place, false);
    parse(&value, &groups()).map_err(|fault| format!("{}: {}", fault.at, fault.expected))
}

fn address(text: &str) -> Target {
    Target::Address(text.parse().unwrap())
}

#[test]
fn actions() {
    let uwsgi = |target, modifier1, modifier2| Action::Uwsgi { target, modifier1, modifier2 };
    let one = || address("127.0.0.1:3031");
    assert_eq!(read("uwsgi:127.0.0.1:3031"), Ok(uwsgi(one(), None, None)));
    assert_eq!(read("uwsgi:127.0.0.1:3031,5"), Ok(uwsgi(one(), Some(5), None)));
    assert_eq!(read("uwsgi:127.0.0.1:3031,5,0"), Ok(uwsgi(one(), Some(5), Some(0))));
    assert_eq!(read("uwsgi:/run/a.sock"), Ok(uwsgi(address("/run/a.sock"), None, None)));
    assert_eq!(read("uwsgi:wsgi"), Ok(uwsgi(Target::Upstream("wsgi".into()), None, None)));
    let http = |target| Action::Http { target, host: None, uri: None };
    assert_eq!(read("http:app"), Ok(http(Target::Upstream("app".into()))));
    assert_eq!(read("http:[::1]:80"), Ok(http(address("[::1]:80"))));
    assert_eq!(read("http:unix:/run/a.sock,"), Ok(http(address("/run/a.sock"))));
    assert_eq!(read("http:localhost:80"), Ok(http(address("localhost:80"))));
    let tcp = |target| Action::Tcp { target };
    assert_eq!(read("tcp:irc"), Ok(tcp(Target::Upstream("irc".into()))));
    assert_eq!(read("tcp:[::1]:6667"), Ok(tcp(address("[::1]:6667"))));
    assert_eq!(read("tcp:token:5901"), Ok(tcp(address("token:5901"))));
    let key = Template::parse("x$1,${qs[token]}").unwrap();
    assert_eq!(key.highest_capture(), Some(1));
    assert_eq!(
        read("tcp:token:/etc/a b,x$1,${qs[token]}"),
        Ok(Action::Token { file: "/etc/a b".into(), key })
    );
    for text in ["echo:", "echo"] {
        assert_eq!(read(text), Ok(Action::Echo));
    }
}

#[test]
fn templates() {
    let Ok(Action::Http { host, uri, .. }) = read("http:app,$1.local,/v2/$2,x") else { panic!() };
    let text = |text: &str| Part::Text(text.into());
    assert_eq!(host.unwrap().parts(), [Part::Capture(1), text(".local")]);
    assert_eq!(uri.unwrap().parts(), [text("/v2/"), Part::Capture(2), text(",x")]);
    let Ok(Action::Http { host, .. }) = read("http:app,${HTTP_X_HOST},/a") else { panic!() };
    assert_eq!(host.unwrap().parts(), [Part::Variable(Variable::Field("x-host".into()))]);
    let Ok(Action::Http { host, uri, .. }) = read("http:app,,$0") else { panic!() };
    assert_eq!((host, uri.unwrap().parts().len()), (None, 1));
}

#[test]
fn refusals() {
    for (text, said) in [
        ("", "0: expected an action such as http:127.0.0.1:9000"),
        ("http:", "5: expected an address, as in http:127.0.0.1:9000"),
        ("http", "5: expected an address, as in http:127.0.0.1:9000"),
        ("http://127.0.0.1:9000", "5: an action is not a URL: write http:127.0.0.1:9000"),
        (
            "http:127.0.0.1",
            "5: there is no [upstream:127.0.0.1] (an address has a port, as in 127.",
        ),
        ("http:8080", "5: a port alone is written with a colon, as in :8080"),
        (
            "http:ap",
            "5: there is no [upstream:ap]; did you mean app? (an address has a port, as in \
             127.0.0.1:9000)",
        ),
        ("uwsgi:app", "6: [upstream:app] has protocol = http; write http:app"),
        ("http:wsgi", "5: [upstream:wsgi] has protocol = uwsgi; write uwsgi:wsgi"),
        ("tcp:", "4: expected an address, as in tcp:127.0.0.1:9000"),
        ("tcp:app", "4: [upstream:app] has protocol = http; write http:app"),
        ("http:irc", "5: [upstream:irc] has protocol = tcp; write tcp:irc"),
        ("tcp:irc,x", "8: expected nothing behind the address"),
        ("tcp:token:", "10: expected a file and a token, as in tcp:token:/etc/"),
        ("tcp:token:/a", "10: expected a file and a token, as in tcp:token:/etc/"),
        ("tcp:token:,$1", "10: expected a file and a token, as in tcp:token:/etc/"),
        ("tcp:token:/a,", "10: expected a file and a token, as in tcp:token:/etc/"),
        ("tcp:token:/a,x", "13: expected a token that the request says, such as ${qs[token]}"),
        ("tcp:token:/a,x${y}", "14: expected ${qs[NAME]}, ${cookie[NAME]}, ${HTTP_NAME} or"),
        ("echo:x", "5: expected nothing behind echo:"),
        (
            "tcps:a:1",
            "0: the action tcps: is not in this version; there are uwsgi:ADDR, http:ADDR,",
        ),
        ("http:127.0.0.1:$1", "5: captures in an address are not in this version"),
        ("uwsgi:wsgi,256", "11: expected modifiers from 0 to 255, as in uwsgi:127.0.0.1:3031,5,0"),
        (
            "uwsgi:wsgi,1,2,3",
            "11: expected modifiers from 0 to 255, as in uwsgi:127.0.0.1:3031,5,0",
        ),
        ("http:app,a b", "10: expected a host name such as app.example.com or $1"),
        ("http:app,,v2", "10: expected a path that starts with '/', as in /v2/$1"),
        (
            "http:app,,/a b",
            "12: expected a path without spaces, '#' or what is not ASCII (write %%20 for a space)",
        ),
        (
            "http:app,,/x${REQUEST_URI}",
            "12: expected ${qs[NAME]}, ${cookie[NAME]}, ${HTTP_NAME} or ${REMOTE_ADDR}",
        ),
        (
            "127.0.0.1:80",
            "0: an action starts with what is spoken there: write http:127.0.0.1:80 or \
             uwsgi:127.0.0.1:80",
        ),
        (
            "static:/srv",
            "0: the action static: is not in this version; there are uwsgi:ADDR, http:ADDR, tcp:ADDR and echo:",
        ),
        (
            "last:",
            "0: the action last: is not in this version; there are uwsgi:ADDR, http:ADDR, tcp:ADDR and echo:",
        ),
        ("proxyhttp:a:1", "0: there is no action proxyhttp: here; http:ADDR takes HTTP and"),
        ("rpc:hello", "0: rpc: is an action of uWSGI's app server, which this is not"),
        (
            "uwsg:127.0.0.1:80",
            "0: there is no action uwsg:; did you mean uwsgi? (there are uwsgi:ADDR, http:ADDR, tcp:ADDR and echo:)",
        ),
        (
            "banana",
            "0: there is no action banana: (there are uwsgi:ADDR, http:ADDR, tcp:ADDR and echo:)",
        ),
    ] {
        let found = read(text).expect_err(text);
        assert!(found.starts_with(said), "{text}\n found {found}\nwanted {said}");
    }
}
