//! What finding a route costs: by prefix, by host, by inner literal, and without any literal.
//!
//! `cargo bench --bench routes`. Before the timings it prints what ten thousand rules of each kind take.

use std::fs;
use std::time::Instant;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tidegate::base::Place;
use tidegate::config::{Condition, Subject, Test};
use tidegate::route::{Facts, Purpose, Rule, Scratch, Silent, Table};

fn main() {
    println!("10000 rules              compiled in   table      resident    after asking each");
    memory("by prefix", prefixes);
    memory("by host", hosts);
    memory("by inner literal", inner);
    memory("by prefix, unlike ends", ends);
    divan::main();
}

/// A set of rules and, for each, a request it matches.
struct Case {
    rules: Vec<Rule>,
    /// Path and host.
    requests: Vec<(String, String)>,
}

fn condition(subject: Subject, regex: String) -> Condition {
    let place = Place { file: "bench.ini".into(), line: 1, column: 1 };
    Condition { test: Test::Matches { subject, regex }, negated: false, place }
}

fn case(count: usize, one: impl Fn(usize) -> (Vec<Condition>, String, String)) -> Case {
    let mut case = Case { rules: Vec::new(), requests: Vec::new() };
    for n in 0..count {
        let (conditions, path, host) = one(n);
        case.rules.push(Rule { conditions, captures: Some(0) });
        case.requests.push((path, host));
    }
    case
}

fn prefixes(count: usize) -> Case {
    case(count, |n| {
        let path = condition(Subject::Path, format!(r"^/svc-{n}/(\w+)$"));
        (vec![path], format!("/svc-{n}/status"), "example.com".into())
    })
}

fn hosts(count: usize) -> Case {
    case(count, |n| {
        let host = condition(Subject::Host, format!(r"^customer-{n}\.example\.com$"));
        let path = condition(Subject::Path, r"^/app/(\w+)$".into());
        (vec![host, path], "/app/status".into(), format!("customer-{n}.example.com"))
    })
}

fn inner(count: usize) -> Case {
    case(count, |n| {
        let path = condition(Subject::Path, format!(r"^/api/\w+/item-{n}$"));
        (vec![path], format!("/api/users/item-{n}"), "example.com".into())
    })
}

fn ends(count: usize) -> Case {
    case(count, |n| {
        let path = condition(Subject::Path, format!(r"^/svc-{n}/(\w+)-{n}$"));
        (vec![path], format!("/svc-{n}/status-{n}"), "example.com".into())
    })
}

/// Rules in which no byte is fixed: the whole path is looked through for each.
fn free(count: usize) -> Case {
    case(count, |n| {
        let path = condition(Subject::Path, format!(r"([^/]+)\W(\w{{{}}})$", n + 10));
        (vec![path], format!("/a.{}", "x".repeat(n + 10)), "example.com".into())
    })
}

fn compile(case: &Case) -> Table {
    let mut problems = Vec::new();
    let table = Table::compile(&case.rules, &mut problems);
    table.unwrap_or_else(|| panic!("{problems:?}"))
}

fn memory(name: &str, of: fn(usize) -> Case) {
    let case = of(10_000);
    let before = resident();
    let start = Instant::now();
    let table = compile(&case);
    let took = start.elapsed();
    let compiled = resident() - before;
    let mut scratch = Scratch::new();
    for (path, host) in &case.requests {
        black_box(table.find(
            &Facts {
                path: path.as_bytes(),
                host: host.as_bytes(),
                purpose: Purpose::Plain,
                says: &Silent,
            },
            &mut scratch,
        ));
    }
    println!(
        "{name:24} {:8} ms {:5} KiB {:8.1} MiB {:10.1} MiB",
        took.as_millis(),
        table.memory() >> 10,
        compiled,
        resident() - before,
    );
}

/// MiB this process has in memory.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
}

/// Lookups in one timed round: microseconds of a round read as nanoseconds of a lookup.
const ROUND: usize = 1000;

/// Asks for every path, in an order that differs from the rules'. The requests lie in memory in the order they are
/// asked, as a request that has just been read is in the cache; what is measured is the table.
fn ask(bencher: Bencher<'_, '_>, case: &Case) {
    let table = compile(case);
    let mut scratch = Scratch::new();
    let count = case.requests.len();
    let (mut text, mut spans, mut seed) = (String::new(), Vec::new(), 1u32);
    for _ in 0..count.max(ROUND) * 2 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (path, host) = &case.requests[(seed >> 8) as usize % count];
        let start = text.len();
        text.push_str(path);
        let middle = text.len();
        text.push_str(host);
        spans.push((start, middle, text.len()));
    }
    let text = text.as_bytes();
    let mut at = 0;
    bencher.counter(ItemsCount::new(ROUND)).bench_local(|| {
        for _ in 0..ROUND {
            let (start, middle, end) = spans[at];
            at = if at + 1 == spans.len() { 0 } else { at + 1 };
            let facts = Facts {
                path: &text[start..middle],
                host: &text[middle..end],
                purpose: Purpose::Plain,
                says: &Silent,
            };
            black_box(table.find(&facts, &mut scratch)).expect("a rule matches");
        }
    });
}

#[divan::bench(args = [10, 100, 1000, 10_000])]
fn find_by_prefix(bencher: Bencher<'_, '_>, count: usize) {
    ask(bencher, &prefixes(count));
}

#[divan::bench(args = [10, 100, 1000, 10_000])]
fn find_by_host(bencher: Bencher<'_, '_>, count: usize) {
    ask(bencher, &hosts(count));
}

#[divan::bench(args = [10, 100, 1000, 10_000])]
fn find_by_inner_literal(bencher: Bencher<'_, '_>, count: usize) {
    ask(bencher, &inner(count));
}

#[divan::bench(args = [10, 100, 1000, 10_000])]
fn find_by_prefix_with_unlike_ends(bencher: Bencher<'_, '_>, count: usize) {
    ask(bencher, &ends(count));
}

#[divan::bench(args = [1, 8, 64])]
fn none_of_rules_without_literal(bencher: Bencher<'_, '_>, count: usize) {
    let table = compile(&free(count));
    let mut scratch = Scratch::new();
    let facts = Facts {
        path: b"/assets/2024/report-final_version-17.html",
        host: b"example.com",
        purpose: Purpose::Plain,
        says: &Silent,
    };
    bencher.counter(ItemsCount::new(ROUND)).bench_local(|| {
        for _ in 0..ROUND {
            black_box(table.find(black_box(&facts), &mut scratch));
        }
    });
}
