//! Where the password for the bus comes from: the URL, or a file of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Target;
use crate::base::Problem;
use crate::config::{Config, Secretive};

/// Characters of what a bus says that are shown.
const LINE: usize = 200;

/// Where the bus is, with its password read.
pub(in super::super) fn load(config: &Config, problems: &mut Vec<Problem>) -> Option<Target> {
    let placed = config.bus.as_ref()?;
    let bus = placed.value.clone();
    let Some(file) = &bus.passfile else {
        let password = bus.password.clone();
        return Some(Target { bus, password });
    };
    match read(file) {
        Ok((password, mode)) => {
            if mode & 0o077 != 0 {
                let shown = file.display();
                let said = format!(
                    "channel-bus: {shown} can be read or changed by others (mode {mode:04o}): expected 0600, as by chmod 600"
                );
                problems.push(Problem::warning(Some(placed.place.clone()), said));
            }
            Some(Target { bus, password: Some(password) })
        }
        Err(said) => {
            let said = format!("channel-bus: {}: {said}", file.display());
            problems.push(Problem::error(Some(placed.place.clone()), said));
            None
        }
    }
}

/// What the bus says of a fault, as our lines may have it: short, without controls, and without the password, for some
/// quote the words of a command that they do not know.
pub(super) fn tamed(why: &str, password: Option<&Secretive>) -> String {
    let said = why.split(", with args").next().unwrap_or_default();
    let hidden = match password {
        Some(Secretive(password)) if !password.is_empty() => said.replace(password, "..."),
        _ => said.to_owned(),
    };
    hidden.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE).collect()
}

/// The first line of a file, and the file's permissions.
fn read(file: &Path) -> Result<(Secretive, u32), String> {
    let found = fs::metadata(file).map_err(|error| error.to_string())?;
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => {
            Ok((Secretive(line.to_owned()), found.permissions().mode() & 0o777))
        }
        _ => Err("expected a password in its first line".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SECURITY: secrets are in no log.
    #[test]
    fn what_a_bus_says_is_short_and_has_no_password() {
        let password = Secretive("hush".into());
        let quoted = "unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'ann' 'hu";
        for (said, shown) in [
            (quoted, "unknown command 'HELLO'"),
            ("no: hush, hush", "no: ..., ..."),
            ("a\r\n\u{1b}[0mforged", "a   [0mforged"),
        ] {
            assert_eq!(tamed(said, Some(&password)), shown);
        }
        assert_eq!(tamed(&"x".repeat(5000), None).len(), LINE);
    }
}
