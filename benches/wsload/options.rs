//! What the command line asks of the load generator.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use tidegate::proto::ws::DeflateParams;

use crate::tls::{Terms, Version};

/// What each connection does once it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Echo messages until the time is over.
    Echo,
    /// Echo one message, then stay open and silent.
    Idle,
    /// Echo one message, close, open again.
    Churn,
    /// GET again and again.
    Get,
    /// GET once, with `Connection: close`, then open again.
    Handshakes,
}

/// What messages are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Printable bytes, hardly to be compressed.
    Noise,
    /// Records such as applications send.
    Json,
}

/// One run, as the command line describes it.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    /// Of which each has as many connections.
    pub(crate) servers: Vec<SocketAddr>,
    /// Of the first.
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) connections: usize,
    /// Payload bytes per message.
    pub(crate) size: usize,
    /// Messages under way per connection, in a saturated run.
    pub(crate) depth: u64,
    /// Messages or requests per second over all connections (open loop); `None` saturates.
    pub(crate) rate: Option<u64>,
    pub(crate) duration: Option<Duration>,
    pub(crate) text: bool,
    pub(crate) payload: Payload,
    /// What is offered of permessage-deflate, which must be agreed then.
    pub(crate) deflate: Option<DeflateParams>,
    /// The version of TLS; `None`: there is none.
    pub(crate) tls: Option<Version>,
    /// A connection that follows another resumes its TLS session.
    pub(crate) resume: bool,
    pub(crate) json: bool,
}

impl Options {
    /// Reads the command line; `None` without an address. Prints help or the fault and exits where clap does.
    pub(crate) fn from_args() -> Result<Option<Options>, String> {
        // `cargo bench` adds `--bench` to the arguments of every target it runs.
        let args = std::env::args().filter(|arg| arg != "--bench");
        let args = command().get_matches_from(args);
        match args.get_one::<String>("url") {
            Some(url) => Options::read(url, &args).map(Some),
            None => {
                println!("{}", command().render_usage());
                Ok(None)
            }
        }
    }

    fn read(url: &str, args: &ArgMatches) -> Result<Options, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("ws", url));
        let (host, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        let others = args.get_many::<String>("also").into_iter().flatten().map(String::as_str);
        let servers = std::iter::once(host).chain(others).map(resolve).collect::<Result<_, _>>()?;
        let number = |name: &str| args.get_one::<u64>(name).copied();
        let mode = match args.get_one::<String>("mode").map(String::as_str) {
            Some("idle") => Mode::Idle,
            Some("churn") => Mode::Churn,
            Some("get") => Mode::Get,
            Some("handshakes") => Mode::Handshakes,
            _ => Mode::Echo,
        };
        let version = match args.get_one::<String>("tls").map(String::as_str) {
            Some("1.2") => Version::Tls12,
            _ => Version::Tls13,
        };
        let tls = match scheme {
            "ws" | "http" => None,
            "wss" | "https" => Some(version),
            _ => return Err(format!("{scheme}: expected ws, wss, http or https")),
        };
        let seconds = args.get_one::<f64>("duration").copied();
        if seconds.is_none() && mode != Mode::Idle {
            return Err("--duration is needed except in idle mode".to_owned());
        }
        let payload = match args.get_one::<String>("payload").map(String::as_str) {
            Some("json") => Payload::Json,
            _ => Payload::Noise,
        };
        let deflate = args.get_one::<String>("deflate").map(|kind| {
            let alone = kind == "alone";
            let (server_no_takeover, client_no_takeover) = (alone, alone);
            // Without a word on our own window: the messages are ready before the answer comes.
            DeflateParams { server_no_takeover, client_no_takeover, ..DeflateParams::default() }
        });
        Ok(Options {
            mode,
            servers,
            host: host.to_owned(),
            path: path.to_owned(),
            connections: number("connections").unwrap_or(1) as usize,
            size: number("size").unwrap_or(125) as usize,
            depth: number("depth").unwrap_or(1),
            rate: number("rate"),
            duration: seconds.map(Duration::from_secs_f64),
            text: args.get_flag("text"),
            payload,
            deflate,
            tls,
            resume: args.get_flag("resume"),
            json: args.get_flag("json"),
        })
    }

    /// Where the connection of this number goes: to each server as many, but not strictly in turn, since messages are sent
    /// in the order of connections and two in a row shall go to the same server now and then.
    pub(crate) fn server(&self, index: usize) -> SocketAddr {
        const GOLDEN: f64 = 0.618_034;
        let place = (index as f64 * GOLDEN).fract();
        self.servers[(place * self.servers.len() as f64) as usize]
    }

    /// What connections begin TLS with, where there is TLS.
    pub(crate) fn terms(&self) -> io::Result<Option<Terms>> {
        self.tls.map(|version| Terms::new(version, self.resume, self.connections)).transpose()
    }
}

fn resolve(host: &str) -> Result<SocketAddr, String> {
    let mut found = host.to_socket_addrs().map_err(|error| format!("{host}: {error}"))?;
    found.next().ok_or_else(|| format!("{host}: no address"))
}

fn command() -> Command {
    let number = |name: &'static str, default: &'static str, help: &'static str| {
        let parser = value_parser!(u64).range(1..);
        Arg::new(name)
            .long(name)
            .value_name("N")
            .default_value(default)
            .value_parser(parser)
            .help(help)
    };
    Command::new("wsload")
        .about("WebSocket and HTTP load on one thread; every echo is checked byte for byte")
        .arg(Arg::new("url").value_name("ws[s]://HOST:PORT/PATH").help("or http[s]"))
        .arg(
            Arg::new("also")
                .long("also")
                .value_name("HOST:PORT")
                .action(ArgAction::Append)
                .help("another server, for the same path, with as many of the connections"),
        )
        .arg(
            Arg::new("mode")
                .long("mode")
                .default_value("echo")
                .value_parser(["echo", "idle", "churn", "get", "handshakes"])
                .help(
                    "echo; idle: one message each, then hold until stdin ends; churn: open, echo, close;\n\
                     get: over HTTP, on connections that stay; handshakes: the same, on a new one each time",
                ),
        )
        .arg(number("connections", "1", "connections held open").short('c'))
        .arg(number("size", "125", "payload bytes per message").short('s'))
        .arg(number("depth", "1", "messages under way per connection"))
        .arg(
            Arg::new("rate")
                .long("rate")
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..))
                .help("messages, or requests of mode get, per second in all (open loop); without it as fast as they come back"),
        )
        .arg(
            Arg::new("duration")
                .long("duration")
                .short('d')
                .value_name("SECONDS")
                .value_parser(value_parser!(f64))
                .help("how long; in idle mode the longest hold"),
        )
        .arg(Arg::new("text").long("text").action(ArgAction::SetTrue).help("text frames, not binary"))
        .arg(
            Arg::new("payload")
                .long("payload")
                .default_value("noise")
                .value_parser(["noise", "json"])
                .help("printable noise, or records in JSON"),
        )
        .arg(
            Arg::new("deflate")
                .long("deflate")
                .value_name("HOW")
                .value_parser(["alone", "takeover"])
                .help("permessage-deflate: each message alone, or with the other side's windows kept"),
        )
        .arg(
            Arg::new("tls")
                .long("tls")
                .value_name("VERSION")
                .default_value("1.3")
                .value_parser(["1.2", "1.3"])
                .help("the version of TLS over wss and https; always AES-128-GCM, and X25519"),
        )
        .arg(
            Arg::new("resume")
                .long("resume")
                .action(ArgAction::SetTrue)
                .help("connections resume the TLS session of the one they follow"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("one line of JSON"))
}
