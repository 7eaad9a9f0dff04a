//! Keys about the access log and the diagnostic log.

use super::super::model::{LogFormat, LogLevel, LogTo};
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
                    draft.config.log.format = format(value)?;
                    Ok(())
                }),
            )
        }
        .default("combined")
        .says("`combined` (and our fields behind it) or `json`")
        .example("json"),
        key(
            "logto",
            Kind::Path,
            Set::Main(|draft, value| {
                draft.config.log.to = match value.filled("expected a file, stdout or stderr")? {
                    "stdout" | "-" => LogTo::Stdout,
                    "stderr" => LogTo::Stderr,
                    path => LogTo::File(path.into()),
                };
                Ok(())
            }),
        )
        .default("stdout")
        .says("where the access log goes: a file, `stdout` or `stderr`")
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

fn format(value: &Value) -> Result<LogFormat, Fault> {
    if value.text().contains("%(") {
        return Err(Fault::new(
            "formats of your own are not in this version; expected combined or json",
        ));
    }
    value.one_of(&[("combined", LogFormat::Combined), ("json", LogFormat::Json)])
}
