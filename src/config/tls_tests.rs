//! Tests of what is configured of TLS.

use super::super::{Config, Surroundings, parse};
use super::*;

fn read(lines: &str) -> (Config, Vec<String>) {
    let text = format!("[tidegate]\nhttp-to = a:1\n{lines}\n");
    let (config, problems) = parse(text.as_bytes(), "t", &Surroundings::none());
    (config, problems.iter().map(ToString::to_string).collect())
}

fn shown(presented: &TlsPresented) -> String {
    let TlsPresented { certificate, key, clients } = presented;
    let clients = clients.as_ref().map_or(String::new(), |clients| {
        let mark = if clients.mandatory { " !" } else { " " };
        format!("{mark}{} at {}", clients.authorities.value.display(), clients.authorities.place)
    });
    format!("{} {}{clients}", certificate.value.display(), key.value.display())
}

#[test]
fn listeners_in_the_order_of_uwsgi() {
    let (config, problems) = read(
        "https = :443,/a.pem, /a.key\nhttps = [::1]:444,/a.pem,/a.key,HIGH\n\
         https = :445,/a.pem,/a.key,,/ca.pem\nhttps = :446,/a.pem,/a.key,,! /ca.pem",
    );
    let found: Vec<String> = config
        .tls
        .listeners
        .iter()
        .map(|l| format!("{} {}", l.address.value, shown(&l.presented)))
        .collect();
    assert_eq!(
        found,
        [
            "0.0.0.0:443 /a.pem /a.key",
            "[::1]:444 /a.pem /a.key",
            "0.0.0.0:445 /a.pem /a.key /ca.pem at t:5:29",
            "0.0.0.0:446 /a.pem /a.key !/ca.pem at t:6:31",
        ]
    );
    let said = "t:4:33: notice: [tidegate] https = \"[::1]:444,/a.pem,/a.key,HIGH\": the ciphers \
                \"HIGH\" are OpenSSL's and without effect here; https-ciphers says which are agreed on";
    assert_eq!(problems, [said]);
}

#[test]
fn names_are_compared_in_lower_case() {
    let (config, problems) = read(
        "https = :443,/a,/b\nsni = *.Example.com /c,/d\nsni = WWW.example.com\t/e,/f,,!/g\n\
         sni = www.EXAMPLE.com /h,/i",
    );
    let names: Vec<&str> = config.tls.names.iter().map(|name| name.name.value.as_str()).collect();
    assert_eq!(names, ["*.example.com", "www.example.com"]);
    assert!(config.tls.names[1].presented.clients.as_ref().unwrap().mandatory);
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].ends_with("this name has a certificate already, from t:5:7"),
        "{problems:?}"
    );
}

#[test]
fn names_of_the_two_kinds_of_listeners_are_of_one_kind() {
    let (_, problems) = read("http = :80\nhttps = :80,/a,/b\nadmin = :80");
    assert!(problems[0].contains("listened on already, from t:3:8"), "{problems:?}");
    let (_, problems) = read("https = 127.0.0.1:80,/a,/b\nadmin = 127.0.0.1:80");
    assert!(problems[0].contains("clients come in there, by t:3:9"), "{problems:?}");
    let (config, problems) =
        read("http = :0\nhttp = :0\nhttps = :0,/a,/b\nhttps = :0,/a,/b\nadmin = 127.0.0.1:0");
    assert_eq!((config.listeners.len(), config.tls.listeners.len()), (2, 2));
    assert_eq!(problems, [""; 0]);
}

#[test]
fn what_nobody_uses_is_said() {
    let (_, problems) = read("http = :80\nsni = a.example /a,/b\nhttps-crl = /c");
    assert_eq!(
        problems,
        [
            "t:4:7: warning: sni: there is no https to present this certificate",
            "t:5:13: warning: https-crl: no client is asked for a certificate",
        ]
    );
}

#[test]
fn a_file_of_uwsgi_is_taken() {
    let text = "[uwsgi]\nhttps = :443,/a,/b,HIGH:!aNULL,!/ca\nsni = a.example /c,/d\nsocket = :3031\n\
                ssl-sessions-use-cache = x\nwsgi-file = app.py\n";
    let (config, problems) = parse(text.as_bytes(), "u", &Surroundings::none());
    assert!(!problems.iter().any(crate::base::Problem::is_error), "{problems:?}");
    assert_eq!((config.tls.listeners.len(), config.tls.names.len()), (1, 1));
    assert_eq!(config.http_to.len(), 1, "the socket is where requests go");
}
