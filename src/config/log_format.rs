//! `log-format`: combined, JSON, or a line of one's own as uWSGI writes it: `%(addr) "%(method) %(uri)" %(status)`.

use std::sync::Arc;

use super::nearest::hint;
use super::value::Fault;

/// Format of a line of the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Apache's combined format with fields of ours behind it.
    Combined,
    /// One JSON object per line.
    Json,
    /// Text with variables in it.
    Own(Arc<[LogPiece]>),
}

/// A piece of a format of one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPiece {
    /// Taken as it is.
    Text(String),
    /// What the request says.
    Asked(Asked),
    /// What is known when the exchange ends.
    Seen(Seen),
}

/// What a request says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Asked {
    Method,
    /// The canonical path and the query.
    Uri,
    /// The target as it came.
    Raw,
    Protocol,
    /// The effective host.
    Host,
    /// The name of Basic credentials, whether or not anybody has checked them.
    User,
    /// The first field of this name, in lower case with hyphens.
    Field(String),
}

/// What is known when an exchange or a tunnel ends. Units are those of [`Seen::NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Seen {
    Address,
    Port,
    Status,
    BytesOut,
    BytesIn,
    Micros,
    Millis,
    FirstByte,
    Seconds,
    WallMillis,
    WallMicros,
    CommonDate,
    CDate,
    IsoDate,
    Process,
    Route,
    Upstream,
    End,
    Tunnel,
    Detail,
    Draft,
    MessagesIn,
    MessagesOut,
    ClosedBy,
    Code,
    RoundTrip,
}

impl Seen {
    /// All of them by name; those of uWSGI first.
    pub const NAMES: [(&str, Seen); 28] = [
        ("addr", Seen::Address),
        ("status", Seen::Status),
        ("size", Seen::BytesOut),
        ("rsize", Seen::BytesOut),
        ("micros", Seen::Micros),
        ("msecs", Seen::Millis),
        ("time", Seen::Seconds),
        ("epoch", Seen::Seconds),
        ("tmsecs", Seen::WallMillis),
        ("tmicros", Seen::WallMicros),
        ("ltime", Seen::CommonDate),
        ("ctime", Seen::CDate),
        ("pid", Seen::Process),
        ("iso", Seen::IsoDate),
        ("port", Seen::Port),
        ("in", Seen::BytesIn),
        ("ttfb", Seen::FirstByte),
        ("route", Seen::Route),
        ("upstream", Seen::Upstream),
        ("end", Seen::End),
        ("tunnel", Seen::Tunnel),
        ("detail", Seen::Detail),
        ("draft", Seen::Draft),
        ("messages_in", Seen::MessagesIn),
        ("messages_out", Seen::MessagesOut),
        ("closed_by", Seen::ClosedBy),
        ("code", Seen::Code),
        ("rtt", Seen::RoundTrip),
    ];
}

impl Asked {
    /// All of them by name, but fields that have none in uWSGI: those are `var.HTTP_NAME`.
    pub const NAMES: [(&str, Asked); 6] = [
        ("method", Asked::Method),
        ("uri", Asked::Uri),
        ("raw", Asked::Raw),
        ("proto", Asked::Protocol),
        ("host", Asked::Host),
        ("user", Asked::User),
    ];
    /// Fields that have a name in uWSGI.
    pub const FIELDS: [(&str, &str); 3] =
        [("uagent", "user-agent"), ("referer", "referer"), ("cl", "content-length")];
}

impl LogFormat {
    /// `combined`, `json`, or whatever has a `%(` in it.
    ///
    /// # Errors
    /// When it is none of them, or names a variable that does not exist.
    pub(super) fn parse(text: &str) -> Result<LogFormat, Fault> {
        match text {
            "combined" => Ok(LogFormat::Combined),
            "json" => Ok(LogFormat::Json),
            own if own.contains("%(") => Ok(LogFormat::Own(pieces(own)?.into())),
            _ => Err(Fault::new(
                "expected combined, json, or a line such as %(addr) \"%(method) %(uri)\" %(status)",
            )),
        }
    }
}

fn pieces(text: &str) -> Result<Vec<LogPiece>, Fault> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((plain, behind)) = rest.split_once("%(") {
        if !plain.is_empty() {
            pieces.push(LogPiece::Text(plain.into()));
        }
        let at = text.len() - behind.len() - 2;
        let (name, behind) =
            behind.split_once(')').ok_or_else(|| Fault::at(at, "%( without its )"))?;
        pieces.push(variable(name).map_err(|said| Fault::at(at, said))?);
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(LogPiece::Text(rest.into()));
    }
    Ok(pieces)
}

fn variable(name: &str) -> Result<LogPiece, String> {
    if let Some(field) = name.strip_prefix("var.HTTP_").filter(|field| !field.is_empty()) {
        let field = field.to_ascii_lowercase().replace('_', "-");
        return Ok(LogPiece::Asked(Asked::Field(field)));
    }
    if let Some((_, asked)) = Asked::NAMES.iter().find(|(known, _)| *known == name) {
        return Ok(LogPiece::Asked(asked.clone()));
    }
    if let Some((_, field)) = Asked::FIELDS.iter().find(|(known, _)| *known == name) {
        return Ok(LogPiece::Asked(Asked::Field((*field).into())));
    }
    if let Some((_, seen)) = Seen::NAMES.iter().find(|(known, _)| *known == name) {
        return Ok(LogPiece::Seen(*seen));
    }
    let known = Asked::NAMES.iter().map(|(known, _)| *known);
    let known = known.chain(Asked::FIELDS.iter().map(|(known, _)| *known));
    let known = known.chain(Seen::NAMES.iter().map(|(known, _)| *known));
    Err(format!("there is no %({name}){}", hint(name, known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        LogFormat::parse(text).expect_err("a fault").expected
    }

    #[test]
    fn text_and_variables_alternate() {
        let text = |text: &str| LogPiece::Text(text.into());
        let parsed = LogFormat::parse("%(addr) [%(var.HTTP_X_ID)] \"%(uri)%(uagent)\"");
        let expected = [
            LogPiece::Seen(Seen::Address),
            text(" ["),
            LogPiece::Asked(Asked::Field("x-id".into())),
            text("] \""),
            LogPiece::Asked(Asked::Uri),
            LogPiece::Asked(Asked::Field("user-agent".into())),
            text("\""),
        ];
        assert_eq!(parsed.expect("a format"), LogFormat::Own(expected.into()));
    }

    #[test]
    fn what_does_not_exist_is_named() {
        assert!(fault("%(statsu)").contains("no %(statsu); did you mean status?"));
        assert!(fault("%(core)").contains("there is no %(core)"));
        assert!(fault("a %(addr").contains("without its )"));
        assert!(fault("apache").contains("expected combined, json"));
    }
}
