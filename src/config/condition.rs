//! What a request must be for a rule to take it: a regex on one of its parts, or a condition of `route-if`.

use crate::base::{FileKind, Network, Place};

use super::nearest::{either, hint};
use super::settings::WebSocketDraft;
use super::template::{Cgi, Template, Variable};
use super::value::{Fault, Value};
use super::words;

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What is asked.
    pub test: Test,
    /// The answer must be no.
    pub negated: bool,
    /// Where it stands; of a regex, where that begins.
    pub place: Place,
}

/// What a condition asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Whether a regex matches.
    Matches {
        /// What it looks at.
        subject: Subject,
        /// The regex, as it was written.
        regex: String,
    },
    /// How a text compares with another.
    Compares {
        /// Which question it is.
        how: Comparison,
        /// The text.
        subject: Subject,
        /// The other.
        with: Template,
    },
    /// Whether an address is in one of these networks.
    In {
        /// The address.
        subject: Subject,
        /// The networks.
        networks: Vec<Network>,
    },
    /// Whether there is a file.
    Exists {
        /// Its path.
        path: Template,
        /// Of which kind.
        kind: FileKind,
    },
    /// Whether it is a WebSocket handshake, in this draft; `None`: in any, or in none that there is.
    Opens(Option<WebSocketDraft>),
}

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The canonical path as it is matched, without the query.
    Path,
    /// The host in lower case, without port and trailing dot.
    Host,
    /// Anything else that the request says.
    Text(Template),
}

/// A question about two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Whether they are the same.
    Equal,
    /// Whether the first begins with the second.
    StartsWith,
    /// Whether the first ends with the second.
    EndsWith,
    /// Whether the second stands somewhere in the first.
    Contains,
}

impl Condition {
    /// Variables of the configuration's own that it asks for.
    pub(super) fn own_variables(&self) -> impl Iterator<Item = &str> {
        let (subject, with) = match &self.test {
            Test::Matches { subject, .. } | Test::In { subject, .. } => (Some(subject), None),
            Test::Compares { subject, with, .. } => (Some(subject), Some(with)),
            Test::Exists { path, .. } => (None, Some(path)),
            Test::Opens(_) => (None, None),
        };
        let text = subject.and_then(|subject| match subject {
            Subject::Text(text) => Some(text),
            Subject::Path | Subject::Host => None,
        });
        text.into_iter().chain(with).flat_map(Template::own)
    }
}

impl Subject {
    /// A CGI variable.
    pub fn cgi(variable: Cgi) -> Subject {
        match variable {
            Cgi::Path => Subject::Path,
            other => Subject::Text(Template::of(Variable::Cgi(other))),
        }
    }

    /// A header field, by its name in lower case.
    pub fn field(name: &str) -> Subject {
        Subject::Text(Template::of(Variable::Field(name.into())))
    }

    fn of(template: Template) -> Subject {
        match template == Template::of(Variable::Cgi(Cgi::Path)) {
            true => Subject::Path,
            false => Subject::Text(template),
        }
    }
}

/// Conditions of uWSGI that are not here, and what to write.
const INSTEAD: [(&str, &str); 12] = [
    ("islink", EXISTS),
    ("isexec", EXISTS),
    ("ishigher", NUMBERS),
    (">", NUMBERS),
    ("ishigherequal", NUMBERS),
    (">=", NUMBERS),
    ("islower", NUMBERS),
    ("<", NUMBERS),
    ("islowerequal", NUMBERS),
    ("<=", NUMBERS),
    ("lord", "there are no lords here"),
    ("isnot", "write route-if-not"),
];
const EXISTS: &str = "there are exists:, isfile: and isdir:";
const NUMBERS: &str = "numbers are compared with regexp:";
const DRAFTS: &str = "expected one of hixie-75, hixie-76, hybi-07, hybi-08 and 13";

/// Reads the condition in front of an action.
pub(super) fn parse(value: &Value, negated: bool) -> Result<Condition, Fault> {
    let text = value.text();
    let (name, _) = text.split_once(':').unwrap_or((text, ""));
    let start = (name.len() + 1).min(text.len());
    let argument = value.slice(start..text.len());
    let within = |fault: Fault| Fault { at: fault.at + start, ..fault };
    let mut place = value.place_at(0);
    if words::find(words::CONDITIONS, name).is_none() {
        return Err(Fault::new(unknown(name)));
    }
    let test = match name {
        "equal" | "isequal" | "eq" | "==" => compare(Comparison::Equal, &argument),
        "startswith" => compare(Comparison::StartsWith, &argument),
        "endswith" => compare(Comparison::EndsWith, &argument),
        "contains" => compare(Comparison::Contains, &argument),
        "empty" => subject(&argument).map(|subject| Test::Compares {
            how: Comparison::Equal,
            subject,
            with: Template::default(),
        }),
        "regexp" | "re" => two(&argument, "regexp:${HTTP_ACCEPT};^image/").and_then(|(a, b)| {
            place = b.place_at(0);
            Ok(Test::Matches { subject: subject(&a)?, regex: b.text().into() })
        }),
        "ipv4in" | "ipv6in" => inside(&argument, name == "ipv4in"),
        "is-websocket" if argument.text().is_empty() => Ok(Test::Opens(None)),
        "is-websocket" => Err(Fault::new("expected nothing behind the colon")),
        "websocket-draft" => draft(&argument).map(|draft| Test::Opens(Some(draft))),
        "exists" => exists(&argument, FileKind::Any),
        "isfile" => exists(&argument, FileKind::File),
        "isdir" => exists(&argument, FileKind::Directory),
        _ => return Err(Fault::new(unknown(name))),
    };
    Ok(Condition { test: test.map_err(within)?, negated, place })
}

/// The name of one draft.
pub(super) fn draft(value: &Value) -> Result<WebSocketDraft, Fault> {
    value.one_of(&WebSocketDraft::NAMES).map_err(|_| Fault::new(DRAFTS))
}

/// What stands on both sides of the first semicolon.
fn two(value: &Value, example: &str) -> Result<(Value, Value), Fault> {
    let text = value.text();
    let Some(middle) = text.find(';') else {
        let said = format!("expected two texts with a ';' between them, as in {example}");
        return Err(Fault::new(said));
    };
    Ok((value.slice(0..middle), value.slice(middle + 1..text.len())))
}

fn compare(how: Comparison, value: &Value) -> Result<Test, Fault> {
    let (a, b) = two(value, "equal:${HTTP_X_TENANT};blue")?;
    let with =
        template(&b).map_err(|fault| Fault { at: fault.at + a.text().len() + 1, ..fault })?;
    Ok(Test::Compares { how, subject: subject(&a)?, with })
}

fn exists(value: &Value, kind: FileKind) -> Result<Test, Fault> {
    value.filled("expected a path, as in exists:/srv/site${PATH_INFO}")?;
    Ok(Test::Exists { path: template(value)?, kind })
}

/// `ADDRESS;NETWORK[,NETWORK]`.
fn inside(value: &Value, ipv4: bool) -> Result<Test, Fault> {
    let example = match ipv4 {
        true => "ipv4in:${REMOTE_ADDR};10.0.0.0/8",
        false => "ipv6in:${REMOTE_ADDR};2001:db8::/32",
    };
    let (a, b) = two(value, example)?;
    let networks =
        networks(&b).map_err(|fault| Fault { at: fault.at + a.text().len() + 1, ..fault })?;
    if networks.iter().any(|network| network.is_ipv4() != ipv4) {
        let family = if ipv4 { "IPv4" } else { "IPv6" };
        let said = format!("expected networks of {family}, as in {example}");
        return Err(Fault::at(a.text().len() + 1, said));
    }
    Ok(Test::In { subject: subject(&a)?, networks })
}

/// Networks with commas or spaces between them, at least one.
pub(super) fn networks(value: &Value) -> Result<Vec<Network>, Fault> {
    let read = |word: Value| {
        word.text().parse().map_err(|error| value.fault_of(&word, &format!("{error}")))
    };
    let found: Vec<Network> = value.words().map(read).collect::<Result<_, _>>()?;
    match found.is_empty() {
        true => Err(Fault::new("expected a network, as in 10.0.0.0/8")),
        false => Ok(found),
    }
}

fn subject(value: &Value) -> Result<Subject, Fault> {
    value.filled("expected a text such as ${HTTP_X_TENANT}")?;
    template(value).map(Subject::of)
}

/// A text in which nothing is captured yet.
fn template(value: &Value) -> Result<Template, Fault> {
    let template = Template::parse(value.text())?;
    match template.highest_capture() {
        Some(n) => Err(Fault::new(format!("${n} is captured by no regex before this"))),
        None => Ok(template),
    }
}

fn unknown(name: &str) -> String {
    if let Some((_, say)) = INSTEAD.iter().find(|(known, _)| *known == name) {
        return format!("there is no condition {name}: here; {say}");
    }
    let names: Vec<String> =
        words::CONDITIONS.iter().map(|word| format!("{}:{}", word.name, word.argument)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let hint = hint(name, words::CONDITIONS.iter().map(|word| word.name));
    format!(
        "there is no condition {name}:{hint} (there are {})",
        either(&names).replace(" or ", " and ")
    )
}
