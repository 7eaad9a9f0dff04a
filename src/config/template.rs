//! Text with captures in it: `/v2/$1`.

use super::value::Fault;

/// Text in which `$0` to `$9` stand for what a rule's regex captured.
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
}

impl Template {
    /// Reads `text`. A `$` before anything but a digit or `{` is itself.
    pub(super) fn parse(text: &str) -> Result<Template, Fault> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut signs = text.char_indices().peekable();
        while let Some((at, sign)) = signs.next() {
            match (sign, signs.peek().map(|(_, next)| *next)) {
                ('$', Some('{')) => {
                    let said = "request variables such as ${REMOTE_ADDR} are not in this version";
                    return Err(Fault::at(at, said));
                }
                ('$', Some(digit @ '0'..='9')) => {
                    signs.next();
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Capture(digit as u8 - b'0'));
                }
                _ => plain.push(sign),
            }
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

    /// The highest capture it names: the regex must have as many groups.
    pub fn highest_capture(&self) -> Option<u8> {
        let capture = |part: &Part| match part {
            Part::Capture(number) => Some(*number),
            Part::Text(_) => None,
        };
        self.parts.iter().filter_map(capture).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let template = Template::parse("/v2/$1$0/é$x$").unwrap();
        let text = |text: &str| Part::Text(text.into());
        assert_eq!(
            template.parts(),
            [text("/v2/"), Part::Capture(1), Part::Capture(0), text("/é$x$")]
        );
        assert_eq!(template.highest_capture(), Some(1));
        assert_eq!(Template::parse("/a").unwrap().highest_capture(), None);
        assert_eq!(Template::parse("a${B}").map_err(|fault| fault.at), Err(1));
    }
}
