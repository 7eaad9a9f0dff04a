//! Conditions as they are written, for whoever is told which of them held.

use std::fmt;

use super::condition::{Comparison, Condition, Subject, Test};
use super::template::{Cgi, Template, Variable};
use crate::base::FileKind;

impl fmt::Display for Condition {
    /// As in a section: `path ^/ws/`, `if-not empty:${HTTP_X}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = if self.negated { "if-not" } else { "if" };
        match &self.test {
            Test::Matches { subject, regex } => match key_of(subject) {
                Some(key) if !self.negated => write!(f, "{key} {regex}"),
                _ => write!(f, "{key} regexp:{subject};{regex}"),
            },
            Test::Compares { how: Comparison::Equal, subject, with }
                if with.fixed() == Some("") =>
            {
                write!(f, "{key} empty:{subject}")
            }
            Test::Compares { how, subject, with } => {
                write!(f, "{key} {}:{subject};{with}", how.name())
            }
            Test::In { subject, networks } => {
                let ipv4 = networks.iter().all(|network| network.is_ipv4());
                write!(f, "{key} {}:{subject};", if ipv4 { "ipv4in" } else { "ipv6in" })?;
                let texts: Vec<String> = networks.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(","))
            }
            Test::Exists { path, kind } => write!(f, "{key} {}:{path}", name_of(*kind)),
            Test::Opens(None) => write!(f, "{key} is-websocket:"),
            Test::Opens(Some(draft)) => write!(f, "{key} websocket-draft:{}", draft.name()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Path => f.write_str("${PATH_INFO}"),
            Subject::Host => f.write_str("host"),
            Subject::Text(text) => text.fmt(f),
        }
    }
}

/// The key of a section whose regex looks at this.
fn key_of(subject: &Subject) -> Option<&'static str> {
    let known = |variable| Template::of(variable);
    match subject {
        Subject::Path => Some("path"),
        Subject::Host => Some("host"),
        Subject::Text(text) => [
            ("uri", Variable::Cgi(Cgi::Uri)),
            ("qs", Variable::Cgi(Cgi::QueryString)),
            ("remote-addr", Variable::Cgi(Cgi::RemoteAddr)),
            ("user-agent", Variable::Field("user-agent".into())),
            ("referer", Variable::Field("referer".into())),
            ("remote-user", Variable::Own("REMOTE_USER".into())),
        ]
        .into_iter()
        .find_map(|(key, variable)| (*text == known(variable)).then_some(key)),
    }
}

/// The name of the condition that asks for it.
fn name_of(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Any => "exists",
        FileKind::File => "isfile",
        FileKind::Directory => "isdir",
    }
}

impl Comparison {
    /// The condition's name.
    fn name(self) -> &'static str {
        match self {
            Comparison::Equal => "equal",
            Comparison::StartsWith => "startswith",
            Comparison::EndsWith => "endswith",
            Comparison::Contains => "contains",
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Surroundings, parse};

    #[test]
    fn a_condition_reads_as_it_is_written() {
        for (written, shown) in [
            ("path = ^/a", "path ^/a"),
            ("host = ^b$", "host ^b$"),
            ("qs = c", "qs c"),
            ("referer = d", "referer d"),
            ("remote-user = ^e$", "remote-user ^e$"),
            ("if = equal:${HTTP_X_A};${qs[b]}", "if equal:${HTTP_X_A};${qs[b]}"),
            ("if = regexp:${cookie[c]};^d", "if regexp:${cookie[c]};^d"),
            ("if-not = empty:${HTTP_X_A}", "if-not empty:${HTTP_X_A}"),
            ("if = ipv4in:${REMOTE_ADDR};10.0.0.0/8", "if ipv4in:${REMOTE_ADDR};10.0.0.0/8"),
            ("if-not = websocket-draft:13", "if-not websocket-draft:13"),
            ("is-websocket = on", "if is-websocket:"),
            ("if = isdir:/a${PATH_INFO}", "if isdir:/a${PATH_INFO}"),
        ] {
            let text = format!("[tidegate]\nhttp = :1\n[route:x]\n{written}\nto = echo:");
            let (config, problems) = parse(text.as_bytes(), "t", &Surroundings::none());
            assert_eq!(problems, []);
            assert_eq!(config.rules[0].conditions[0].to_string(), shown);
        }
    }
}
