//! Decides by which literal each rule is found: the one that fewest other rules share.

use std::cmp::Reverse;
use std::collections::HashMap;

use regex_syntax::hir::Hir;

use super::literal::{self, Literals};
use super::rule::Source;

/// So many rules behind one prefix are tried one after the other before anything better is looked for.
const CROWD: u32 = 8;

/// What is known of a rule when its place in the index is chosen.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    /// Its first step in the table.
    pub(super) step: u32,
    /// The only hosts it can match; `None` is any.
    pub(super) hosts: Option<Literals>,
    /// What a path it matches begins with; the empty prefix when nothing is known.
    pub(super) prefixes: Literals,
    /// Its regex for the path.
    pub(super) path: Option<Hir>,
    /// Its regex for the host.
    pub(super) host: Option<Hir>,
    /// Its regexes for other texts.
    pub(super) texts: Vec<(Source, Hir)>,
}

/// Where a rule stands in the index.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Shelf {
    /// By its prefixes, under each of its hosts.
    Prefix,
    /// By literals that stand anywhere in this text.
    Inside(Source, Literals),
}

/// Chooses a shelf for each rule.
pub(super) fn choose(sketches: &[Sketch]) -> Vec<Shelf> {
    let crowds = crowds(sketches);
    let mut options: Vec<Vec<Shelf>> = Vec::with_capacity(sketches.len());
    for (sketch, &crowd) in sketches.iter().zip(&crowds) {
        options.push(if crowd > CROWD { pieces(sketch) } else { Vec::new() });
    }
    let mut sharers: HashMap<(Option<Source>, &[u8]), u32> = HashMap::new();
    for option in options.iter().flatten() {
        for key in keys(option) {
            *sharers.entry(key).or_default() += 1;
        }
    }
    let best: Vec<Option<usize>> = options
        .iter()
        .zip(&crowds)
        .map(|(options, crowd)| {
            let shared = |option: &Shelf| keys(option).map(|key| sharers[&key]).max();
            let shortest = |option: &Shelf| keys(option).map(|key| key.1.len()).min();
            (0..options.len())
                .min_by_key(|&at| (shared(&options[at]), Reverse(shortest(&options[at]))))
                .filter(|&at| shared(&options[at]).is_some_and(|shared| shared <= crowd / 2))
        })
        .collect();
    options
        .into_iter()
        .zip(best)
        .map(|(mut options, best)| best.map_or(Shelf::Prefix, |at| options.swap_remove(at)))
        .collect()
}

/// For each rule, how many share its most crowded prefix, itself among them.
fn crowds(sketches: &[Sketch]) -> Vec<u32> {
    let mut counts: HashMap<(Option<&[u8]>, &[u8]), u32> = HashMap::new();
    for (host, prefix) in sketches.iter().flat_map(prefix_keys) {
        *counts.entry((host, prefix)).or_default() += 1;
    }
    let crowd = |sketch| prefix_keys(sketch).map(|key| counts[&key]).max().unwrap_or(0);
    sketches.iter().map(crowd).collect()
}

/// A rule's prefixes with the first of its hosts, which stands for all of them.
fn prefix_keys(sketch: &Sketch) -> impl Iterator<Item = (Option<&[u8]>, &[u8])> {
    let host = sketch.hosts.as_ref().and_then(|hosts| hosts.first()).map(|host| &**host);
    sketch.prefixes.iter().map(move |prefix| (host, &**prefix))
}

/// The other shelves a rule could stand on.
fn pieces(sketch: &Sketch) -> Vec<Shelf> {
    let path = sketch.path.iter().map(|hir| (Source::Path, hir));
    let host = sketch.host.iter().filter(|_| sketch.hosts.is_none());
    let host = host.map(|hir| (Source::Host, hir));
    let texts = sketch.texts.iter().map(|(source, hir)| (*source, hir));
    let inside = |(source, hir)| {
        literal::inner(hir).into_iter().map(move |literals| Shelf::Inside(source, literals))
    };
    path.chain(host).chain(texts).flat_map(inside).collect()
}

/// The literals of a shelf, each with the text it is one of.
fn keys(shelf: &Shelf) -> impl Iterator<Item = (Option<Source>, &[u8])> {
    let (source, literals) = match shelf {
        Shelf::Prefix => (None, [].as_slice()),
        Shelf::Inside(source, literals) => (Some(*source), literals.as_slice()),
    };
    literals.iter().map(move |literal| (source, &**literal))
}
