//! Keys about the access log and the diagnostic log.

use super::super::log_format::LogFormat;
use super::super::model::{LogLevel, LogTo};
use super::super::syslog::Syslog;
use super::super::value::{Fault, Value};
use super::{Group, Key, Kind, Set, key};

const LEVELS: [(&str, LogLevel); 6] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("warning", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

pub(super) const GROUP: Group = Group {
    title: "Logs",
    intro: "One line per exchange goes to the access log, two per WebSocket; everything else to \
            standard error.",
    keys: &[
        Key {
            expand: false,
            ..key(
                "log-format",
                Kind::Word,
                Set::Main(|draft, value| {
                    draft.config.log.format = LogFormat::parse(value.text())?;
                    Ok(())
                }),
            )
        }
        .default("combined")
        .says("`combined` (and our fields behind it), `json`, or a line with uWSGI's variables in it: [operating.md](operating.md#the-access-log)")
        .example("%(addr) [%(ltime)] \"%(method) %(uri)\" %(status) %(msecs)"),
        key(
            "logto",
            Kind::Path,
            Set::Main(|draft, value| {
                draft.config.log.to = log_to(value)?;
                Ok(())
            }),
        )
        .default("stdout")
        .says("where the access log goes: a file, `stdout`, `stderr`, `syslog[:NAME[,FACILITY]]` or `rsyslog:ADDR[,NAME[,FACILITY]]`, \
             all as uWSGI writes them")
        .example("/var/log/tidegate/access.log"),
        key(
            "disable-logging",
            Kind::Flag,
            Set::Main(|draft, value| {
                draft.config.log.access = !value.flag()?;
                Ok(())
            }),
        )
        .default("off")
        .says("no access log")
        .example("on"),
        key(
            "log-level",
            Kind::Word,
            Set::Main(|draft, value| {
                draft.config.log.level = value.one_of(&LEVELS)?;
                Ok(())
            }),
        )
        .default("info")
        .says("least severe diagnostic that is logged: `error`, `warn`, `info`, `debug` or `trace`")
        .example("debug"),
    ],
};

fn log_to(value: &Value) -> Result<LogTo, Fault> {
    let text = value.filled("expected a file, stdout, stderr or syslog")?;
    Ok(match text {
        "stdout" | "-" => LogTo::Stdout,
        "stderr" => LogTo::Stderr,
        _ => match Syslog::parse(text) {
            Some(syslog) => LogTo::Syslog(syslog?),
            None => LogTo::File(text.into()),
        },
    })
}
