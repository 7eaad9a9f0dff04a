//! One server of a group as it is written, and how the group chooses among them.

use crate::base::Address;

use super::model::Placed;
use super::template::Template;
use super::value::{Fault, Value};

/// A server of an `[upstream:NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it is.
    pub address: Placed<Address>,
    /// `weight=N`: its share of the group's requests.
    pub weight: u16,
    /// `max=N`: most sessions at once.
    pub max: Option<u32>,
    /// `backup`: only for when no other is usable.
    pub backup: bool,
}

/// How a server of a group is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Balance {
    /// Each in turn.
    RoundRobin,
    /// The one with the fewest live sessions.
    Least,
    /// The one with fewer live sessions of two that chance picks.
    RandomTwo,
    /// What this comes to decides, always the same way.
    Hash(Template),
}

/// How often one request may be tried again, and how many of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Further attempts of one request.
    pub most: u8,
    /// Further attempts of all, in a hundred requests of the last seconds.
    pub share: u8,
}

impl Retries {
    /// The most that one request may be allowed: a large group that is down answers soon.
    pub const MOST: u8 = 6;
}

impl Default for Retries {
    fn default() -> Retries {
        Retries { most: Retries::MOST, share: 20 }
    }
}

const OPTIONS: &str = "expected weight=N, max=N or backup behind the address";

/// `ADDR weight=N max=N backup`.
pub(super) fn server(value: &Value) -> Result<Server, Fault> {
    let mut words = value.words();
    let address = match words.next() {
        Some(word) => word.address().map_err(|fault| value.fault_of(&word, &fault.expected))?,
        None => value.address()?,
    };
    let mut server = Server { address: value.placed(address), weight: 1, max: None, backup: false };
    for word in words {
        let wrong = |expected| value.fault_of(&word, expected);
        match word.text().split_once('=') {
            None if word.text() == "backup" => server.backup = true,
            Some(("weight", number)) => {
                let number = number.parse().ok().filter(|number| (1..=1000).contains(number));
                server.weight = number.ok_or_else(|| wrong("expected a weight from 1 to 1000"))?;
            }
            Some(("max", number)) => {
                let number = number.parse().ok().filter(|number| *number > 0);
                let said = "expected a number of sessions, at least 1, as in max=500";
                server.max = Some(number.ok_or_else(|| wrong(said))?);
            }
            _ => return Err(wrong(OPTIONS)),
        }
    }
    Ok(server)
}

/// `round-robin`, `least`, `random-2` or `hash:TEMPLATE`.
pub(super) fn balance(value: &Value) -> Result<Balance, Fault> {
    let Some(written) = value.text().strip_prefix("hash:") else {
        return match value.text() {
            "round-robin" => Ok(Balance::RoundRobin),
            "least" => Ok(Balance::Least),
            "random-2" => Ok(Balance::RandomTwo),
            _ => Err(Fault::new(
                "expected round-robin, least, random-2 or hash: and a variable, as in hash:${REMOTE_ADDR}",
            )),
        };
    };
    let at = "hash:".len();
    let template =
        Template::parse(written).map_err(|fault| Fault::at(at + fault.at, fault.expected))?;
    if template.highest_capture().is_some() {
        let said = "expected variables only: what a regex captures is known to its rule alone";
        return Err(Fault::at(at, said));
    }
    if template.is_fixed() {
        let said = "expected a variable: without one every request goes to the same server";
        return Err(Fault::at(at, said));
    }
    Ok(Balance::Hash(template))
}

/// `N`, `budget=PERCENT` or both; `off` is 0.
pub(super) fn retries(value: &Value) -> Result<Retries, Fault> {
    const SAID: &str = "expected a number from 0 to 6, or one with a share of all requests in percent, as in 2 budget=10";
    let mut retries = Retries::default();
    if value.text() == "off" {
        return Ok(Retries { most: 0, ..retries });
    }
    let mut words = 0;
    for word in value.words() {
        words += 1;
        let wrong = || value.fault_of(&word, SAID);
        match word.text().strip_prefix("budget=") {
            Some(share) => {
                let share = share.parse().ok().filter(|share| *share <= 100);
                retries.share = share.ok_or_else(wrong)?;
            }
            None => {
                let most = word.text().parse().ok().filter(|most| *most <= Retries::MOST);
                retries.most = most.ok_or_else(wrong)?;
            }
        }
    }
    if matches!(words, 1 | 2) { Ok(retries) } else { Err(Fault::new(SAID)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Place;

    fn value(text: &str) -> Value {
        let place = Place { file: "k".into(), line: 1, column: 1 };
        Value::new("key =", text, text, place, false)
    }

    #[test]
    fn options_of_a_server() {
        let read = |text| {
            let server = server(&value(text)).map_err(|fault| (fault.at, fault.expected))?;
            Ok((server.address.value.to_string(), server.weight, server.max, server.backup))
        };
        assert_eq!(read("a:1"), Ok(("a:1".into(), 1, None, false)));
        assert_eq!(read("a:1 max=500 \t weight=2  backup"), Ok(("a:1".into(), 2, Some(500), true)));
        for (text, at, said) in [
            ("a:1 weight=0", 4, "expected a weight from 1 to 1000"),
            ("a:1 weight=x", 4, "expected a weight from 1 to 1000"),
            ("a:1 max=0", 4, "expected a number of sessions, at least 1, as in max=500"),
            ("a:1  down", 5, OPTIONS),
            ("a:1 backup=1", 4, OPTIONS),
        ] {
            assert_eq!(read(text), Err((at, said.to_owned())), "{text}");
        }
        assert!(read("").is_err() && read("nothing").is_err());
    }

    #[test]
    fn ways_to_balance() {
        for (text, found) in [
            ("round-robin", Balance::RoundRobin),
            ("least", Balance::Least),
            ("random-2", Balance::RandomTwo),
            ("hash:${cookie[sid]}", Balance::Hash(Template::parse("${cookie[sid]}").unwrap())),
        ] {
            assert_eq!(balance(&value(text)), Ok(found));
        }
        for (text, at) in
            [("fair", 0), ("hash:", 5), ("hash:a", 5), ("hash:$1", 5), ("hash:a${b c}", 6)]
        {
            assert_eq!(balance(&value(text)).unwrap_err().at, at, "{text}");
        }
    }

    #[test]
    fn numbers_and_shares_of_retries() {
        let read = |text| retries(&value(text)).map(|found| (found.most, found.share)).ok();
        for (text, found) in [
            ("2", (2, 20)),
            ("budget=10", (6, 10)),
            ("2 budget=10", (2, 10)),
            ("budget=0", (6, 0)),
            ("off", (0, 20)),
        ] {
            assert_eq!(read(text), Some(found), "{text}");
        }
        for bad in ["", "7", "-1", "budget=101", "1 2 3", "x", "budget=", "20%%"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
