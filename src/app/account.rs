//! Users and groups: who the process is once it listens, and whose its unix sockets are.

use std::ffi::CString;
use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::fchown;

use nix::unistd::{
    Gid, Group, Uid, User, getegid, geteuid, initgroups, setgroups, setresgid, setresuid,
};

use crate::base::Problem;
use crate::config::{Config, LogTo, Placed};

/// Who the process becomes.
#[derive(Clone, Debug)]
pub(super) struct Account {
    uid: Uid,
    gid: Gid,
    /// As the system knows the user, whose further groups it has then.
    name: Option<CString>,
    /// As the configuration calls it.
    label: String,
}

/// What a configuration says of users and groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts {
    /// `user` and `group`; `None`: the process stays who it is.
    pub(super) own: Option<Account>,
    /// `chown-socket`: user and group of our unix sockets.
    pub(super) sockets: (Option<u32>, Option<u32>),
}

impl Accounts {
    /// Looks up what the configuration names.
    pub(super) fn find(config: &Config, problems: &mut Vec<Problem>) -> Accounts {
        let mut found = Accounts::default();
        let mut tell = |placed: &Placed<String>, key: &str, fault: String| {
            let said = format!("{key} = \"{}\": {fault}", placed.value);
            problems.push(Problem::error(Some(placed.place.clone()), said));
        };
        match own(config) {
            Ok(account) => found.own = account,
            Err((key, placed, fault)) => tell(placed, key, fault),
        }
        if let Some(owner) = &config.socket_owner {
            let (user, group) = owner.value.split_once(':').unwrap_or((&owner.value, ""));
            let look = || -> Result<_, String> {
                let uid = if user.is_empty() { None } else { Some(user_of(user)?.0.as_raw()) };
                let gid = if group.is_empty() { None } else { Some(group_of(group)?.as_raw()) };
                Ok((uid, gid))
            };
            match look() {
                Ok(sockets) => found.sockets = sockets,
                Err(fault) => tell(owner, "chown-socket", fault),
            }
        }
        found
    }
}

type Fault<'a> = (&'static str, &'a Placed<String>, String);

fn own(config: &Config) -> Result<Option<Account>, Fault<'_>> {
    let group = match &config.group {
        Some(group) => Some(group_of(&group.value).map_err(|fault| ("group", group, fault))?),
        None => None,
    };
    let Some(user) = &config.user else {
        let account = |(gid, group): (Gid, &Placed<String>)| Account {
            uid: geteuid(),
            gid,
            name: None,
            label: format!("group {}", group.value),
        };
        return Ok(group.zip(config.group.as_ref()).map(account));
    };
    let fault = |fault| ("user", user, fault);
    let (uid, known) = user_of(&user.value).map_err(fault)?;
    let gid = group.or(known.as_ref().map(|known| known.gid));
    let gid = gid.ok_or_else(|| fault("it is nobody's number, so say a group, too".into()))?;
    let name = known.and_then(|known| CString::new(known.name).ok());
    Ok(Some(Account { uid, gid, name, label: user.value.clone() }))
}

/// A user by name or number, and what the system knows of it.
fn user_of(text: &str) -> Result<(Uid, Option<User>), String> {
    let number = text.parse::<u32>().ok().map(Uid::from_raw);
    let known = match number {
        Some(uid) => User::from_uid(uid),
        None => User::from_name(text),
    };
    let known = known.map_err(|error| error.desc().to_owned())?;
    match number.or(known.as_ref().map(|known| known.uid)) {
        Some(uid) => Ok((uid, known)),
        None => Err("there is no such user".into()),
    }
}

/// A group by name or number.
fn group_of(text: &str) -> Result<Gid, String> {
    if let Ok(number) = text.parse::<u32>() {
        return Ok(Gid::from_raw(number));
    }
    let known = Group::from_name(text).map_err(|error| error.desc().to_owned())?;
    known.map(|known| known.gid).ok_or_else(|| "there is no such group".into())
}

impl Account {
    /// Becomes it for good, in all threads, and has no other groups than it; false when the process is it already.
    ///
    /// # Errors
    /// When the process may not.
    pub(super) fn assume(&self) -> io::Result<bool> {
        if (geteuid(), getegid()) == (self.uid, self.gid) {
            return Ok(false);
        }
        match &self.name {
            Some(name) => initgroups(name, self.gid)?,
            None => setgroups(&[self.gid])?,
        }
        setresgid(self.gid, self.gid, self.gid)?;
        setresuid(self.uid, self.uid, self.uid)?;
        Ok(true)
    }

    /// User and group, as files are given to them.
    pub(super) fn owner(&self) -> (Option<u32>, Option<u32>) {
        (Some(self.uid.as_raw()), Some(self.gid.as_raw()))
    }

    /// Gives the access log to it, so that it can be opened again.
    pub(super) fn take_log(&self, config: &Config) {
        let LogTo::File(path) = &config.log.to else { return };
        let is_file = std::fs::metadata(path).is_ok_and(|found| found.is_file());
        let given = is_file.then(|| {
            let file = OpenOptions::new().append(true).open(path)?;
            fchown(&file, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
        });
        if let Some(Err(error)) = given {
            tracing::warn!("logto: {} cannot be given to {self}: {error}", path.display());
        }
    }

    /// Says what it will not be able to do, now that the process is it.
    pub(super) fn look_around(&self, config: &Config, problems: &[Problem]) {
        for problem in problems.iter().filter(|problem| problem.is_error()) {
            tracing::warn!(
                "{self} cannot read the configuration again, a reload will fail: {problem}"
            );
        }
        if let LogTo::File(path) = &config.log.to
            && let Err(error) = OpenOptions::new().append(true).open(path)
        {
            tracing::warn!("{self} cannot open {} again: {error}", path.display());
        }
        let spool = config.spool_dir.clone().unwrap_or_else(std::env::temp_dir);
        if let Err(error) = tempfile::tempfile_in(&spool) {
            tracing::warn!("{self} cannot write to spool-dir {}: {error}", spool.display());
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Place;

    fn placed(text: &str) -> Option<Placed<String>> {
        let place = Place { file: "site.ini".into(), line: 1, column: 1 };
        Some(Placed { value: text.into(), place })
    }

    fn find(user: &str, group: &str, owner: &str) -> (Accounts, Vec<String>) {
        let given = |text: &str| placed(text).filter(|placed| !placed.value.is_empty());
        let (user, group, socket_owner) = (given(user), given(group), given(owner));
        let config = Config { user, group, socket_owner, ..Config::default() };
        let mut problems = Vec::new();
        let found = Accounts::find(&config, &mut problems);
        (found, problems.iter().map(Problem::to_string).collect())
    }

    #[test]
    fn names_and_numbers_are_found() {
        for (user, group, want) in [
            ("root", "", (Some(0), Some(0))),
            ("0", "", (Some(0), Some(0))),
            ("root", "4242", (Some(0), Some(4242))),
            ("4241", "4242", (Some(4241), Some(4242))),
            ("", "root", (Some(geteuid().as_raw()), Some(0))),
        ] {
            let (found, problems) = find(user, group, "");
            assert_eq!(problems, [""; 0], "{user} {group}");
            assert_eq!(found.own.map(|own| own.owner()), Some(want), "{user} {group}");
        }
        for (owner, want) in [
            ("root", (Some(0), None)),
            ("root:4242", (Some(0), Some(4242))),
            (":root", (None, Some(0))),
            ("4241:root", (Some(4241), Some(0))),
        ] {
            assert_eq!(find("", "", owner).0.sockets, want, "{owner}");
        }
    }

    #[test]
    fn whom_nobody_knows_is_an_error() {
        let nobody = "tidegate-has-no-such-name";
        for (user, group, owner, said) in [
            (nobody, "", "", format!("user = \"{nobody}\": there is no such user")),
            ("", nobody, "", format!("group = \"{nobody}\": there is no such group")),
            ("", "", nobody, format!("chown-socket = \"{nobody}\": there is no such user")),
            ("4241", "", "", "user = \"4241\": it is nobody's number, so say a group, too".into()),
        ] {
            let (_, problems) = find(user, group, owner);
            assert_eq!(problems, [format!("site.ini:1:1: {said}")]);
        }
    }
}
