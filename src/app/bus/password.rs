//! Where the password for the bus comes from: the URL, or a file of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Target;
use crate::base::Problem;
use crate::config::{Config, Secretive};

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
