//! Tests of [`super::parse`].

use super::super::template::{Part, Variable};
use super::*;
use crate::base::Place;

fn names() -> Names {
    let groups = [("app", Protocol::Http), ("wsgi", Protocol::Uwsgi), ("irc", Protocol::Tcp)];
    let groups = groups.map(|(name, protocol)| (name.to_owned(), protocol)).into();
    Names { groups, labels: [("above".into(), 2), ("end".into(), 3)].into(), rule: 3 }
}

/// An action that leads somewhere.
fn read(text: &str) -> Result<Way, String> {
    match any(text)? {
        Action::Go(way) => Ok(way),
        other => panic!("{other:?}"),
    }
}

fn any(text: &str) -> Result<Action, String> {
    let place = Place { file: "a.ini".into(), line: 1, column: 1 };
    let value = Value::new("k =", text, text, place, false);
    parse(&value, &names()).map_err(|fault| format!("{}: {}", fault.at, fault.expected))
}

fn address(text: &str) -> Target {
    Target::Address(text.parse().unwrap())
}

#[test]
fn actions() {
    let uwsgi = |target, modifier1, modifier2| Way::Uwsgi { target, modifier1, modifier2 };
    let one = || address("127.0.0.1:3031");
    assert_eq!(read("uwsgi:127.0.0.1:3031"), Ok(uwsgi(one(), None, None)));
    assert_eq!(read("uwsgi:127.0.0.1:3031,5"), Ok(uwsgi(one(), Some(5), None)));
    assert_eq!(read("uwsgi:127.0.0.1:3031,5,0"), Ok(uwsgi(one(), Some(5), Some(0))));
    assert_eq!(read("uwsgi:/run/a.sock"), Ok(uwsgi(address("/run/a.sock"), None, None)));
    assert_eq!(read("uwsgi:wsgi"), Ok(uwsgi(Target::Upstream("wsgi".into()), None, None)));
    let http = |target| Way::Http { target, tls: false, host: None, uri: None };
    assert_eq!(read("http:app"), Ok(http(Target::Upstream("app".into()))));
    assert_eq!(read("http:[::1]:80"), Ok(http(address("[::1]:80"))));
    assert_eq!(read("http:unix:/run/a.sock,"), Ok(http(address("/run/a.sock"))));
    assert_eq!(read("http:localhost:80"), Ok(http(address("localhost:80"))));
    let tcp = |target| Way::Tcp { target, tls: false };
    assert_eq!(read("tcp:irc"), Ok(tcp(Target::Upstream("irc".into()))));
    assert_eq!(read("tcp:[::1]:6667"), Ok(tcp(address("[::1]:6667"))));
    assert_eq!(read("tcp:token:5901"), Ok(tcp(address("token:5901"))));
    let key = Template::parse("x$1,${qs[token]}").unwrap();
    assert_eq!(key.highest_capture(), Some(1));
    assert_eq!(
        read("tcp:token:/etc/a b,x$1,${qs[token]}"),
        Ok(Way::Token { file: "/etc/a b".into(), key })
    );
    for text in ["echo:", "echo"] {
        assert_eq!(read(text), Ok(Way::Echo));
    }
}

#[test]
fn actions_between_rules() {
    for text in ["last:", "continue:", "last"] {
        assert_eq!(any(text), Ok(Action::Last));
    }
    let text = |text| Template::parse(text).unwrap();
    for (written, action) in [
        ("redirect-301:/$1", Action::Answer(Answer::Redirect { status: 301, url: text("/$1") })),
        ("break:418 no $1", Action::Answer(Answer::Status { status: 418, text: text("no $1") })),
        ("return:404", Action::Answer(Answer::Status { status: 404, text: text("") })),
        ("send:a b", Action::Answer(Answer::Send(text("a b")))),
        ("rewrite:/x?$1", Action::Edit(Edit::Rewrite(text("/x?$1")))),
        ("addheader:X-A: b: $1", Action::Edit(Edit::AddHeader("X-A".into(), text("b: $1")))),
        ("remheader:X-A", Action::Edit(Edit::DelHeader("X-A".into()))),
        ("addvar:A=b=c", Action::Edit(Edit::AddVar("A".into(), text("b=c")))),
        (
            "allow:10.0.0.0/8 ::1",
            Action::Edit(Edit::Allow(vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()])),
        ),
        ("hsts:1h", Action::Edit(Edit::Hsts(3600))),
        ("donotlog:", Action::Edit(Edit::DoNotLog)),
    ] {
        assert_eq!(any(written), Ok(action), "{written}");
    }
    assert_eq!(any("goto:end"), Ok(Action::Goto(Label { name: "end".into(), rule: 3 })));
}

#[test]
fn over_tls() {
    let way = read("https:a.example:443,b.example").unwrap();
    assert!(matches!(way, Way::Http { tls: true, host: Some(_), .. }));
    assert_eq!(read("tcps:10.0.0.1:6697").unwrap().protocol(), Some(Protocol::Tcps));
    for (text, said) in [
        (
            "https:unix:/run/app.sock",
            "6: unix:/run/app.sock has no name for a certificate; write an [upstream:NAME] with protocol = https and \
             verify-name",
        ),
        ("https:app", "6: [upstream:app] has protocol = http; write http:app"),
        (
            "tcps:token:/etc/tokens,$1",
            "5: a file of tokens leads to servers without TLS: write tcp:token:FILE,TOKEN",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), said);
    }
}

#[test]
fn templates() {
    let Ok(Way::Http { host, uri, .. }) = read("http:app,$1.local,/v2/$2,x") else { panic!() };
    let text = |text: &str| Part::Text(text.into());
    assert_eq!(host.unwrap().parts(), [Part::Capture(1), text(".local")]);
    assert_eq!(uri.unwrap().parts(), [text("/v2/"), Part::Capture(2), text(",x")]);
    let Ok(Way::Http { host, .. }) = read("http:app,${HTTP_X_HOST},/a") else { panic!() };
    assert_eq!(host.unwrap().parts(), [Part::Variable(Variable::Field("x-host".into()))]);
    let Ok(Way::Http { host, uri, .. }) = read("http:app,,$0") else { panic!() };
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
        ("tcp:token:/a,x${1}", "14: expected a variable such as ${HTTP_HOST}, ${REMOTE_ADDR},"),
        ("echo:x", "5: expected nothing behind echo:"),
        ("channel:", "8: expected the name of a channel: at most 128 letters"),
        ("channel:a b", "8: expected the name of a channel: at most 128 letters"),
        ("channel:a/$1", "8: expected the name of a channel: at most 128 letters"),
        ("channel:a,mode=none", "10: expected mode=both, mode=subscribe or mode=publish"),
        ("channel:a,mode=both,ids", "20: expected ids=yes or ids=no"),
        (
            "channel:a,mod=both",
            "10: expected mode=, ids=, who=, events=, public= behind the name; did you mean mode?",
        ),
        ("channel:a,events=yes", "8: events=yes tells who comes: expected who= besides"),
        ("channel:a,who=${x", "14: "),
        ("publish:a,who=joe", "10: expected public= behind the name"),
        ("publish:a,mode=both", "10: expected public= behind the name"),
        ("publish:a,public=maybe", "10: expected public=yes or public=no"),
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
            "http:app,,/x${qs}y${}",
            "18: expected a variable such as ${HTTP_HOST}, ${REMOTE_ADDR}, ${qs[NAME]} or ${cookie[NAME]}",
        ),
        (
            "127.0.0.1:80",
            "0: an action starts with what is spoken there: write http:127.0.0.1:80 or \
             uwsgi:127.0.0.1:80",
        ),
        (
            "ath:news",
            "0: there is no action ath:; did you mean auth? (there are uwsgi:, http:, https:, tcp:, tcps:, echo:, static:, file:, channel:, publish:, last:",
        ),
        ("last:x", "5: expected nothing behind last:"),
        ("redirect:", "9: expected where to, as in redirect:https://example.com/$1"),
        ("redirect:/a b", "11: expected a URL without spaces"),
        ("break:", "6: expected a status from 200 to 599, as in break:403 Forbidden"),
        ("break:100 x", "6: expected a status from 200 to 599, as in break:403 Forbidden"),
        ("return:403 x", "7: expected a status from 200 to 599 and nothing else, as in return:403"),
        ("rewrite:x", "8: expected a path that starts with '/', as in rewrite:/v2/$1"),
        ("addheader:X", "10: expected NAME: VALUE, as in X-Frame-Options: DENY"),
        ("addheader:X Y: z", "10: expected the name of a header, as in X-Frame-Options"),
        ("addheader:Content-Length: 1", "10: Content-Length is written by the router itself"),
        ("delheader:Sec-WebSocket-Accept", "10: Sec-WebSocket-Accept is written by the router"),
        ("addrequestheader:Host: a", "17: Host is written by the router itself"),
        ("addrequestheader:X_Y: a", "17: a server may take a '_' in a name for a '-'; write a '-'"),
        ("addvar:1=a", "7: expected a name of letters, digits and '_' before '='"),
        ("addvar:CONTENT_LENGTH=1", "7: expected a name of letters, digits and '_' before '='"),
        ("allow:", "6: expected a network, as in 10.0.0.0/8"),
        ("deny:10.0.0.0/8,x", "16: expected an address or a network, as in"),
        ("hsts:x", "5: expected an age such as 31536000 or 8760h"),
        ("donotlog:x", "9: expected nothing behind donotlog:"),
        ("goto:", "5: there is no route-label = "),
        ("goto:en", "5: there is no route-label = en; did you mean end?"),
        ("goto:above", "5: route-label = above stands above: goto: leads only forward"),
        ("proxyhttp:a:1", "0: there is no action proxyhttp: here; http:ADDR takes HTTP and"),
        (
            "rpc:hello",
            "0: rpc: is an action of uWSGI's app server, which this is not; leave the rule in the app server's own file",
        ),
        (
            "expires:60",
            "0: there is no action expires: here; write addheader:Expires: DATE, or addheader:Cache-Control: max-age=SECONDS",
        ),
        (
            "harakiri:5",
            "0: there is no action harakiri: here; write http-timeout = SECONDS in a [route:NAME] section",
        ),
        (
            "static-next:/srv",
            "0: there is no action static-next: here; write route-if = isfile:DIR${PATH_INFO} static:DIR",
        ),
        (
            "hash:a",
            "0: there is no action hash: here; write balance = hash:${VAR} in an [upstream:NAME] section",
        ),
        (
            "cgi:/x",
            "0: there is no action cgi: here; write http:ADDR or uwsgi:ADDR of a server that runs it",
        ),
        (
            "uwsg:127.0.0.1:80",
            "0: there is no action uwsg:; did you mean uwsgi? (there are uwsgi:, http:, https:, tcp:, tcps:, echo:, static:, file:, channel:, publish:, last:",
        ),
        (
            "banana",
            "0: there is no action banana: (there are uwsgi:, http:, https:, tcp:, tcps:, echo:, static:, file:, channel:, publish:, last:",
        ),
    ] {
        let found = any(text).expect_err(text);
        assert!(found.starts_with(said), "{text}\n found {found}\nwanted {said}");
    }
}
