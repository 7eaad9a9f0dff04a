//! `channel-bus`: what is read of a URL, what is said of a wrong one, and that no password is ever shown.

use super::*;
use crate::base::Place;

fn value(text: &str) -> Value {
    let place = Place { file: "a.ini".into(), line: 3, column: 15 };
    Value::new("[tidegate] channel-bus =", text, text, place, false)
}

fn read(text: &str) -> Bus {
    parse(&value(text)).expect("a bus")
}

fn refused(text: &str) -> String {
    let value = value(text);
    let problem = value.error(&parse(&value).expect_err("a fault"));
    format!("{}: {}", problem.place.expect("a place").column, problem.message)
}

#[test]
fn a_url_says_where_it_is_and_who_we_are() {
    let bus = read("redis://10.0.0.9:6380/2?prefix=chat:");
    assert_eq!((&*bus.host, bus.port, &*bus.prefix), ("10.0.0.9", 6380, "chat:"));
    assert_eq!(bus.engine, Engine::Redis { database: 2, tls: false });
    assert_eq!((bus.user, bus.password, bus.passfile), (None, None, None));

    let bus = read("rediss://ann:p%40s:s@Redis.example.com");
    assert_eq!((&*bus.host, bus.port, &*bus.prefix), ("redis.example.com", 6379, "tidegate:"));
    assert_eq!(bus.engine, Engine::Redis { database: 0, tls: true });
    assert_eq!(bus.user.as_deref(), Some("ann"));
    assert_eq!(bus.password, Some(Secretive("p@s:s".into())));

    let bus = read("nats://:secret@[::1]?prefix=a.b.");
    assert_eq!((&*bus.host, bus.port, &*bus.prefix), ("::1", 4222, "a.b."));
    assert_eq!((bus.engine, &bus.user), (Engine::Nats, &None));
    assert_eq!(bus.to_string(), "nats://[::1]:4222");

    let bus = read("redis://h?passfile=/etc/redis.pass&prefix=x");
    assert_eq!((bus.passfile, &*bus.prefix), (Some("/etc/redis.pass".into()), "x"));
}

#[test]
fn what_is_wrong_is_said_with_its_column() {
    for (text, said) in [
        (
            "localhost:6379",
            "15: [tidegate] channel-bus = \"localhost:6379\": expected redis://HOST:PORT/DB, ",
        ),
        (
            "http://a:1",
            "15: [tidegate] channel-bus = \"http://a:1\": expected redis://HOST:PORT/DB, ",
        ),
        ("redis://", "23: [tidegate] channel-bus = \"redis://\": expected HOST:PORT behind ://"),
        (
            "redis://:6379",
            "23: [tidegate] channel-bus = \"redis://:6379\": expected HOST:PORT behind ://",
        ),
        (
            "redis://a:1/x",
            "27: [tidegate] channel-bus = \"redis://a:1/x\": expected the number of a database",
        ),
        (
            "redis://a:1/70000",
            "27: [tidegate] channel-bus = \"redis://a:1/70000\": expected the number of a database",
        ),
        (
            "nats://a:1/1",
            "26: [tidegate] channel-bus = \"nats://a:1/1\": expected nothing behind the address",
        ),
        (
            "redis://a:1?prefix=a b",
            "27: [tidegate] channel-bus = \"redis://a:1?prefix=a b\": expected prefix= with",
        ),
        (
            "nats://a:1?prefix=a..b",
            "26: [tidegate] channel-bus = \"nats://a:1?prefix=a..b\": expected prefix= with",
        ),
        (
            "redis://a:1?prefix=a&prefux=b",
            "36: [tidegate] channel-bus = \"redis://a:1?prefix=a&prefux=b\": expected prefix= or passfile= there; did you mean prefix?",
        ),
    ] {
        let refused = refused(text);
        assert!(refused.starts_with(said), "{text}: {refused}");
    }
}

#[test]
fn a_password_is_never_shown() {
    for text in [
        "redis://:hush@h:99999",
        "redis://:hush@h:1/x",
        "redis://ann:hu%zzsh@h:1",
        "redis://:hu/sh@h:1",
        "redis://:hush@h:1?passfile=/x",
        "http://hush:hush@h",
        "redis:/ann:hush@h",
        "redis:ann:hush@h",
    ] {
        let refused = refused(text);
        assert!(!refused.contains("hu") && refused.contains("...@h"), "{refused}");
    }
    let bus = read("redis://ann:hush@h:1");
    assert!(!format!("{bus} {bus:?}").contains("hush"));
}
