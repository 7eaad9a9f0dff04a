//! Actions that end in an answer of ours, and actions after which the search goes on.

use crate::base::Network;

use super::condition::networks;
use super::template::{Template, is_variable_name};
use super::units::parse_duration;
use super::value::{Fault, Value};

/// What a request is answered by ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `redirect:URL`, `redirect-301:URL`.
    Redirect {
        /// 302 or 301.
        status: u16,
        /// Where to.
        url: Template,
    },
    /// `break:NNN TEXT`, `return:NNN`.
    Status {
        /// The status.
        status: u16,
        /// What people read in it.
        text: Template,
    },
    /// `send:TEXT`.
    Send(Template),
}

/// What is changed on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// `rewrite:PATH`: another path, and with a `?` more of a query.
    Rewrite(Template),
    /// `addheader:NAME: VALUE`, of the response.
    AddHeader(String, Template),
    /// `delheader:NAME`, of the response.
    DelHeader(String),
    /// `addrequestheader:NAME: VALUE`.
    AddRequestHeader(String, Template),
    /// `addvar:NAME=VALUE`.
    AddVar(String, Template),
    /// `allow:NETWORK,...`: nobody else.
    Allow(Vec<Network>),
    /// `deny:NETWORK,...`.
    Deny(Vec<Network>),
    /// `hsts:AGE`, in seconds.
    Hsts(u64),
    /// `log:TEXT`.
    Log(Template),
    /// `donotlog:`.
    DoNotLog,
}

impl Answer {
    /// What is filled in for each request.
    pub(super) fn template(&self) -> &Template {
        match self {
            Answer::Redirect { url, .. } => url,
            Answer::Status { text, .. } | Answer::Send(text) => text,
        }
    }
}

impl Edit {
    /// What is filled in for each request.
    pub(super) fn template(&self) -> Option<&Template> {
        match self {
            Edit::Rewrite(text)
            | Edit::AddHeader(_, text)
            | Edit::AddRequestHeader(_, text)
            | Edit::AddVar(_, text)
            | Edit::Log(text) => Some(text),
            Edit::DelHeader(_)
            | Edit::Allow(_)
            | Edit::Deny(_)
            | Edit::Hsts(_)
            | Edit::DoNotLog => None,
        }
    }
}

/// Reads an answer whose name is `name`; `None` when it is no answer.
pub(super) fn answer(name: &str, value: &Value) -> Option<Result<Answer, Fault>> {
    Some(match name {
        "redirect" | "redirect-302" => url(value).map(|url| Answer::Redirect { status: 302, url }),
        "redirect-301" | "redirect-permanent" => {
            url(value).map(|url| Answer::Redirect { status: 301, url })
        }
        "break" | "return" => status(name, value),
        "send" => Template::parse(value.text()).map(Answer::Send),
        _ => return None,
    })
}

/// Reads an edit whose name is `name`; `None` when it is no edit.
pub(super) fn edit(name: &str, value: &Value) -> Option<Result<Edit, Fault>> {
    Some(match name {
        "rewrite" => path(value).map(Edit::Rewrite),
        "addheader" => header(value).map(|(name, value)| Edit::AddHeader(name, value)),
        "addrequestheader" => {
            request_header(value).map(|(name, value)| Edit::AddRequestHeader(name, value))
        }
        "delheader" | "remheader" => header_name(value.text()).map(Edit::DelHeader),
        "addvar" => variable(value).map(|(name, value)| Edit::AddVar(name, value)),
        "allow" => networks(value).map(Edit::Allow),
        "deny" => networks(value).map(Edit::Deny),
        "hsts" => match parse_duration(value.text()) {
            Some(age) => Ok(Edit::Hsts(age.as_secs())),
            None => Err(Fault::new("expected an age such as 31536000 or 8760h")),
        },
        "log" => Template::parse(value.text()).map(Edit::Log),
        "donotlog" if value.text().is_empty() => Ok(Edit::DoNotLog),
        "donotlog" => Err(Fault::new("expected nothing behind donotlog:")),
        _ => return None,
    })
}

fn url(value: &Value) -> Result<Template, Fault> {
    let text = value.filled("expected where to, as in redirect:https://example.com/$1")?;
    is_target(text, "expected a URL without spaces or what is not ASCII (write %%20 for a space)")?;
    Template::parse(text)
}

fn path(value: &Value) -> Result<Template, Fault> {
    let text = value.text();
    if !text.starts_with(['/', '$']) {
        return Err(Fault::new("expected a path that starts with '/', as in rewrite:/v2/$1"));
    }
    is_target(
        text,
        "expected a path without spaces or what is not ASCII (write %%20 for a space)",
    )?;
    Template::parse(text)
}

fn is_target(text: &str, said: &str) -> Result<(), Fault> {
    match text.find(|c: char| c.is_whitespace() || !c.is_ascii()) {
        Some(at) => Err(Fault::at(at, said)),
        None => Ok(()),
    }
}

/// `NNN TEXT`; of `return`, `NNN` alone.
fn status(name: &str, value: &Value) -> Result<Answer, Fault> {
    let (number, text) = value.text().split_once(' ').unwrap_or((value.text(), ""));
    let status = number.parse::<u16>().ok().filter(|status| (200..600).contains(status));
    let Some(status) = status.filter(|_| name == "break" || text.is_empty()) else {
        let said = match name {
            "break" => "expected a status from 200 to 599, as in break:403 Forbidden",
            _ => "expected a status from 200 to 599 and nothing else, as in return:403",
        };
        return Err(Fault::new(said));
    };
    Ok(Answer::Status { status, text: Template::parse(text.trim())? })
}

/// Fields that we write ourselves, for they say where a message ends and what becomes of a connection.
const OURS: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "date",
];
/// Fields of a request that are written by us.
const OURS_OF_REQUESTS: [&str; 7] = [
    "host",
    "expect",
    "forwarded",
    "proxy",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

fn header_name(name: &str) -> Result<String, Fault> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(Fault::new("expected the name of a header, as in X-Frame-Options"));
    }
    let lower = name.to_ascii_lowercase();
    if OURS.contains(&lower.as_str()) || lower.starts_with("sec-websocket-") {
        return Err(Fault::new(format!("{name} is written by the router itself")));
    }
    Ok(name.into())
}

/// `NAME: VALUE`.
fn header(value: &Value) -> Result<(String, Template), Fault> {
    let text = value.text();
    let Some(colon) = text.find(':') else {
        return Err(Fault::new("expected NAME: VALUE, as in X-Frame-Options: DENY"));
    };
    let name = header_name(value.slice(0..colon).text())?;
    let content = value.slice(colon + 1..text.len());
    if let Some(at) = content.text().find(|c: char| !c.is_ascii()) {
        return Err(Fault::at(text.len() - content.text().len() + at, "expected ASCII"));
    }
    Ok((name, Template::parse(content.text())?))
}

fn request_header(value: &Value) -> Result<(String, Template), Fault> {
    let (name, content) = header(value)?;
    Ok((request_name(&name)?, content))
}

/// Reads the name of a field that rules may put into requests.
pub(super) fn request_name(name: &str) -> Result<String, Fault> {
    let name = header_name(name)?;
    if OURS_OF_REQUESTS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(Fault::new(format!("{name} is written by the router itself")));
    }
    if name.contains('_') {
        return Err(Fault::new("a server may take a '_' in a name for a '-'; write a '-'"));
    }
    Ok(name)
}

/// `NAME=VALUE`.
fn variable(value: &Value) -> Result<(String, Template), Fault> {
    let text = value.text();
    let said = "expected NAME=VALUE, as in REALM=internal";
    let (name, content) = text.split_once('=').ok_or_else(|| Fault::new(said))?;
    let name = name.trim();
    if !is_variable_name(name) || name == "CONTENT_LENGTH" {
        return Err(Fault::new(
            "expected a name of letters, digits and '_' before '=', not CONTENT_LENGTH",
        ));
    }
    Ok((name.into(), Template::parse(content.trim())?))
}
