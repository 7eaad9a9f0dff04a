//! Actions that let a request go on or not: `basicauth:`, `limit:`, `auth:`.

use std::path::PathBuf;
use std::time::Duration;

use super::action::Way;
use super::auth::Auth;
use super::template::Template;
use super::value::{Fault, Value};

/// What a request has to pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A name and a password.
    Password(Password),
    /// Not too many of them.
    Limit(Limit),
    /// A server that is asked.
    Auth(Auth),
}

/// `basicauth:REALM,WHO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// What people are told the password is for.
    pub realm: String,
    /// Who is let in.
    pub who: Who,
    /// `basicauth-next:`: with a wrong password the next rules are tried.
    pub next: bool,
}

/// Who is let in.
#[derive(Clone, PartialEq, Eq)]
pub enum Who {
    /// Nobody.
    Nobody,
    /// This one.
    User {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
    /// Those in this file, as htpasswd writes it.
    File(PathBuf),
}

/// Never with the password.
impl std::fmt::Debug for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Who::Nobody => f.write_str("Nobody"),
            Who::User { name, .. } => write!(f, "User({name})"),
            Who::File(path) => write!(f, "File({})", path.display()),
        }
    }
}

/// `limit:RATE[,burst=N][,key=TEXT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// One request in this time, on average.
    pub every: Duration,
    /// So many at once.
    pub burst: u32,
    /// Of what there may be so many; `None`: of each client address.
    pub key: Option<Template>,
}

impl Guard {
    /// What is filled in for each request.
    pub(super) fn template(&self) -> Option<&Template> {
        match self {
            Guard::Limit(limit) => limit.key.as_ref(),
            Guard::Auth(Auth { way: Way::Http { uri, .. }, .. }) => uri.as_ref(),
            Guard::Auth(_) | Guard::Password(_) => None,
        }
    }

    /// Whether it stops whoever it does not know.
    pub(super) fn is_access_rule(&self) -> bool {
        match self {
            Guard::Password(password) => !password.next,
            Guard::Limit(_) => false,
            Guard::Auth(_) => true,
        }
    }

    /// How it is written where others may read it.
    pub(super) fn shown(&self, said: &str) -> String {
        match self {
            Guard::Password(Password { realm, who: Who::User { name, .. }, next }) => {
                let next = if *next { "-next" } else { "" };
                format!("basicauth{next}:{realm},{name}:***")
            }
            _ => said.to_owned(),
        }
    }
}

/// Reads a guard whose name is `name`; `None` when it is none.
pub(super) fn guard(name: &str, value: &Value) -> Option<Result<Guard, Fault>> {
    Some(match name {
        "basicauth" => password(value, false).map(Guard::Password),
        "basicauth-next" => password(value, true).map(Guard::Password),
        "limit" => limit(value).map(Guard::Limit),
        _ => return None,
    })
}

fn password(value: &Value, next: bool) -> Result<Password, Fault> {
    const SAID: &str = "expected a realm and who is let in, as in basicauth:Site,joe:secret or basicauth:Site,/etc/tidegate/users";
    let (realm, who) = value.text().split_once(',').ok_or_else(|| Fault::new(SAID))?;
    let strange = |c: char| c.is_control() || c == '"' || c == '\\';
    if realm.contains(strange) {
        return Err(Fault::new("expected a realm without quotes, backslashes and controls"));
    }
    let who = match who.split_once(':') {
        _ if who.is_empty() => Who::Nobody,
        Some(("", _)) => return Err(Fault::at(realm.len() + 1, SAID)),
        Some((name, password)) => Who::User { name: name.into(), password: password.into() },
        None => Who::File(who.into()),
    };
    Ok(Password { realm: realm.into(), who, next })
}

/// The longest time in which a burst may be used up: what is counted fits its cell.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

fn limit(value: &Value) -> Result<Limit, Fault> {
    const SAID: &str = "expected a rate such as 10/s, 600/m or 1000/h";
    let text = value.text();
    let (rate, rest) = text.split_once(',').map_or((text, None), |(rate, rest)| (rate, Some(rest)));
    let (count, per) = rate.trim().split_once('/').ok_or_else(|| Fault::new(SAID))?;
    let count = count.parse::<u32>().ok().filter(|count| (1..=1_000_000).contains(count));
    let count = count.ok_or_else(|| Fault::new(SAID))?;
    let per = match per {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(Fault::new(SAID)),
    };
    let every = Duration::from_secs(per) / count;
    let mut limit = Limit { every, burst: (u64::from(count).div_ceil(per)) as u32, key: None };
    let mut rest = rest;
    let mut at = rate.len() + 1;
    while let Some(text) = rest {
        if let Some(key) = text.trim_start().strip_prefix("key=") {
            // A key may have commas in it: it comes last.
            let start = at + text.len() - key.len();
            let template = Template::parse(key)
                .map_err(|fault| Fault::at(start + fault.at, fault.expected))?;
            if template.fixed() == Some("") {
                return Err(Fault::at(start, "expected a text such as ${HTTP_X_API_KEY}"));
            }
            limit.key = Some(template);
            break;
        }
        let (word, next) =
            text.split_once(',').map_or((text, None), |(word, next)| (word, Some(next)));
        let burst = word.trim().strip_prefix("burst=").and_then(|n| n.parse::<u32>().ok());
        let Some(burst) = burst.filter(|burst| *burst > 0) else {
            return Err(Fault::at(
                at,
                "expected burst=N or key=TEXT, as in limit:10/s,burst=50,key=${HTTP_X_API_KEY}",
            ));
        };
        limit.burst = burst;
        at += word.len() + 1;
        rest = next;
    }
    if every.checked_mul(limit.burst).is_none_or(|all| all > LONGEST) {
        return Err(Fault::new("so many at once are more than a year's at that rate"));
    }
    Ok(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Action, Surroundings, parse};

    fn read(action: &str) -> Guard {
        let text = format!("[tidegate]\nhttp = :1\nhttp-to = :2\nroute = ^/(a) {action}");
        let (config, problems) = parse(text.as_bytes(), "t", &Surroundings::none());
        assert_eq!(problems, []);
        match &config.rules[0].action.value {
            Action::Guard(guard) => guard.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_is_let_in() {
        let user =
            |name: &str, password: &str| Who::User { name: name.into(), password: password.into() };
        for (text, realm, who, next) in [
            ("basicauth:My Site,joe:a:b,c", "My Site", user("joe", "a:b,c"), false),
            ("basicauth-next:,joe:", "", user("joe", ""), true),
            ("basicauth:r,/etc/users", "r", Who::File("/etc/users".into()), false),
            ("basicauth:r,", "r", Who::Nobody, false),
        ] {
            let guard = read(text);
            assert_eq!(guard, Guard::Password(Password { realm: realm.into(), who, next }));
            assert!(!format!("{guard:?}").contains("a:b,c"));
            assert!(!guard.shown(text).contains("a:b,c"));
        }
    }

    #[test]
    fn whoever_is_not_known_is_stopped() {
        let is = |action: &str| {
            let text = format!("[tidegate]\nhttp = :1\nhttp-to = :2\nroute = ^/ {action}");
            let (config, problems) = parse(text.as_bytes(), "t", &Surroundings::none());
            assert_eq!(problems, []);
            config.rules[0].action.value.is_access_rule()
        };
        assert!(
            ["basicauth:a,/b", "basicauth:a,", "allow:10.0.0.0/8", "auth:http:a:1/b"]
                .into_iter()
                .all(is)
        );
        let open = ["basicauth-next:a,/b", "deny:10.0.0.0/8", "limit:1/s", "log:x", "break:403"];
        assert!(!open.into_iter().any(is));
    }

    #[test]
    fn rates() {
        for (text, millis, burst, key) in [
            ("limit:10/s", 100, 10, None),
            ("limit:600/m", 100, 10, None),
            ("limit:6/m", 10_000, 1, None),
            ("limit:100/h,burst=7", 36_000, 7, None),
            ("limit:1/s, burst=5, key=${qs[a]},$1", 1000, 5, Some("${qs[a]},$1")),
        ] {
            let Guard::Limit(limit) = read(text) else { panic!() };
            let shown = limit.key.map(|key| key.to_string());
            assert_eq!((limit.every.as_millis(), limit.burst), (millis, burst), "{text}");
            assert_eq!(shown.as_deref(), key);
        }
    }
}
