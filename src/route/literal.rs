//! Which bytes a subject must hold for a regex to match it.

use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind, Look};

/// Alternatives of which one must be there.
pub(super) type Literals = Vec<Box<[u8]>>;

/// The longest literal that is looked at, in bytes.
const LITERAL_MAX: usize = 256;

/// How many inner pieces of one regex are weighed against each other.
const PIECES_MAX: usize = 8;

/// Whether every match of the regex begins where the subject begins.
pub(super) fn is_anchored(hir: &Hir) -> bool {
    hir.properties().look_set_prefix().contains(Look::Start)
}

/// The subjects a regex matches when they can be listed, such as one host: `^chat\.example\.com$`.
pub(super) fn exact(hir: &Hir) -> Option<Literals> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let [first, middle @ .., last] = parts.as_slice() else { return None };
    let is = |part: &Hir, look| matches!(part.kind(), HirKind::Look(found) if *found == look);
    let plain = middle.iter().all(|part| part.properties().look_set().is_empty());
    if !is(first, Look::Start) || !is(last, Look::End) || !plain {
        return None;
    }
    let found = extract(&Hir::concat(middle.to_vec()));
    if found.is_exact() { list(&found) } else { None }
}

/// What a subject must begin with; nothing known is `None`.
pub(super) fn prefixes(hir: &Hir) -> Option<Literals> {
    if is_anchored(hir) { list(&extract(hir)) } else { None }
}

/// Sets of literals; of each set one must stand somewhere in the subject.
pub(super) fn inner(hir: &Hir) -> Vec<Literals> {
    let mut parts = Vec::new();
    flatten(hir, &mut parts);
    (0..parts.len())
        .filter(|&at| !matches!(parts[at].kind(), HirKind::Look(_)))
        .filter_map(|at| {
            let piece = parts.iter().skip(at).take(4).map(|part| (*part).clone());
            list(&extract(&Hir::concat(piece.collect())))
        })
        .take(PIECES_MAX)
        .collect()
}

/// The parts of a regex that follow each other, seen through captures.
fn flatten<'a>(hir: &'a Hir, parts: &mut Vec<&'a Hir>) {
    match hir.kind() {
        HirKind::Concat(subs) => subs.iter().for_each(|sub| flatten(sub, parts)),
        HirKind::Capture(capture) => flatten(&capture.sub, parts),
        _ => parts.push(hir),
    }
}

fn extract(hir: &Hir) -> Seq {
    Extractor::new().kind(ExtractKind::Prefix).limit_literal_len(LITERAL_MAX).extract(hir)
}

/// The literals of a sequence that is finite and has no empty one.
fn list(found: &Seq) -> Option<Literals> {
    let literals = found.literals()?;
    if literals.is_empty() || literals.iter().any(|literal| literal.is_empty()) {
        return None;
    }
    let mut list: Literals = literals.iter().map(|literal| literal.as_bytes().into()).collect();
    list.sort_unstable();
    list.dedup();
    Some(list)
}
