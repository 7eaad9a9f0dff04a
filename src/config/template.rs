//! Text with captures and variables in it: `/v2/$1`, `${qs[token]}`.

use super::value::Fault;

/// Text in which `$0` to `$9` stand for what a rule's regex captured, and `${...}` for what the request says.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// `${REMOTE_ADDR}`: the client's address.
    RemoteAddr,
}

const VARIABLES: &str = "expected ${qs[NAME]}, ${cookie[NAME]}, ${HTTP_NAME} or ${REMOTE_ADDR}";

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

    /// Whether it is the same for every request.
    pub(super) fn is_fixed(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
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
            (Some(""), _) | (_, Some("")) => None,
            (Some(name), _) => Some(Variable::Query(name.into())),
            (_, Some(name)) => Some(Variable::Cookie(name.into())),
            _ => (name == "REMOTE_ADDR").then_some(Variable::RemoteAddr),
        }
    }
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
            Variable::RemoteAddr,
        ];
        let [query, cookie, field, address] = variables.map(Part::Variable);
        let template = template.unwrap();
        let wanted = [text("é"), query, text("-"), cookie, field, Part::Capture(1), address];
        assert_eq!(template.parts(), wanted);
        for bad in ["${B}", "${}", "${qs[]}", "${qs[a}", "${HTTP_}", "${HTTP_x}", "${qs[a]", "$1${"]
        {
            let fault = Template::parse(&format!("a{bad}")).unwrap_err();
            let at = 1 + bad.find('{').unwrap() - 1;
            assert_eq!((fault.at, fault.expected.as_str()), (at, VARIABLES), "{bad}");
        }
    }
}
