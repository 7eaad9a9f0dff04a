//! Replaces `$(ENV)`, `%(option)` and `%d %n %s %h %k %%` in values.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::nearest;
use super::surroundings::Surroundings;
use super::value::Fault;

/// The longest value after expansion, in bytes.
const LENGTH_MAX: usize = 64 << 10;
/// How deep options may refer to each other.
const DEPTH_MAX: usize = 16;
/// How many references one value may follow, nested ones included.
const STEPS_MAX: usize = 1000;

/// The options that `%(option)` can name, and which of them were named.
pub(super) struct Options<'a> {
    around: &'a Surroundings,
    /// Value before expansion, and the file it stands in.
    values: BTreeMap<String, (String, Arc<str>)>,
    used: HashSet<String>,
}

/// One expansion under way.
struct Run {
    text: String,
    steps: usize,
}

impl<'a> Options<'a> {
    pub(super) fn new(around: &'a Surroundings) -> Options<'a> {
        Options { around, values: BTreeMap::new(), used: HashSet::new() }
    }

    /// Sets an option; the last value counts.
    pub(super) fn set(&mut self, name: &str, value: &str, file: &Arc<str>) {
        self.values.insert(name.into(), (value.into(), file.clone()));
    }

    /// The value of an option, as it was written; the last so far.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(value, _)| value.as_str())
    }

    /// Whether some value named this option.
    pub(super) fn is_used(&self, name: &str) -> bool {
        self.used.contains(name)
    }

    /// `text`, which stands in `file`, with everything replaced.
    pub(super) fn expand(&mut self, text: &str, file: &Arc<str>) -> Result<String, Fault> {
        if !text.contains(['%', '$']) {
            return Ok(text.into());
        }
        let mut run = Run { text: String::new(), steps: 0 };
        self.expand_into(&mut run, text, file, 0)?;
        Ok(run.text)
    }

    fn expand_into(
        &mut self,
        run: &mut Run,
        text: &str,
        file: &Arc<str>,
        depth: usize,
    ) -> Result<(), Fault> {
        let mut rest = text;
        while let Some(next) = rest.find(['%', '$']) {
            let (plain, sign) = rest.split_at(next);
            run.text.push_str(plain);
            let at = text.len() - sign.len();
            let used = match sign.as_bytes() {
                [b'$', b'(', ..] => self.variable(run, sign, at)?,
                [b'$', ..] => {
                    run.text.push('$');
                    1
                }
                [b'%', b'(', ..] => self.option(run, sign, at, depth)?,
                _ => self.letter(run, sign, at, file)?,
            };
            if run.text.len() > LENGTH_MAX {
                return Err(Fault::at(at, "expected a value that expands to at most 64 KiB"));
            }
            rest = sign.get(used..).unwrap_or_default();
        }
        run.text.push_str(rest);
        Ok(())
    }

    /// `$(NAME)` at the start of `sign`; gives its length.
    fn variable(&self, run: &mut Run, sign: &str, at: usize) -> Result<usize, Fault> {
        let name = name_in(sign).ok_or_else(|| Fault::at(at, "expected ')' after '$('"))?;
        let Some(value) = (self.around.variable)(name) else {
            let said = format!("the environment variable {name} is not set");
            return Err(Fault::at(at, said));
        };
        run.text.push_str(&value);
        Ok(name.len() + 3)
    }

    /// `%(NAME)` at the start of `sign`; gives its length.
    fn option(
        &mut self,
        run: &mut Run,
        sign: &str,
        at: usize,
        depth: usize,
    ) -> Result<usize, Fault> {
        let name = name_in(sign).ok_or_else(|| Fault::at(at, "expected ')' after '%('"))?;
        let Some((value, file)) = self.values.get(name).cloned() else {
            let hint = nearest::hint(name, self.values.keys().map(String::as_str));
            let said = format!("%({name}) is not set in the main section{hint}");
            return Err(Fault::at(at, said));
        };
        self.used.insert(name.into());
        run.steps += 1;
        if depth >= DEPTH_MAX || run.steps > STEPS_MAX {
            return Err(Fault::at(at, format!("%({name}) refers to itself, or to too much")));
        }
        self.expand_into(run, &value, &file, depth + 1).map_err(|fault| Fault { at, ..fault })?;
        Ok(name.len() + 3)
    }

    /// `%` and a letter at the start of `sign`; gives its length.
    fn letter(
        &self,
        run: &mut Run,
        sign: &str,
        at: usize,
        file: &Arc<str>,
    ) -> Result<usize, Fault> {
        let path = std::path::absolute(self.around.directory.join(&**file)).unwrap_or_default();
        let part = |part: Option<&std::ffi::OsStr>| {
            part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let value = match sign.as_bytes().get(1) {
            Some(b'%') => "%".into(),
            Some(b'd') => directory(&path),
            Some(b's') => part(path.file_name()),
            Some(b'n') => part(path.file_stem()),
            Some(b'h') => self.around.host.clone(),
            Some(b'k') => self.around.cores.to_string(),
            _ => {
                let found: String = sign.chars().take(2).collect();
                let said = format!(
                    "\"{found}\" means nothing here: expected %(option), %d (directory), %s (file), \
                     %n (file without extension), %h (host) or %k (cores); a percent sign is %%"
                );
                return Err(Fault::at(at, said));
            }
        };
        run.text.push_str(&value);
        Ok(2)
    }
}

/// NAME of `$(NAME)` or `%(NAME)`.
fn name_in(sign: &str) -> Option<&str> {
    sign.get(2..)?.split_once(')').map(|(name, _)| name)
}

/// The directory of `path` with a slash at its end.
fn directory(path: &Path) -> String {
    let directory = path.parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
    if directory.ends_with('/') { directory } else { directory + "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Surroundings {
        Surroundings {
            variable: |name| (name == "PORT").then(|| "8080".into()),
            host: "web1".into(),
            cores: 4,
            directory: "/srv".into(),
            ..Surroundings::none()
        }
    }

    fn expand(text: &str) -> Result<String, (usize, String)> {
        let around = around();
        let mut options = Options::new(&around);
        let file = "etc/site.ini".into();
        options.set("base", "10.0.0.%(last)", &file);
        options.set("last", "1", &file);
        options.set("loop", "x%(loop)", &file);
        options.set("bad", "a%q", &file);
        options.set("big", &"%(last)".repeat(2000), &file);
        options.expand(text, &file).map_err(|fault| (fault.at, fault.expected))
    }

    #[test]
    fn replaces() {
        for (text, expanded) in [
            (":$(PORT)", ":8080"),
            ("%(base):3031", "10.0.0.1:3031"),
            ("%d|%s|%n|%h|%k|100%%", "/srv/etc/|site.ini|site|web1|4|100%"),
            ("^/ws/(\\w+)$ http:a,$1,${HOST}", "^/ws/(\\w+)$ http:a,$1,${HOST}"),
            ("é%%é", "é%é"),
        ] {
            assert_eq!(expand(text), Ok(expanded.into()), "{text}");
        }
    }

    #[test]
    fn refuses() {
        let fault = |at, said: &str| Err((at, said.to_owned()));
        assert_eq!(expand("a$(HOME"), fault(1, "expected ')' after '$('"));
        assert_eq!(expand("$(HOME)"), fault(0, "the environment variable HOME is not set"));
        assert_eq!(expand("é%(base"), fault(2, "expected ')' after '%('"));
        assert_eq!(
            expand("%(bse)"),
            fault(0, "%(bse) is not set in the main section; did you mean base?")
        );
        assert_eq!(expand("%(loop)"), fault(0, "%(loop) refers to itself, or to too much"));
        assert_eq!(expand("%(big)"), fault(0, "%(last) refers to itself, or to too much"));
        for text in ["%é", "a%", "%20"] {
            assert!(expand(text).is_err_and(|fault| fault.1.contains("a percent sign is %%")));
        }
        assert_eq!(expand("xx%(bad)").map_err(|fault| fault.0), Err(2));
    }
}
