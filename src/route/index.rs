//! Narrows all rules down to the few a request can match: hosts in a map, prefixes in a trie, the rest by literals.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use aho_corasick::AhoCorasick;
use aho_corasick::automaton::OverlappingState;

use crate::config::Template;

use super::rule::{Facts, Source};
use super::shelf::{Shelf, Sketch};
use super::texts::Texts;
use super::trie::{Entry, List, Lists, Trie};

/// Says which rules to try. What it leaves out cannot match; what it names still has to be tried.
#[derive(Debug)]
pub(super) struct Index {
    lists: Lists,
    trie: Trie,
    /// The trie of the rules for any host.
    anywhere: u32,
    /// The tries of the rules that name their hosts.
    hosts: HashMap<Box<[u8]>, u32, BuildHasherDefault<Mixed>>,
    /// By literals of path, host and other texts.
    filters: Vec<Filter>,
}

/// Rules by literals that stand anywhere in a subject.
#[derive(Debug)]
struct Filter {
    source: Source,
    search: AhoCorasick,
    /// Of each literal, its rules.
    lists: Vec<List>,
    /// Where its literals begin in [`Gather::seen`].
    seen: usize,
}

/// Memory that gathering needs, and what was gathered.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// The rules to try, by their first steps, in rising order.
    pub(super) rules: Vec<u32>,
    /// In which turn each literal was seen last.
    seen: Vec<u32>,
    turn: u32,
}

/// Rules by prefix or literal, sorted as the trie wants them.
type Shelved<'a> = BTreeMap<&'a [u8], Vec<u32>>;

impl Index {
    /// Puts every rule on its shelf. Also returns the longest list of rules that nothing narrows.
    pub(super) fn build(
        sketches: &[Sketch],
        shelves: &[Shelf],
    ) -> Result<(Index, Vec<u32>), String> {
        let mut anywhere = Shelved::new();
        let mut by_host: BTreeMap<&[u8], Shelved<'_>> = BTreeMap::new();
        let mut inside: Vec<(Source, Shelved<'_>)> = Vec::new();
        for (sketch, shelf) in sketches.iter().zip(shelves) {
            let rule = sketch.step;
            match (shelf, &sketch.hosts) {
                (Shelf::Inside(source, literals), _) => {
                    let at = inside.iter().position(|(known, _)| known == source);
                    let at = at.unwrap_or_else(|| {
                        inside.push((*source, Shelved::new()));
                        inside.len() - 1
                    });
                    put(&mut inside[at].1, literals, rule);
                }
                (Shelf::Prefix, None) => put(&mut anywhere, &sketch.prefixes, rule),
                (Shelf::Prefix, Some(hosts)) => hosts.iter().for_each(|host| {
                    put(by_host.entry(host).or_default(), &sketch.prefixes, rule);
                }),
            }
        }
        let always =
            |shelved: &Shelved<'_>| shelved.get(b"".as_slice()).cloned().unwrap_or_default();
        let longest = by_host.values().chain([&anywhere]).map(always).max_by_key(Vec::len);

        let (mut lists, mut trie) = (Lists::default(), Trie::default());
        let anywhere = trie.add(&entries(anywhere), &mut lists);
        let hosts = by_host
            .into_iter()
            .map(|(host, shelved)| (host.into(), trie.add(&entries(shelved), &mut lists)))
            .collect();
        let (mut filters, mut seen) = (Vec::new(), 0);
        for (source, shelved) in inside {
            let filter = Filter::build(source, shelved, seen, &mut lists)?;
            seen += filter.lists.len();
            filters.push(filter);
        }
        let index = Index { lists, trie, anywhere, hosts, filters };
        Ok((index, longest.unwrap_or_default()))
    }

    /// Gathers the rules to try for one request.
    pub(super) fn gather(
        &self,
        facts: &Facts<'_>,
        gather: &mut Gather,
        texts: &mut Texts,
        templates: &[Template],
    ) {
        gather.rules.clear();
        self.trie.walk(self.anywhere, facts.path, &self.lists, &mut gather.rules);
        if !self.hosts.is_empty()
            && let Some(&root) = self.hosts.get(facts.host)
        {
            self.trie.walk(root, facts.path, &self.lists, &mut gather.rules);
        }
        if !self.filters.is_empty() {
            gather.turn();
        }
        for filter in &self.filters {
            let text = match filter.source {
                Source::Path => facts.path,
                Source::Host => facts.host,
                Source::Text(n) => {
                    texts.make(n, templates, facts.says);
                    texts.get(n)
                }
            };
            filter.gather(text, &self.lists, gather);
        }
        gather.rules.sort_unstable();
        gather.rules.dedup();
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        let hosts = self.hosts.keys().map(|host| host.len()).sum::<usize>()
            + self.hosts.capacity() * (size_of::<(Box<[u8]>, u32)>() + 1);
        let filters = self.filters.iter().map(|filter| {
            filter.search.memory_usage() + filter.lists.capacity() * size_of::<List>()
        });
        self.lists.memory() + self.trie.memory() + hosts + filters.sum::<usize>()
    }
}

/// A multiplication and a fold for each eight bytes: names of the configuration's own need no better hash, and no slower
/// one. A client only asks for them, so nobody can make them collide.
#[derive(Debug)]
struct Mixed(u64);

impl Mixed {
    fn add(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // A product says little of its factors' upper bits in its lower ones.
        self.0 = mixed ^ mixed >> 32;
    }
}

impl Default for Mixed {
    fn default() -> Mixed {
        Mixed(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        self.add(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn put<'a>(on: &mut Shelved<'a>, literals: &'a [Box<[u8]>], rule: u32) {
    for literal in literals {
        on.entry(literal).or_default().push(rule);
    }
}

fn entries(shelved: Shelved<'_>) -> Vec<Entry<'_>> {
    shelved.into_iter().collect()
}

impl Filter {
    fn build(
        source: Source,
        shelved: Shelved<'_>,
        seen: usize,
        lists: &mut Lists,
    ) -> Result<Filter, String> {
        let search = AhoCorasick::new(shelved.keys()).map_err(|error| error.to_string())?;
        let lists = shelved.values().map(|rules| lists.add(rules)).collect();
        Ok(Filter { source, search, lists, seen })
    }

    fn gather(&self, subject: &[u8], lists: &Lists, gather: &mut Gather) {
        let mut state = OverlappingState::start();
        loop {
            self.search.find_overlapping(subject, &mut state);
            let Some(found) = state.get_match() else { return };
            let literal = found.pattern().as_usize();
            if gather.first_seen(self.seen + literal) {
                gather.rules.extend_from_slice(lists.get(&self.lists[literal]));
            }
        }
    }
}

impl Gather {
    /// Forgets which literals were seen.
    fn turn(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        if self.turn == 0 {
            self.seen.clear();
            self.turn = 1;
        }
    }

    /// Whether a literal is seen for the first time in this turn: a path that repeats it costs no more.
    fn first_seen(&mut self, literal: usize) -> bool {
        if self.seen.len() <= literal {
            self.seen.resize(literal + 1, 0);
        }
        std::mem::replace(&mut self.seen[literal], self.turn) != self.turn
    }
}
