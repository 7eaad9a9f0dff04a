//! Tests of [`super::Value`].

use super::*;

fn value(text: &str) -> Value {
    let place = Place { file: "a.ini".into(), line: 3, column: 8 };
    Value::new("[tidegate] k =", text, text, place, false)
}

fn said<T>(found: Result<T, Fault>) -> String {
    found.err().expect("a fault").expected
}

#[test]
fn durations() {
    for (text, millis) in [
        ("250ms", 250),
        ("30", 30_000),
        ("30s", 30_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("8760h", 31_536_000_000),
    ] {
        assert_eq!(value(text).duration(), Ok(Duration::from_millis(millis)), "{text}");
    }
    for text in ["", "s", "30 sec", "-1", "+1", "1.5s", "5M", "1d", "٣s", "99999999999999999999"] {
        assert_eq!(said(value(text).duration()), DURATION, "{text}");
    }
    assert_eq!(said(value("0").duration()), "expected a duration longer than 0");
    assert_eq!(said(value("8761h").duration()), "expected at most a year (8760h)");
    for off in ["off", "OFF", "no", "false", "0", "0ms"] {
        assert_eq!(value(off).duration_or_off(), Ok(None), "{off}");
    }
    assert_eq!(value("2s").duration_or_off(), Ok(Some(Duration::from_secs(2))));
    assert_eq!(said(value("x").duration_or_off()), DURATION_OR_OFF);
}

#[test]
fn sizes_and_numbers() {
    for (text, size) in [("1", 1), ("64k", 65_536), ("1M", 1 << 20), ("2g", 2 << 30)] {
        assert_eq!(value(text).size(), Ok(size), "{text}");
    }
    for text in ["", "k", "1kb", "1 k", "-1", "99999999999g"] {
        assert_eq!(said(value(text).size()), SIZE, "{text}");
    }
    assert_eq!(said(value("0").size()), "expected a size of at least 1 byte");
    assert_eq!(said(value("1").size_within(100..=8192)), "expected a size from 100 to 8k");
    assert_eq!(value("8").number(1..=8), Ok(8));
    for text in ["0", "9", "", "1k", "+1"] {
        assert_eq!(said(value(text).number(1..=8)), "expected a number from 1 to 8", "{text}");
    }
}

#[test]
fn words() {
    for (text, flag) in [("true", true), ("On", true), ("1", true), ("no", false), ("off", false)] {
        assert_eq!(value(text).flag(), Ok(flag), "{text}");
    }
    assert!(value("").flag().is_err());
    assert!(value("maybe").flag().is_err());
    assert_eq!(value("b").one_of(&[("a", 1), ("b", 2)]), Ok(2));
    assert_eq!(said(value("c").one_of(&[("a", 1), ("b", 2)])), "expected a or b");
}

#[test]
fn places_follow_slices_until_expansion() {
    let whole = value("^/é  http:app");
    let slice = whole.slice(4..whole.text().len());
    assert_eq!(slice.text(), "http:app");
    assert_eq!(slice.place_at(0).column, 13);
    assert_eq!(slice.place_at(5).column, 18);
    let place = Place { file: "a.ini".into(), line: 3, column: 8 };
    let expanded = Value::new("[tidegate] k =", "%(a) b", "xyz b", place, false);
    assert_eq!(expanded.slice(4..5).place_at(0).column, 8);
    assert_eq!(expanded.quoted(), "[tidegate] k = \"%(a) b\" (which is \"xyz b\")");
}

#[test]
fn messages_fit_a_line() {
    let problem = value("30s ; a comment").error(&Fault::new(DURATION));
    assert_eq!(
        problem.to_string(),
        "a.ini:3:8: [tidegate] k = \"30s ; a comment\": expected a duration such as 30s, 5m or \
         250ms (comments need a line of their own)"
    );
    assert_eq!(shown(&"x".repeat(100), 80).chars().count(), 81);
    assert_eq!(shown("a\u{7}b", 80), "a\u{fffd}b");
}
