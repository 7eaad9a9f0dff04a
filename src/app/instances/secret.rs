//! The file of the secret that all instances know.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::base::Problem;
use crate::config::{Config, Instances, Placed};
use crate::proto::instances::Secret;

/// The shortest secret, in bytes: whoever pretends to be an instance may try at leisure what was proven to it.
const SHORTEST: usize = 32;

/// Reads it, where there are other instances: without it whoever connects could listen and publish everywhere.
pub(in super::super) fn load(config: &Config, problems: &mut Vec<Problem>) -> Option<Secret> {
    let Instances { listen, peers, secret } = &config.instances;
    let file = match (listen.iter().chain(peers).next(), secret) {
        (Some(_), Some(file)) => file,
        (Some(first), None) => {
            let said = "instances know each other by a secret: expected channel-secret with the path of a file that holds it";
            problems.push(Problem::error(Some(first.place.clone()), said));
            return None;
        }
        (None, Some(file)) => {
            let said = "channel-secret: there is neither channel-listen nor channel-peer to make use of it";
            problems.push(Problem::warning(Some(file.place.clone()), said));
            return None;
        }
        (None, None) => return None,
    };
    match read(file, problems) {
        Ok(secret) => Some(secret),
        Err(said) => {
            let said = format!("channel-secret: {}: {said}", file.value.display());
            problems.push(Problem::error(Some(file.place.clone()), said));
            None
        }
    }
}

fn read(file: &Placed<PathBuf>, problems: &mut Vec<Problem>) -> Result<Secret, String> {
    let found = fs::metadata(&file.value).map_err(|error| error.to_string())?;
    let bytes = fs::read(&file.value).map_err(|error| error.to_string())?;
    let secret = bytes.trim_ascii();
    if secret.len() < SHORTEST {
        let len = secret.len();
        return Err(format!(
            "{len} bytes are too few: expected {SHORTEST} or more, as of `openssl rand -hex 32`"
        ));
    }
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let shown = file.value.display();
        let said = format!(
            "channel-secret: {shown} can be read or changed by others (mode {mode:04o}): expected 0600, as by chmod 600"
        );
        problems.push(Problem::warning(Some(file.place.clone()), said));
    }
    Ok(Secret::new(secret))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io::Write as _;

    use super::*;
    use crate::base::Place;

    fn told(text: &str, mode: u32) -> (bool, Vec<String>) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        fs::set_permissions(file.path(), Permissions::from_mode(mode)).expect("a mode");
        let place = Place { file: "a.ini".into(), line: 1, column: 1 };
        let mut config = Config::default();
        let placed = |value| Placed { value, place: place.clone() };
        config.instances.secret = Some(placed(file.path().to_path_buf()));
        config.instances.listen =
            Some(Placed { value: "127.0.0.1:1".parse().expect("one"), place: place.clone() });
        let mut problems = Vec::new();
        let found = load(&config, &mut problems).is_some();
        (found, problems.iter().map(|problem| problem.message.clone()).collect())
    }

    #[test]
    fn it_is_long_enough_and_nobody_elses() {
        assert_eq!(told(&"x".repeat(32), 0o600), (true, vec![]));
        let (found, said) = told(&format!("{}\n", "x".repeat(31)), 0o600);
        assert!(!found && said[0].contains("31 bytes are too few"), "{said:?}");
        let (found, said) = told("", 0o600);
        assert!(!found && said[0].contains("0 bytes are too few"), "{said:?}");
        let (found, said) = told(&"x".repeat(64), 0o640);
        assert!(found && said[0].contains("by others (mode 0640)"), "{said:?}");
    }
}
