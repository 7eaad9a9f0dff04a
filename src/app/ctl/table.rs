//! Columns of text, and how numbers are shown in them.

use std::time::Duration;

/// Lines of cells under their headings; columns are as wide as they must be. The first `left` columns are
/// words, the others numbers.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>], left: usize) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        longest.max(headings.get(column).map_or(0, |heading| heading.chars().count()))
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    let mut put = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (column, (cell, width)) in cells.zip(&widths).enumerate() {
            let gap = if column > 0 { "  " } else { "" };
            line.push_str(&match column < left {
                true => format!("{gap}{cell:<width$}"),
                false => format!("{gap}{cell:>width$}"),
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    put(&mut headings.iter().copied());
    for row in rows {
        put(&mut row.iter().map(String::as_str));
    }
    text
}

/// `12,345`
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place % 3 == first {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `999`, `1.2k`, `34M`: bytes, in powers of 1024.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [char; 6] = ['k', 'M', 'G', 'T', 'P', 'E'];
    let mut shown = number as f64;
    let mut unit = None;
    for next in UNITS {
        if shown < 999.5 {
            break;
        }
        shown /= 1024.0;
        unit = Some(next);
    }
    match unit {
        None => number.to_string(),
        Some(unit) if shown < 9.95 => format!("{shown:.1}{unit}"),
        Some(unit) => format!("{shown:.0}{unit}"),
    }
}

/// `70ms`, `1.2s`, `45s`, `5m10s`, `3h4m`, `12d3h`.
pub(super) fn duration(millis: u64) -> String {
    let seconds = Duration::from_millis(millis).as_secs();
    let pair = |big: u64, unit: char, rest: u64, small: char| match rest {
        0 => format!("{big}{unit}"),
        _ => format!("{big}{unit}{rest}{small}"),
    };
    match seconds {
        0 => format!("{millis}ms"),
        1..10 => format!("{:.1}s", millis as f64 / 1000.0),
        10..60 => format!("{seconds}s"),
        60..3600 => pair(seconds / 60, 'm', seconds % 60, 's'),
        3600..86_400 => pair(seconds / 3600, 'h', seconds % 3600 / 60, 'm'),
        _ => pair(seconds / 86_400, 'd', seconds % 86_400 / 3600, 'h'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, shown) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), shown);
        }
        let sizes = [
            (0, "0"),
            (999, "999"),
            (1000, "1.0k"),
            (10_240, "10k"),
            (1 << 20, "1.0M"),
            (u64::MAX, "16E"),
        ];
        for (value, shown) in sizes {
            assert_eq!(bytes(value), shown);
        }
        for (millis, shown) in [
            (0, "0ms"),
            (999, "999ms"),
            (1_250, "1.2s"),
            (59_999, "59s"),
            (60_000, "1m"),
            (310_000, "5m10s"),
            (11_040_000, "3h4m"),
            (1_047_600_000, "12d3h"),
        ] {
            assert_eq!(duration(millis), shown);
        }
    }

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["a".into(), "10".into()], vec!["long".into(), "5".into()]];
        assert_eq!(table(&["NAME", "N"], &rows, 1), "NAME   N\na     10\nlong   5\n");
        assert_eq!(table(&["NAME"], &[], 1), "NAME\n");
    }
}
