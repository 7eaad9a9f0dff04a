//! The command line of `tidegate ctl`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};

use crate::base::Address;

/// Tunnels named in one request at most: it must fit its line.
const IDS: usize = 200;

/// What a running tidegate is to be asked, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ctl {
    /// `--admin`.
    pub admin: Option<Address>,
    /// The file it runs with.
    pub file: Option<PathBuf>,
    /// What.
    pub order: Order,
}

/// One thing to be asked or done. Queries begin with `?`, or are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Figures.
    Status {
        /// As it came.
        json: bool,
    },
    /// Live WebSockets.
    Sessions {
        /// Which.
        query: String,
        /// As it came.
        json: bool,
    },
    /// Close WebSockets.
    Kill {
        /// Which; one request each.
        queries: Vec<String>,
        /// How many were named, where they were.
        wanted: Option<u64>,
    },
    /// Read the configuration again, without using it.
    Check,
    /// Stop when all is said.
    Drain,
    /// Use the configuration as it is now.
    Reload,
}

/// The subcommand.
pub(in super::super) fn command() -> Command {
    let json =
        Arg::new("json").long("json").action(ArgAction::SetTrue).help("As the router says it");
    let one = |name, about| Command::new(name).about(about);
    Command::new("ctl")
        .about("Ask a running tidegate, or tell it something, through its admin socket")
        .override_usage("tidegate ctl [--admin ADDR] [FILE.ini] COMMAND")
        .after_help("Exit codes: 0 done, 1 not done, 2 bad command line or configuration.")
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(
            Arg::new("admin")
                .long("admin")
                .value_name("ADDR")
                .value_parser(value_parser!(Address))
                .help("Where it listens [default: what FILE.ini says, or unix:/run/tidegate.sock]"),
        )
        .arg(
            Arg::new("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The configuration it runs with"),
        )
        .subcommand(one("status", "What it has done, and what it holds").arg(json.clone()))
        .subcommand(
            one("sessions", "Its live WebSockets and raw tunnels")
                .args(conditions())
                .arg(ids("id").long("id").action(ArgAction::Append).help("Only this one"))
                .arg(
                    Arg::new("limit")
                        .long("limit")
                        .value_name("N")
                        .value_parser(value_parser!(u64))
                        .help("So many at most"),
                )
                .arg(json),
        )
        .subcommand(
            one("kill", "Close WebSockets: both ends are told 1001, and may answer")
                .arg(
                    ids("ID")
                        .num_args(1..)
                        .help("As sessions and the access log (tunnel=) name it"),
                )
                .args(conditions())
                .arg(Arg::new("all").long("all").action(ArgAction::SetTrue).help("All there are"))
                .group(
                    ArgGroup::new("which")
                        .args(["ID", "route", "client", "upstream", "all"])
                        .required(true)
                        .multiple(true),
                )
                .mut_arg("all", |all| {
                    all.conflicts_with_all(["ID", "route", "client", "upstream"])
                }),
        )
        .subcommand(one("check", "Read its configuration again: is it sound? changes nothing"))
        .subcommand(one("drain", "Stop as at a TERM: what goes on may end within drain-timeout"))
        .subcommand(one(
            "reload",
            "Go over to its configuration as it is now; what goes on is not cut",
        ))
}

fn conditions() -> [Arg; 3] {
    let client = |text: &str| match text.parse::<IpAddr>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) if text == "unix" => Ok(text.to_owned()),
        Err(_) => Err("expected an IP address, or unix"),
    };
    [
        Arg::new("route").long("route").value_name("NAME").help("Only those of this route"),
        Arg::new("client")
            .long("client")
            .value_name("IP")
            .value_parser(client)
            .help("Only those of this client"),
        Arg::new("upstream")
            .long("upstream")
            .value_name("ADDR")
            .help("Only those with the server at this address, as sessions shows it"),
    ]
}

fn ids(name: &'static str) -> Arg {
    Arg::new(name).value_name("ID").value_parser(value_parser!(u64))
}

/// What the subcommand's arguments say.
pub(in super::super) fn read(matches: &ArgMatches) -> Ctl {
    let order = match matches.subcommand() {
        Some(("status", more)) => Order::Status { json: more.get_flag("json") },
        Some(("sessions", more)) => {
            let limit = more.get_one::<u64>("limit").map(|limit| ("limit", limit.to_string()));
            let parts = named(more, "id").into_iter().chain(others(more)).chain(limit);
            Order::Sessions { query: query(parts), json: more.get_flag("json") }
        }
        Some(("kill", more)) => kill(more),
        Some(("check", _)) => Order::Check,
        Some(("drain", _)) => Order::Drain,
        _ => Order::Reload,
    };
    Ctl {
        admin: matches.get_one::<Address>("admin").cloned(),
        file: matches.get_one::<PathBuf>("FILE").cloned(),
        order,
    }
}

fn kill(matches: &ArgMatches) -> Order {
    if matches.get_flag("all") {
        return Order::Kill { queries: vec!["?all=1".into()], wanted: None };
    }
    let mut ids = named(matches, "ID");
    ids.sort();
    ids.dedup();
    if ids.is_empty() {
        return Order::Kill { queries: vec![query(others(matches))], wanted: None };
    }
    let some = |ids: &[Part]| query(ids.iter().cloned().chain(others(matches)));
    Order::Kill { queries: ids.chunks(IDS).map(some).collect(), wanted: Some(ids.len() as u64) }
}

/// A part of a query.
type Part = (&'static str, String);

fn named(matches: &ArgMatches, name: &str) -> Vec<Part> {
    let ids = matches.get_many::<u64>(name).unwrap_or_default();
    ids.map(|id| ("id", id.to_string())).collect()
}

fn others(matches: &ArgMatches) -> impl Iterator<Item = Part> {
    ["route", "client", "upstream"]
        .into_iter()
        .filter_map(|name| Some((name, matches.get_one::<String>(name)?.clone())))
}

fn query(parts: impl IntoIterator<Item = Part>) -> String {
    let mut query = String::new();
    for (name, value) in parts {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(name);
        query.push('=');
        for byte in value.bytes() {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' => {
                    query.push(byte.into())
                }
                _ => query.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Ctl, clap::Error> {
        let matches = command().try_get_matches_from(line.split_whitespace())?;
        Ok(read(&matches))
    }

    #[test]
    fn commands() {
        let status = Order::Status { json: false };
        for (line, admin, file, order) in [
            ("ctl status", None, None, status.clone()),
            ("ctl site.ini status", None, Some("site.ini"), status.clone()),
            ("ctl --admin unix:/s status", Some("unix:/s"), None, status.clone()),
            ("ctl --admin=[::1]:1 a.ini status", Some("[::1]:1"), Some("a.ini"), status),
            ("ctl status --json", None, None, Order::Status { json: true }),
            ("ctl drain", None, None, Order::Drain),
            ("ctl check", None, None, Order::Check),
            ("ctl reload", None, None, Order::Reload),
        ] {
            let ctl = Ctl {
                admin: admin.map(|text| text.parse().expect("an address")),
                file: file.map(PathBuf::from),
                order,
            };
            assert_eq!(parse(line).expect(line), ctl);
        }
    }

    #[test]
    fn queries() {
        for (line, query) in [
            ("ctl sessions", ""),
            ("ctl sessions --route ^/a&b --limit 5", "?route=%5E%2Fa%26b&limit=5"),
            ("ctl sessions --id 1 --id=2 --client ::1", "?id=1&id=2&client=%3A%3A1"),
        ] {
            let order = Order::Sessions { query: query.into(), json: false };
            assert_eq!(parse(line).expect(line).order, order, "{line}");
        }
        for (line, query, wanted) in [
            ("ctl kill 7 8 7", "?id=7&id=8", Some(2)),
            ("ctl kill --all", "?all=1", None),
            ("ctl kill --route a --client unix", "?route=a&client=unix", None),
            ("ctl kill --upstream 10.0.0.5:8000", "?upstream=10.0.0.5%3A8000", None),
            ("ctl kill 7 --route a", "?id=7&route=a", Some(1)),
        ] {
            let order = Order::Kill { queries: vec![query.into()], wanted };
            assert_eq!(parse(line).expect(line).order, order, "{line}");
        }
        let many: Vec<String> = (0..IDS + 1).map(|id| id.to_string()).collect();
        let Order::Kill { queries, wanted } =
            parse(&format!("ctl kill {}", many.join(" "))).unwrap().order
        else {
            panic!("no kill")
        };
        assert_eq!((queries.len(), wanted), (2, Some(IDS as u64 + 1)));
        assert!(queries[0].len() < 4 << 10);
    }

    #[test]
    fn bad_lines() {
        for line in [
            "ctl",
            "ctl kill",
            "ctl kill --all 7",
            "ctl kill x",
            "ctl kill --client me",
            "ctl sessions --limit -1",
            "ctl --admin nowhere status",
            "ctl a.ini b.ini status",
            "ctl status more",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
