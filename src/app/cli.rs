//! The command line, made from the table of keys.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::ctl::{self, Ctl};
use super::explain::Question;
use crate::config::Given;
use crate::config::keys::{self, Key, Scope, Status};

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve.
    Run(Source),
    /// Report every problem.
    Check(Source),
    /// Say what becomes of a request.
    Explain(Source, Question),
    /// Show a page and a worker of our own.
    Demo(Demo),
    /// Talk to a running tidegate.
    Ctl(Ctl),
}

/// Where a configuration comes from: a file, options, or a file and options on top of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub file: Option<PathBuf>,
    /// Options that are keys, in the order they were given.
    pub options: Vec<Given>,
}

/// How the demo is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demo {
    /// Options of [`DEMO`].
    pub options: Vec<Given>,
    /// Where it also speaks TLS.
    pub tls: Option<String>,
}

/// Where the demo speaks TLS, unless told otherwise.
const DEMO_TLS_AT: &str = "127.0.0.1:8443";

/// Options the demo takes.
pub const DEMO: [&str; 6] = ["http", "workers", "admin", "log-level", "logto", "disable-logging"];

/// What a command line that cannot be carried out ends with; so does a bad configuration.
pub const BAD_USE: u8 = 2;

const USAGE: &str = "\
tidegate [OPTIONS] FILE.ini
       tidegate --http ADDR --http-to ADDR [--route 'REGEX ACTION']...
       tidegate check [OPTIONS] FILE.ini [--explain 'GET https://host/path']
       tidegate ctl [FILE.ini] status | sessions | kill | check | reload | drain
       tidegate demo [--tls]";

const AFTER_HELP: &str = "\
Options are the keys of FILE.ini and come on top of it: they add to its lists and replace the rest.
ADDR is 127.0.0.1:8080, :8080, [::1]:8080, unix:/run/app.sock, @abstract or name:port. ACTION is such as
uwsgi:ADDR[,MOD1,MOD2], http:ADDR[,HOST[,URI]], static:DIR or redirect:URL. DURATION is 250ms, 30s, 5m or 1h; SIZE is 64k or 1m.

Exit codes: 0 stopped as asked, 1 failed while running, 2 bad command line or configuration.";

/// Reads the command line. What it is not fit for is said, as are help and version; then the exit
/// code is what is left to do.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, ExitCode> {
    read(arguments).map_err(|error| {
        // Nobody is left to tell when standard output or error are closed.
        let _ = error.print();
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
            _ => ExitCode::from(BAD_USE),
        }
    })
}

fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(arguments)?;
    Ok(match matches.subcommand() {
        Some(("check", matches)) => match question(matches) {
            Some(question) => Command::Explain(source(matches), question),
            None => Command::Check(source(matches)),
        },
        Some(("demo", matches)) => Command::Demo(Demo {
            options: options(matches),
            tls: matches.get_one::<String>("tls").cloned(),
        }),
        Some(("ctl", matches)) => Command::Ctl(ctl::read(matches)),
        Some((_, matches)) => Command::Run(source(matches)),
        None => Command::Run(source(&matches)),
    })
}

/// The whole command line.
fn command() -> clap::Command {
    let configured = |name: &'static str, about: &'static str| {
        with_source(clap::Command::new(name).about(about))
    };
    let demo = clap::Command::new("demo")
        .about("Run on 127.0.0.1:8080 with a worker and a page of its own")
        .args(keys::all().filter(|key| DEMO.contains(&key.name)).map(option))
        .arg(demo_tls());
    with_source(clap::Command::new("tidegate"))
        .about("A front-line HTTP and WebSocket router")
        .version(env!("CARGO_PKG_VERSION"))
        .override_usage(USAGE)
        .after_help(AFTER_HELP)
        .arg_required_else_help(true)
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .subcommand(configured("run", "Serve; the same as without a command"))
        .subcommand(
            configured("check", "Report every problem of a configuration; 0 when it is fine")
                .next_help_heading("Explaining")
                .args(explaining()),
        )
        .subcommand(demo)
        .subcommand(ctl::command())
}

/// The options that say which request is to be explained.
fn explaining() -> [Arg; 3] {
    let option = |name| Arg::new(name).long(name).num_args(1);
    [
        option("explain")
            .value_name("REQUEST")
            .help("Say which rule takes a request, and why the earlier ones did not: 'GET https://host/path'"),
        option("header")
            .value_name("LINE")
            .requires("explain")
            .action(ArgAction::Append)
            .help("A field of that request, 'Name: value' [repeatable]"),
        option("from").value_name("IP").requires("explain").help("Who sends it [default: 127.0.0.1]"),
    ]
}

/// The request that is to be explained, if one is.
fn question(matches: &ArgMatches) -> Option<Question> {
    let headers = matches.get_many::<String>("header").into_iter().flatten();
    Some(Question {
        request: matches.get_one::<String>("explain")?.clone(),
        headers: headers.cloned().collect(),
        from: matches.get_one::<String>("from").cloned(),
    })
}

fn demo_tls() -> Arg {
    Arg::new("tls")
        .long("tls")
        .value_name("ADDR")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value(DEMO_TLS_AT)
        .help("Also listen for HTTPS, with a certificate made for this run")
}

/// `command` with a file and all keys of the main section as options.
fn with_source(command: clap::Command) -> clap::Command {
    let file = Arg::new("FILE").value_parser(value_parser!(PathBuf)).help("The configuration");
    let mut command = command.arg(file).arg_required_else_help(true);
    for group in keys::GROUPS {
        let mine = group.keys.iter().filter(|key| key.is_for(Scope::Main));
        command = command.next_help_heading(group.title).args(mine.map(option));
    }
    command
}

/// The option that a key is. What only serves to say why it cannot be had is not listed.
fn option(key: &'static Key) -> Arg {
    let option = Arg::new(key.name)
        .long(key.name)
        .aliases(key.aliases)
        .action(ArgAction::Append)
        .value_name(key.kind.placeholder())
        .hide(!key.is_built())
        .help(help(key));
    if key.kind.stands_alone() {
        option.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        option.num_args(1)
    }
}

fn help(key: &Key) -> String {
    let mut help = key.meaning.replace('`', "");
    match (key.default, key.unset) {
        (Some(default), _) => help.push_str(&format!(" [default: {default}]")),
        (None, "") => {}
        (None, unset) => help.push_str(&format!(" [default: {}]", unset.replace('`', ""))),
    }
    if key.list && key.status() == Status::Built {
        help.push_str(" [repeatable]");
    }
    help
}

fn source(matches: &ArgMatches) -> Source {
    Source { file: matches.get_one::<PathBuf>("FILE").cloned(), options: options(matches) }
}

/// The options given, in their order.
fn options(matches: &ArgMatches) -> Vec<Given> {
    let mut found = Vec::new();
    for key in keys::all().filter(|key| key.is_for(Scope::Main)) {
        let Ok(Some(values)) = matches.try_get_many::<String>(key.name) else { continue };
        let places = matches.indices_of(key.name).into_iter().flatten();
        for (place, value) in places.zip(values) {
            let given = Given { key: key.name.into(), value: Some(value.clone()) };
            found.push((place, given));
        }
    }
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, given)| given).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::ctl::Order;

    fn ask(line: &[&str]) -> Result<Command, clap::Error> {
        read(std::iter::once("tidegate").chain(line.iter().copied()).map(OsString::from))
    }

    fn given(key: &str, value: &str) -> Given {
        Given { key: key.into(), value: Some(value.into()) }
    }

    fn from(file: &str, options: &[Given]) -> Source {
        let file = (!file.is_empty()).then(|| file.into());
        Source { file, options: options.to_vec() }
    }

    #[test]
    fn the_table_makes_a_sound_command_line() {
        command().debug_assert();
    }

    #[test]
    fn commands() {
        let run = |source| Command::Run(source);
        for (line, command) in [
            (&["site.ini"][..], run(from("site.ini", &[]))),
            (&["run", "site.ini"], run(from("site.ini", &[]))),
            (&["check", "site.ini"], Command::Check(from("site.ini", &[]))),
            (
                &[
                    "check",
                    "site.ini",
                    "--explain",
                    "http://a/",
                    "--header",
                    "A: b",
                    "--from",
                    "::1",
                ],
                Command::Explain(
                    from("site.ini", &[]),
                    Question {
                        request: "http://a/".into(),
                        headers: vec!["A: b".into()],
                        from: Some("::1".into()),
                    },
                ),
            ),
            (&["demo"], Command::Demo(Demo::default())),
            (
                &["demo", "--http", ":90", "--tls"],
                Command::Demo(Demo {
                    options: vec![given("http", ":90")],
                    tls: Some("127.0.0.1:8443".into()),
                }),
            ),
            (
                &["demo", "--tls=:443"],
                Command::Demo(Demo { tls: Some(":443".into()), ..Demo::default() }),
            ),
            (
                &["ctl", "a.ini", "drain"],
                Command::Ctl(Ctl { admin: None, file: Some("a.ini".into()), order: Order::Drain }),
            ),
            (
                &["--http", ":80", "--http-websockets", "site.ini"],
                run(from("site.ini", &[given("http", ":80"), given("http-websockets", "true")])),
            ),
        ] {
            assert_eq!(ask(line).unwrap(), command, "{line:?}");
        }
    }

    #[test]
    fn options_keep_their_order_and_go_by_their_first_name() {
        let line = [
            "--http=:8080",
            "--route",
            "^/a http:a:1",
            "--http-to",
            "b:1",
            "--route-host",
            "^c$ http:c:1",
            "--http-workers",
            "2",
            "--route",
            "^/d uwsgi:d:1",
            "--http-keepalive",
        ];
        let options = [
            given("http", ":8080"),
            given("route", "^/a http:a:1"),
            given("http-to", "b:1"),
            given("route-host", "^c$ http:c:1"),
            given("workers", "2"),
            given("route", "^/d uwsgi:d:1"),
            given("http-keepalive", "true"),
        ];
        assert_eq!(ask(&line).unwrap(), Command::Run(from("", &options)));
    }

    #[test]
    fn bad_lines() {
        for (line, said) in [
            (&["--htpt", ":80"][..], "--http"),
            (&["a.ini", "b.ini"], "b.ini"),
            (&["check"], "Usage: tidegate check"),
            (&[], "Usage: tidegate [OPTIONS] FILE.ini"),
            (&["--http"], "a value is required"),
            (&["demo", "--http-to", "a:1"], "--http-to"),
        ] {
            let error = ask(line).unwrap_err();
            assert!(error.to_string().contains(said), "{line:?}: {error}");
            assert_ne!(error.exit_code(), 0, "{line:?}");
        }
        assert_eq!(ask(&["--version"]).unwrap_err().kind(), ErrorKind::DisplayVersion);
        let help = ask(&["--help"]).unwrap_err().to_string();
        assert!(help.contains("--http-to <ADDR>") && !help.contains("--https2"), "{help}");
    }
}
