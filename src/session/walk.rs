//! The way of a request through the rules, to the one that takes it.

use std::io::Write as _;
use std::sync::Arc;

use crate::config::{Answer, Edit};
use crate::proto::h1::RequestHead;
use crate::proto::http::path::canonical;
use crate::proto::http::{CanonicalPath, Pairs};
use crate::route::{Captures, Facts, Found, Purpose, Scratch};

use super::edits::{Edits, Rewriting, split};
use super::expand::{Filler, Said, has_dots};
use super::peer::Peer;
use super::settings::{Deed, Generation, Route};

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
    /// Its client may not.
    Denied,
    /// A rule made a target of it that is none.
    NoTarget,
    /// Nothing takes it.
    Nothing,
}

/// What one edit comes to.
enum Step {
    On,
    /// Variables are others now.
    Changed,
    /// The target is another now.
    Rewritten,
    Denied,
}

impl<'a> Walker<'a> {
    /// Tries the rules in their order; what they change is put into `edits`, a new target into `rewriting`.
    pub(super) fn walk(
        &self,
        scratch: &mut Scratch,
        rewriting: &mut Rewriting,
        edits: &mut Edits,
    ) -> (End<'a>, Option<Found>) {
        let generation = self.generation;
        let table = &generation.table;
        let Rewriting { target, text, path: memory } = rewriting;
        target.clear();
        let (mut path, mut query) = (*self.path, self.head.query);
        let (mut from, mut begins) = (0, true);
        loop {
            let said = self.said(&path, query, &edits.vars);
            let facts = self.facts(&path, &said);
            if std::mem::take(&mut begins) {
                table.begin(&facts, scratch);
            }
            let Some(found) = table.next(from, &facts, scratch) else { break };
            let subject = scratch.text(found.source, &facts);
            let filler = Filler { said: &said, captures: &found.captures, text: subject };
            let Some(deed) = generation.deeds.get(found.rule as usize) else { break };
            let step = match deed {
                Deed::Go(route) => match generation.routes.get(*route) {
                    Some(route) => return (End::Route(route), Some(found)),
                    None => break,
                },
                Deed::Last => break,
                Deed::Goto(rule) => {
                    from = *rule;
                    continue;
                }
                Deed::Answer(answer) => {
                    return (answered(answer, &filler, text, &mut edits.response), Some(found));
                }
                Deed::Edit(edit) => {
                    text.clear();
                    let step = fill(edit, &filler, text);
                    keep(edit, self.peer, text, edits);
                    step
                }
            };
            from = found.rule + 1;
            match step {
                Step::On => {}
                Step::Changed => begins = true,
                Step::Denied => return (End::Denied, None),
                Step::Rewritten => {
                    std::mem::swap(target, text);
                    edits.target.clone_from(target);
                    let (raw, rest) = split(target);
                    let made = canonical(raw, generation.merge_slashes, memory);
                    let Ok(made) = made else { return (End::NoTarget, None) };
                    if has_dots(raw) {
                        return (End::NoTarget, None);
                    }
                    (path, query, begins) = (made, rest, true);
                }
            }
        }
        match &generation.fallback {
            Some(route) => (End::Route(route), None),
            None => (End::Nothing, None),
        }
    }

    /// What variables say while the path comes to this and the query is that.
    pub(super) fn said<'b>(
        &'b self,
        path: &'b CanonicalPath<'b>,
        query: Option<&'b [u8]>,
        vars: &'b Pairs,
    ) -> Said<'b> {
        let Walker { generation, head, peer, .. } = *self;
        Said { head, asked: self.path.sent, path, query, vars, peer, generation }
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
    text.clear();
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
fn fill(edit: &Edit, filler: &Filler<'_>, text: &mut Vec<u8>) -> Step {
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
            return Step::Rewritten;
        }
        Edit::AddHeader(_, value) | Edit::AddRequestHeader(_, value) => filler.field(value, text),
        Edit::AddVar(_, value) => {
            filler.plain(value, text);
            return Step::Changed;
        }
        Edit::Log(said) => filler.plain(said, text),
        Edit::Hsts(age) => _ = write!(text, "max-age={age}"),
        Edit::Allow(networks) => {
            let inside = |address| networks.iter().any(|network| network.contains(address));
            return if address.is_some_and(inside) { Step::On } else { Step::Denied };
        }
        Edit::Deny(networks) => {
            let inside = |address| networks.iter().any(|network| network.contains(address));
            return if address.is_some_and(inside) { Step::Denied } else { Step::On };
        }
        Edit::DelHeader(_) | Edit::DoNotLog => {}
    }
    Step::On
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
    found: Option<&'a Found>,
    facts: &Facts<'a>,
    scratch: &'a Scratch,
) -> (&'a Captures, &'a [u8]) {
    match found {
        Some(found) => (&found.captures, scratch.text(found.source, facts)),
        None => (&Captures::NONE, b""),
    }
}
