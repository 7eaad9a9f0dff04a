//! The way of a request through the rules, to the one that takes it.

use std::io::Write as _;
use std::sync::Arc;

use crate::base::Millis;
use crate::config::{Answer, Edit};
use crate::proto::h1::RequestHead;
use crate::proto::http::path::canonical;
use crate::proto::http::{CanonicalPath, Pairs};
use crate::route::{Captures, Facts, Found, Purpose, Scratch};

use super::check::Query;
use super::edits::{Edits, Rewriting, split};
use super::expand::{Filler, Said, leads_astray};
use super::guard::{self, Passage};
use super::peer::Peer;
use super::reason::CloseReason;
use super::settings::{Deed, Generation, Route};
use super::settled::{Files, Settled};
use super::trace::Notebook;

/// A request on its way.
#[derive(Clone, Copy)]
pub(super) struct Walker<'a> {
    pub(super) generation: &'a Generation,
    pub(super) head: &'a RequestHead<'a, 'a>,
    /// What its path comes to.
    pub(super) path: &'a CanonicalPath<'a>,
    /// The host, as rules compare it.
    pub(super) host: &'a [u8],
    pub(super) purpose: Purpose,
    pub(super) peer: &'a Peer,
    pub(super) now: Millis,
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum End<'g> {
    /// It goes there.
    Route(&'g Arc<Route>),
    /// It is answered so.
    Answer {
        status: u16,
        text: String,
        /// The text is the whole body.
        exact: bool,
    },
    /// It may not go on.
    Stopped(CloseReason),
    /// The same, by the word of a server that was asked, which is answered this.
    Barred(u16),
    /// A rule has to know this first.
    Ask(Query),
    /// A rule made a target of it that is none.
    NoTarget,
    /// Nothing takes it.
    Nothing,
}

/// Where the walk writes.
pub(super) struct Desk<'w> {
    pub(super) scratch: &'w mut Scratch,
    /// A new target.
    pub(super) rewriting: &'w mut Rewriting,
    /// What rules change.
    pub(super) edits: &'w mut Edits,
    /// What was found out for them.
    pub(super) settled: &'w mut Settled,
    /// What they did, where somebody wants to know.
    pub(super) notebook: Notebook<'w>,
}

/// What the action of one rule comes to.
enum Turn<'g> {
    /// On to the next rule.
    On,
    /// The same; variables are others now.
    Changed,
    /// The same; the target is another now.
    Rewritten,
    /// On to the rule of this number.
    To(u32),
    /// No further rule is tried.
    Rest,
    /// It is decided.
    End(End<'g>),
}

impl<'a> Walker<'a> {
    /// Tries the rules in their order.
    pub(super) fn walk(&self, desk: Desk<'_>) -> (End<'a>, Option<Found>) {
        let Desk { scratch, rewriting, edits, settled, mut notebook } = desk;
        let generation = self.generation;
        let table = &generation.table;
        let Rewriting { target, text, path: memory } = rewriting;
        target.clear();
        notebook.begin();
        let (mut path, mut query) = (*self.path, self.head.query);
        let (mut from, mut begins, mut welcome) = (0, true, None);
        loop {
            let said = self.said(&path, query, &edits.vars, &settled.files);
            let facts = self.facts(&path, &said);
            if std::mem::take(&mut begins) {
                table.begin(&facts, scratch);
            }
            let found = table.next(from, &facts, scratch);
            if let Some(question) = settled.files.wanted() {
                return (End::Ask(Query::File(question.clone())), None);
            }
            notebook.looked(table, from, found.as_ref(), &facts, scratch);
            let Some(found) = found else { break };
            let subject = scratch.text(found.source, &facts);
            let filler = Filler { said: &said, captures: scratch.captures(&found), text: subject };
            let Some(deed) = generation.deeds.get(found.rule as usize) else { break };
            text.clear();
            let turn = match deed {
                Deed::Go(route) => match generation.routes.get(*route) {
                    Some(route) => Turn::End(End::Route(route)),
                    None => Turn::Rest,
                },
                Deed::Last => Turn::Rest,
                Deed::Goto(rule) => Turn::To(*rule),
                Deed::Answer(answer) => {
                    Turn::End(answered(answer, &filler, text, &mut edits.response))
                }
                Deed::Guard(guard) if guard::is_open(guard, welcome) => Turn::On,
                Deed::Guard(guard) => {
                    let verdicts = &mut settled.verdicts;
                    let passage = guard::ask(found.rule, guard, &filler, self.now, text, verdicts);
                    guard::add(verdicts.of(found.rule), edits);
                    match (guard::keep(&passage, text, edits), passage) {
                        (_, Passage::Ask(query)) => return (End::Ask(query), None),
                        (_, Passage::Barred(status)) => Turn::End(End::Barred(status)),
                        (Some(reason), _) => Turn::End(End::Stopped(reason)),
                        (None, Passage::User) => {
                            welcome = guard::welcomed(guard).or(welcome);
                            Turn::Changed
                        }
                        (None, _) => Turn::On,
                    }
                }
                Deed::Edit(edit) => {
                    let turn = fill(edit, &filler, text);
                    keep(edit, self.peer, text, edits);
                    turn
                }
            };
            notebook.did(found.rule, text);
            from = found.rule + 1;
            match turn {
                Turn::On => {}
                Turn::Changed => begins = true,
                Turn::To(rule) => from = rule,
                Turn::Rest => break,
                Turn::End(end) => return (end, Some(found)),
                Turn::Rewritten => {
                    std::mem::swap(target, text);
                    edits.target.clone_from(target);
                    let (raw, rest) = split(target);
                    let made = canonical(raw, generation.merge_slashes, memory);
                    let Ok(made) = made else { return (End::NoTarget, None) };
                    if leads_astray(raw) {
                        return (End::NoTarget, None);
                    }
                    (path, query, begins) = (made, rest, true);
                }
            }
        }
        let end = match (&generation.fallback, &generation.answer) {
            (Some(route), _) => End::Route(route),
            (None, Some(answer)) => {
                let said = self.said(&path, query, &edits.vars, &settled.files);
                let filler = Filler { said: &said, captures: &Captures::NONE, text: b"" };
                text.clear();
                answered(answer, &filler, text, &mut edits.response)
            }
            (None, None) => End::Nothing,
        };
        (end, None)
    }

    /// What variables say while the path comes to this and the query is that.
    pub(super) fn said<'b>(
        &'b self,
        path: &'b CanonicalPath<'b>,
        query: Option<&'b [u8]>,
        vars: &'b Pairs,
        files: &'b Files,
    ) -> Said<'b> {
        let Walker { generation, head, peer, .. } = *self;
        Said { head, asked: self.path.sent, path, query, vars, peer, generation, files }
    }

    /// What rules look at.
    pub(super) fn facts<'b>(&'b self, path: &CanonicalPath<'b>, said: &'b Said<'b>) -> Facts<'b> {
        Facts { path: path.matched, host: self.host, purpose: self.purpose, says: said }
    }
}

/// Puts together what an answer says.
fn answered<'g>(
    answer: &Answer,
    filler: &Filler<'_>,
    text: &mut Vec<u8>,
    response: &mut Pairs,
) -> End<'g> {
    let (status, exact) = match answer {
        Answer::Redirect { status, url } => {
            filler.encoded(url, text);
            response.push("Location", text);
            return End::Answer { status: *status, text: String::new(), exact: false };
        }
        Answer::Status { status, text: said } => {
            filler.plain(said, text);
            (*status, false)
        }
        Answer::Send(said) => {
            filler.plain(said, text);
            (200, true)
        }
    };
    End::Answer { status, text: String::from_utf8_lossy(text).into_owned(), exact }
}

/// Puts together what an edit says, and whether it can go on.
fn fill<'g>(edit: &Edit, filler: &Filler<'_>, text: &mut Vec<u8>) -> Turn<'g> {
    let address = filler.said.peer.ip;
    match edit {
        Edit::Rewrite(to) => {
            filler.encoded(to, text);
            if !text.starts_with(b"/") {
                text.insert(0, b'/');
            }
            if let Some(query) = filler.said.query {
                text.push(if text.contains(&b'?') { b'&' } else { b'?' });
                text.extend_from_slice(query);
            }
            return Turn::Rewritten;
        }
        Edit::AddHeader(_, value) | Edit::AddRequestHeader(_, value) => filler.field(value, text),
        Edit::AddVar(_, value) => {
            filler.plain(value, text);
            return Turn::Changed;
        }
        Edit::Log(said) => filler.plain(said, text),
        Edit::Hsts(age) => _ = write!(text, "max-age={age}"),
        Edit::Allow(networks) => {
            let inside = |address| networks.iter().any(|network| network.contains(address));
            return if address.is_some_and(inside) {
                Turn::On
            } else {
                Turn::End(End::Stopped(CloseReason::Denied))
            };
        }
        Edit::Deny(networks) => {
            let inside = |address| networks.iter().any(|network| network.contains(address));
            return if address.is_some_and(inside) {
                Turn::End(End::Stopped(CloseReason::Denied))
            } else {
                Turn::On
            };
        }
        Edit::DelHeader(_) | Edit::DoNotLog => {}
    }
    Turn::On
}

/// Keeps what an edit says for when it is wanted.
fn keep(edit: &Edit, peer: &Peer, text: &[u8], edits: &mut Edits) {
    match edit {
        Edit::AddHeader(name, _) => edits.response.push(name, text),
        Edit::DelHeader(name) => edits.without.push(name, b""),
        Edit::AddRequestHeader(name, _) => edits.request.push(name, text),
        Edit::AddVar(name, _) => edits.vars.push(name, text),
        // RFC 6797 section 7.2: never over a transport that is not secure.
        Edit::Hsts(_) if peer.secure => edits.response.push("Strict-Transport-Security", text),
        Edit::Log(_) => edits.notes.push("", text),
        Edit::DoNotLog => edits.silent = true,
        Edit::Hsts(_) | Edit::Rewrite(_) | Edit::Allow(_) | Edit::Deny(_) => {}
    }
}

/// What a rule captured, and in which text.
pub(super) fn captured<'a>(
    found: Option<&Found>,
    facts: &Facts<'a>,
    scratch: &'a Scratch,
) -> (&'a Captures, &'a [u8]) {
    match found {
        Some(found) => (scratch.captures(found), scratch.text(found.source, facts)),
        None => (&Captures::NONE, b""),
    }
}
