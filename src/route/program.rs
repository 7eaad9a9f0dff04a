//! A regex made ready to run: the smallest engine that does, and scratch memory shared by all of them.

use std::collections::HashMap;

use regex_automata::dfa::{Automaton, StartKind, dense, onepass};
use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker};
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::nfa::thompson::{Compiler, Config, NFA, WhichCaptures};
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::Hir;

use super::trie::number;

/// The largest automaton one regex may become, in bytes.
const NFA_MAX: usize = 128 << 10;

/// The largest table of states one regex may have; beyond it the automaton itself is run.
const STATES_MAX: usize = 128 << 10;

/// What all automata together may take, in bytes.
const NFAS_MAX: usize = 64 << 20;

/// What all tables of states together may take, in bytes.
const STATES_TOTAL: usize = 32 << 20;

/// Where a group begins and ends: two for each of `$0` to `$9`.
pub(super) type Slots = [Option<NonMaxUsize>; 20];

/// One compiled regex.
#[derive(Debug)]
struct Program {
    /// Matches begin where the search begins, nowhere later.
    anchored: bool,
    /// Slots that can be filled: twice the groups, with the whole match, at most 20.
    slots: usize,
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    /// Says whether and where in one pass.
    OnePass(Box<onepass::DFA>),
    /// The table says whether; where is found by the automaton.
    Table(Box<(dense::DFA<Vec<u32>>, Automata)>),
    /// Too large a table: the automaton says both.
    Automata(Box<Automata>),
}

/// Two ways to run an automaton: fast on short subjects, and on all.
#[derive(Debug)]
struct Automata {
    short: BoundedBacktracker,
    long: PikeVM,
}

/// Memory that searches need; one per thread serves every program.
#[derive(Debug)]
pub(super) struct Search {
    one_pass: onepass::Cache,
    short: backtrack::Cache,
    long: pikevm::Cache,
    /// The groups of the last match.
    pub(super) slots: Slots,
}

impl Search {
    pub(super) fn new() -> Search {
        let nothing = "an expression that never matches compiles";
        Search {
            one_pass: onepass::DFA::never_match().expect(nothing).create_cache(),
            short: BoundedBacktracker::never_match().expect(nothing).create_cache(),
            long: PikeVM::never_match().expect(nothing).create_cache(),
            slots: [None; 20],
        }
    }
}

/// All programs of a table; equal regexes are one program.
#[derive(Debug, Default)]
pub(super) struct Programs {
    programs: Vec<Program>,
    nfa_bytes: usize,
    state_bytes: usize,
}

/// Which program a regex became, by its normal form.
pub(super) type Known = HashMap<(String, bool), u32>;

impl Programs {
    /// Compiles `hir`, or finds it among `known`.
    pub(super) fn add(
        &mut self,
        hir: &Hir,
        anchored: bool,
        known: &mut Known,
    ) -> Result<u32, String> {
        let key = (hir.to_string(), anchored);
        if let Some(&program) = known.get(&key) {
            return Ok(program);
        }
        let program = self.compile(hir, anchored)?;
        let index = number(self.programs.len());
        self.programs.push(program);
        known.insert(key, index);
        Ok(index)
    }

    fn compile(&mut self, hir: &Hir, anchored: bool) -> Result<Program, String> {
        let config = Config::new()
            .utf8(false)
            .nfa_size_limit(Some(NFA_MAX))
            .which_captures(WhichCaptures::All);
        let nfa = Compiler::new().configure(config).build_from_hir(hir).map_err(|error| {
            if error.size_limit().is_some() {
                format!(
                    "needs more than {} KB compiled; smaller counts make it smaller",
                    NFA_MAX >> 10
                )
            } else {
                error.to_string()
            }
        })?;
        self.nfa_bytes += nfa.memory_usage();
        if self.nfa_bytes > NFAS_MAX {
            return Err(format!(
                "the regexes of all routes need more than {} MB compiled",
                NFAS_MAX >> 20
            ));
        }
        let slots = nfa.group_info().slot_len().min(20);
        Ok(Program { anchored, slots, engine: self.engine(nfa, anchored)? })
    }

    fn engine(&mut self, nfa: NFA, anchored: bool) -> Result<Engine, String> {
        let room = STATES_MAX.min(STATES_TOTAL.saturating_sub(self.state_bytes));
        if anchored && room > 0 {
            let config = onepass::Config::new().size_limit(Some(room));
            if let Ok(dfa) = onepass::Builder::new().configure(config).build_from_nfa(nfa.clone()) {
                self.state_bytes += dfa.memory_usage();
                return Ok(Engine::OnePass(Box::new(dfa)));
            }
        }
        let automata = Automata {
            short: BoundedBacktracker::new_from_nfa(nfa.clone())
                .map_err(|error| error.to_string())?,
            long: PikeVM::new_from_nfa(nfa.clone()).map_err(|error| error.to_string())?,
        };
        if room > 0 {
            let start = if anchored { StartKind::Anchored } else { StartKind::Unanchored };
            let config = dense::Config::new()
                .match_kind(MatchKind::LeftmostFirst)
                .start_kind(start)
                .dfa_size_limit(Some(room))
                .determinize_size_limit(Some(4 * room));
            if let Ok(dfa) = dense::Builder::new().configure(config).build_from_nfa(&nfa) {
                self.state_bytes += dfa.memory_usage();
                return Ok(Engine::Table(Box::new((dfa, automata))));
            }
            // An attempt counts as well, so that the time to compile is bounded too.
            self.state_bytes += room;
        }
        Ok(Engine::Automata(Box::new(automata)))
    }

    /// Whether `program` matches `subject` from `at` on; with `groups`, where its groups are is left in `search`.
    pub(super) fn search(
        &self,
        program: u32,
        subject: &[u8],
        at: usize,
        groups: bool,
        search: &mut Search,
    ) -> bool {
        let program = &self.programs[program as usize];
        let anchored = if program.anchored { Anchored::Yes } else { Anchored::No };
        let input = Input::new(subject).range(at..).anchored(anchored).earliest(!groups);
        let slots = &mut search.slots[..if groups { program.slots } else { 0 }];
        match &program.engine {
            Engine::OnePass(dfa) => {
                search.one_pass.reset(dfa);
                matches!(dfa.try_search_slots(&mut search.one_pass, &input, slots), Ok(Some(_)))
            }
            Engine::Table(both) => {
                let (dfa, automata) = &**both;
                let whether = input.clone().earliest(true);
                match dfa.try_search_fwd(&whether) {
                    Ok(Some(_)) if !groups => true,
                    Ok(None) => false,
                    _ => automata.search(&input, slots, &mut search.short, &mut search.long),
                }
            }
            Engine::Automata(automata) => {
                automata.search(&input, slots, &mut search.short, &mut search.long)
            }
        }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        let programs = self.programs.capacity() * size_of::<Program>();
        let tables: usize = self
            .programs
            .iter()
            .map(|program| match &program.engine {
                Engine::OnePass(dfa) => dfa.memory_usage(),
                Engine::Table(both) => both.0.memory_usage() + size_of_val(&**both),
                Engine::Automata(both) => size_of_val(&**both),
            })
            .sum();
        programs + tables + self.nfa_bytes
    }
}

impl Automata {
    fn search(
        &self,
        input: &Input<'_>,
        slots: &mut [Option<NonMaxUsize>],
        short: &mut backtrack::Cache,
        long: &mut pikevm::Cache,
    ) -> bool {
        // An error means that the subject is too long for it.
        if let Ok(found) = self.short.try_search_slots(short, input, slots) {
            return found.is_some();
        }
        long.reset(&self.long);
        self.long.search_slots(long, input, slots).is_some()
    }
}
