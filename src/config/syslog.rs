//! `logto = syslog...`: to a syslog daemon, written as uWSGI's loggers are.

use std::path::PathBuf;

use crate::base::Address;

use super::nearest::hint;
use super::value::Fault;

/// Where this host's daemon listens.
const LOCAL: &str = "/dev/log";
/// Facilities by name (RFC 5424 section 6.2.1).
const FACILITIES: [(&str, u8); 20] = [
    ("kern", 0),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("authpriv", 10),
    ("ftp", 11),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

/// A syslog daemon, and what we are called there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syslog {
    /// Where it takes datagrams.
    pub to: Address,
    /// The name at the head of each message, at most 48 bytes.
    pub ident: String,
    /// Its number.
    pub facility: u8,
}

impl Syslog {
    /// `syslog[:IDENT[,FACILITY]]` or `rsyslog:ADDR[,IDENT[,FACILITY]]`; `None` when it is neither.
    ///
    /// # Errors
    /// When a part of it is wrong.
    pub(super) fn parse(text: &str) -> Option<Result<Syslog, Fault>> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        match scheme {
            "syslog" => Some(named(Address::Unix(PathBuf::from(LOCAL)), rest, text)),
            "rsyslog" => {
                let (address, names) = rest.split_once(',').unwrap_or((rest, ""));
                let at = text.len() - rest.len();
                let to = address.parse().map_err(|error| Fault::at(at, format!("{error}")));
                Some(to.and_then(|to| named(to, names, text)))
            }
            _ => None,
        }
    }
}

fn named(to: Address, names: &str, text: &str) -> Result<Syslog, Fault> {
    let (ident, facility) = names.split_once(',').unwrap_or((names, ""));
    let at = text.len() - names.len();
    let ident = if ident.is_empty() { "tidegate" } else { ident };
    if ident.len() > 48 || !ident.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::at(at, "a name in syslog has at most 48 letters, digits and signs"));
    }
    let facility = if facility.is_empty() { "daemon" } else { facility };
    let found = FACILITIES.iter().find(|(name, _)| *name == facility).ok_or_else(|| {
        let known = hint(facility, FACILITIES.iter().map(|(name, _)| *name));
        let said = format!("expected a facility of syslog such as daemon or local0{known}");
        Fault::at(text.len() - facility.len(), said)
    });
    Ok(Syslog { to, ident: ident.into(), facility: found?.1 })
}

#[cfg(test)]
mod tests {
    use super::Syslog;

    fn parsed(text: &str) -> Result<(String, String, u8), String> {
        let syslog = Syslog::parse(text).expect("syslog").map_err(|fault| fault.expected)?;
        Ok((syslog.to.to_string(), syslog.ident, syslog.facility))
    }

    #[test]
    fn as_uwsgi_writes_it() {
        for (text, to, ident, facility) in [
            ("syslog", "unix:/dev/log", "tidegate", 3),
            ("syslog:site", "unix:/dev/log", "site", 3),
            ("syslog:site,local6", "unix:/dev/log", "site", 22),
            ("rsyslog:10.0.0.1:514", "10.0.0.1:514", "tidegate", 3),
            ("rsyslog:log:514,site,user", "log:514", "site", 1),
            ("rsyslog:/run/log,site", "unix:/run/log", "site", 3),
        ] {
            assert_eq!(parsed(text), Ok((to.into(), ident.into(), facility)), "{text}");
        }
        assert!(Syslog::parse("/var/log/syslog").is_none());
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(parsed("rsyslog:514").expect_err("a fault").contains("colon"));
        assert!(parsed("syslog:a b").expect_err("a fault").contains("at most 48"));
        assert!(parsed("syslog:a,locl6").expect_err("a fault").contains("did you mean local"));
    }
}
