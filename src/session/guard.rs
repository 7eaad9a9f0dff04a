//! Rules that let a request go on or not.

use std::time::Duration;

use crate::base::Millis;
use crate::proto::http::{Basic, Known};
use crate::route::{Keeper, Limit, Standing};

use super::check::Query;
use super::edits::Edits;
use super::expand::Filler;
use super::reason::CloseReason;
use super::settings::Guard;
use super::settled::{Verdict, Verdicts};
use super::subrequest;

/// What a guard says of a request.
pub(super) enum Passage {
    /// It goes on.
    Free,
    /// It goes on, as this user.
    User,
    /// It does not; this is what a password is wanted for.
    Challenged(String),
    /// It does not, and is answered this.
    Barred(u16),
    /// It does not, for so long.
    Later(Duration),
    /// Somebody has to be asked.
    Ask(Query),
}

/// Asks a guard. What is to be kept of it, such as the user's name, is put into `text`.
pub(super) fn ask(
    rule: u32,
    guard: &Guard,
    filler: &Filler<'_>,
    now: Millis,
    text: &mut Vec<u8>,
    verdicts: &mut Verdicts,
) -> Passage {
    match guard {
        Guard::Password(keeper) => password(rule, keeper, filler, text, verdicts),
        Guard::Limit(limit) => count(rule, limit, filler, now, text, verdicts),
        Guard::Auth(auth) => match verdicts.of(rule) {
            None => match subrequest::written(auth, filler, text) {
                Some(written) => Passage::Ask(Query::Server(rule, written)),
                None => Passage::Barred(CloseReason::BadRequest.status()),
            },
            Some(Verdict::Barred(status, _)) => Passage::Barred(*status),
            Some(Verdict::Passed | Verdict::Vouched(_)) => Passage::Free,
            Some(Verdict::Refused) => Passage::Barred(CloseReason::Barred.status()),
        },
    }
}

/// The realm for which whoever a guard lets in is let in by the next ones too: that of a `basicauth-next:`.
pub(super) fn welcomed(guard: &Guard) -> Option<&str> {
    match guard {
        Guard::Password(keeper) if keeper.next => Some(&keeper.realm),
        _ => None,
    }
}

/// Whether a guard has nothing to ask of whoever was [`welcomed`] there.
pub(super) fn is_open(guard: &Guard, welcome: Option<&str>) -> bool {
    matches!(guard, Guard::Password(keeper) if welcome == Some(&*keeper.realm))
}

/// What the answer of a server adds to a request, or to its response.
pub(super) fn add(verdict: Option<&Verdict>, edits: &mut Edits) {
    match verdict {
        Some(Verdict::Vouched(fields)) => {
            fields.iter().for_each(|(name, value)| edits.request.push(name, value));
        }
        Some(Verdict::Barred(_, fields)) => {
            fields.iter().for_each(|(name, value)| edits.response.push(name, value));
        }
        Some(Verdict::Passed | Verdict::Refused) | None => {}
    }
}

fn password(
    rule: u32,
    keeper: &Keeper,
    filler: &Filler<'_>,
    text: &mut Vec<u8>,
    verdicts: &Verdicts,
) -> Passage {
    // Of several nobody knows which one the server will believe.
    let mut fields = filler.said.head.fields.all(Known::Authorization);
    let field = fields.next().filter(|_| fields.next().is_none());
    let said = field.and_then(Basic::parse);
    let right = match verdicts.of(rule) {
        Some(verdict) => matches!(verdict, Verdict::Passed),
        None => match keeper.judge(said.as_ref()) {
            Standing::Right => true,
            Standing::Wrong => false,
            Standing::Unsolved(puzzle) => return Passage::Ask(Query::Password(rule, puzzle)),
        },
    };
    match (right, said) {
        (true, Some(said)) => {
            text.extend_from_slice(said.user());
            Passage::User
        }
        _ if keeper.next => Passage::Free,
        _ => Passage::Challenged(keeper.challenge()),
    }
}

/// Counts a request, once.
fn count(
    rule: u32,
    limit: &Limit,
    filler: &Filler<'_>,
    now: Millis,
    text: &mut Vec<u8>,
    verdicts: &mut Verdicts,
) -> Passage {
    if verdicts.of(rule).is_some() {
        return Passage::Free;
    }
    let taken = match &limit.key {
        Some(key) => {
            filler.plain(key, text);
            limit.take(text, now)
        }
        None => limit.take_client(filler.said.peer.ip, now),
    };
    match taken {
        Ok(()) => {
            verdicts.put(rule, Verdict::Passed);
            Passage::Free
        }
        Err(wait) => Passage::Later(wait),
    }
}

/// Keeps what a guard says for when it is wanted; the reason where the request does not go on.
pub(super) fn keep(passage: &Passage, text: &[u8], edits: &mut Edits) -> Option<CloseReason> {
    match passage {
        Passage::Free | Passage::Ask(_) => None,
        Passage::Barred(_) => Some(CloseReason::Barred),
        Passage::User => {
            edits.vars.push("REMOTE_USER", text);
            None
        }
        Passage::Challenged(challenge) => {
            edits.response.push("WWW-Authenticate", challenge.as_bytes());
            Some(CloseReason::Unauthorized)
        }
        Passage::Later(wait) => {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            edits.response.push("Retry-After", itoa::Buffer::new().format(seconds).as_bytes());
            Some(CloseReason::TooManyRequests)
        }
    }
}
