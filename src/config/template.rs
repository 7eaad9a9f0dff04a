//! Text with captures and variables in it: `/v2/$1`, `${qs[token]}`.

use std::fmt;

use super::value::Fault;

/// Text in which `$0` to `$9` stand for what a rule's regex captured, and `${...}` for what the request says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

/// A piece of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Taken as it is.
    Text(String),
    /// The capture of this number; 0 is the whole match.
    Capture(u8),
    /// What the request says.
    Variable(Variable),
}

/// Something a request says; empty where it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `${qs[NAME]}`: the first parameter of this name, decoded.
    Query(String),
    /// `${cookie[NAME]}`: the first cookie of this name.
    Cookie(String),
    /// `${HTTP_NAME}`: the first field of this name, in lower case with hyphens.
    Field(String),
    /// What a CGI variable says of every request.
    Cgi(Cgi),
    /// `${NAME}`: what `addvar:` or `http-var` set.
    Own(String),
}

/// CGI variables of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cgi {
    /// `REMOTE_ADDR`: the client's address.
    RemoteAddr,
    /// `REMOTE_PORT`: the client's port.
    RemotePort,
    /// `REQUEST_METHOD`.
    Method,
    /// `REQUEST_URI`: the canonical path and the query, as the client asked for them.
    Uri,
    /// `PATH_INFO`: the canonical path as rules match it.
    Path,
    /// `QUERY_STRING`: the query, without its question mark.
    QueryString,
    /// `REQUEST_SCHEME`: `http` or `https`.
    Scheme,
    /// `HTTPS`: `on` where the scheme is `https`, else empty.
    Https,
    /// `SERVER_NAME`: this host's name.
    ServerName,
    /// `SERVER_PORT`: the port that was connected to.
    ServerPort,
    /// `SERVER_PROTOCOL`: the client's version.
    Protocol,
    /// `LISTENER`: the address that was connected to, as [`Address`](crate::base::Address) writes it.
    Listener,
}

impl Cgi {
    /// All of them by name.
    const NAMES: [(&str, Cgi); 12] = [
        ("REMOTE_ADDR", Cgi::RemoteAddr),
        ("REMOTE_PORT", Cgi::RemotePort),
        ("REQUEST_METHOD", Cgi::Method),
        ("REQUEST_URI", Cgi::Uri),
        ("PATH_INFO", Cgi::Path),
        ("QUERY_STRING", Cgi::QueryString),
        ("REQUEST_SCHEME", Cgi::Scheme),
        ("HTTPS", Cgi::Https),
        ("SERVER_NAME", Cgi::ServerName),
        ("SERVER_PORT", Cgi::ServerPort),
        ("SERVER_PROTOCOL", Cgi::Protocol),
        ("LISTENER", Cgi::Listener),
    ];
}

const VARIABLES: &str =
    "expected a variable such as ${HTTP_HOST}, ${REMOTE_ADDR}, ${qs[NAME]} or ${cookie[NAME]}";

impl Template {
    /// Reads `text`. A `$` before anything but a digit or `{` is itself.
    pub(super) fn parse(text: &str) -> Result<Template, Fault> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(sign) = rest.chars().next() {
            let at = text.len() - rest.len();
            let behind = rest.get(sign.len_utf8()..).unwrap_or_default();
            let part = match (sign, behind.chars().next()) {
                ('$', Some('{')) => {
                    let fault = || Fault::at(at, VARIABLES);
                    let (name, behind) = behind
                        .strip_prefix('{')
                        .and_then(|b| b.split_once('}'))
                        .ok_or_else(fault)?;
                    rest = behind;
                    Part::Variable(Variable::parse(name).ok_or_else(fault)?)
                }
                ('$', Some(digit @ '0'..='9')) => {
                    rest = behind.get(1..).unwrap_or_default();
                    Part::Capture(digit as u8 - b'0')
                }
                _ => {
                    rest = behind;
                    plain.push(sign);
                    continue;
                }
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(part);
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Template { parts })
    }

    /// Its pieces, in order; neither empty nor two texts in a row.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// One that is nothing but this.
    pub fn of(variable: Variable) -> Template {
        Template { parts: vec![Part::Variable(variable)] }
    }

    /// Whether it is the same for every request.
    pub(super) fn is_fixed(&self) -> bool {
        self.fixed().is_some()
    }

    /// The text it is for every request, if it is the same for all.
    pub fn fixed(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Variables of its own that it names.
    pub(super) fn own(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(Variable::Own(name)) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The highest capture it names: the regex must have as many groups.
    pub fn highest_capture(&self) -> Option<u8> {
        let capture = |part: &Part| match part {
            Part::Capture(number) => Some(*number),
            Part::Text(_) | Part::Variable(_) => None,
        };
        self.parts.iter().filter_map(capture).max()
    }
}

impl fmt::Display for Template {
    /// As it is written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Capture(n) => write!(f, "${n}"),
            Part::Variable(variable) => write!(f, "${{{variable}}}"),
        })
    }
}

impl fmt::Display for Variable {
    /// As it is written between the braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Variable::Query(name) => write!(f, "qs[{name}]"),
            Variable::Cookie(name) => write!(f, "cookie[{name}]"),
            Variable::Field(name) => {
                write!(f, "HTTP_{}", name.to_ascii_uppercase().replace('-', "_"))
            }
            Variable::Cgi(cgi) => {
                let known = Cgi::NAMES.iter().find(|(_, known)| known == cgi);
                f.write_str(known.map_or("", |(name, _)| name))
            }
            Variable::Own(name) => f.write_str(name),
        }
    }
}

impl FromIterator<Part> for Template {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Template {
        Template { parts: parts.into_iter().collect() }
    }
}

impl Variable {
    /// What stands between the braces.
    fn parse(name: &str) -> Option<Variable> {
        let inside = |start: &str| name.strip_prefix(start)?.strip_suffix(']');
        if let Some(field) = name.strip_prefix("HTTP_") {
            let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
            let plain = !field.is_empty() && field.bytes().all(plain);
            return plain.then(|| Variable::Field(field.to_ascii_lowercase().replace('_', "-")));
        }
        match (inside("qs["), inside("cookie[")) {
            (Some(""), _) | (_, Some("")) => return None,
            (Some(name), _) => return Some(Variable::Query(name.into())),
            (_, Some(name)) => return Some(Variable::Cookie(name.into())),
            _ => {}
        }
        if let Some((_, cgi)) = Cgi::NAMES.iter().find(|(known, _)| *known == name) {
            return Some(Variable::Cgi(*cgi));
        }
        match name {
            "CONTENT_TYPE" => Some(Variable::Field("content-type".into())),
            "CONTENT_LENGTH" => Some(Variable::Field("content-length".into())),
            _ => is_variable_name(name).then(|| Variable::Own(name.into())),
        }
    }
}

/// Whether a variable of the configuration's own may be called so.
pub(super) fn is_variable_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name.bytes().all(plain) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.into())
    }

    #[test]
    fn parts() {
        let template = Template::parse("/v2/$1$0/é$x$").unwrap();
        assert_eq!(
            template.parts(),
            [text("/v2/"), Part::Capture(1), Part::Capture(0), text("/é$x$")]
        );
        assert_eq!(template.highest_capture(), Some(1));
        assert_eq!(Template::parse("/a").unwrap().highest_capture(), None);
    }

    #[test]
    fn variables() {
        let template = Template::parse("é${qs[a]}-${cookie[Sid]}${HTTP_X_REAL_IP}$1${REMOTE_ADDR}");
        let variables = [
            Variable::Query("a".into()),
            Variable::Cookie("Sid".into()),
            Variable::Field("x-real-ip".into()),
            Variable::Cgi(Cgi::RemoteAddr),
        ];
        let [query, cookie, field, address] = variables.map(Part::Variable);
        let template = template.unwrap();
        let wanted = [text("é"), query, text("-"), cookie, field, Part::Capture(1), address];
        assert_eq!(template.parts(), wanted);
        let written = "é${qs[a]}-${cookie[Sid]}${HTTP_X_REAL_IP}$1${REMOTE_ADDR}";
        assert_eq!(template.to_string(), written);
        let own = Template::parse("${B_1}${PATH_INFO}").unwrap();
        assert_eq!(own.own().collect::<Vec<_>>(), ["B_1"]);
        for bad in [
            "${1B}",
            "${}",
            "${a b}",
            "${qs[]}",
            "${qs[a}",
            "${HTTP_}",
            "${HTTP_x}",
            "${qs[a]",
            "$1${",
        ] {
            let fault = Template::parse(&format!("a{bad}")).unwrap_err();
            let at = 1 + bad.find('{').unwrap() - 1;
            assert_eq!((fault.at, fault.expected.as_str()), (at, VARIABLES), "{bad}");
        }
    }
}
