//! What the two ends of a WebSocket will do, and what befalls it from outside: drawn before a run.

use std::time::Duration;

use crate::config::Rate;
use crate::session::sim::dice::Dice;
use crate::session::sim::plan::Stop;
use crate::session::{CloseReason, Side, WebSocketRules};

/// A rule that a frame breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The mask bit is wrong.
    Mask,
    Reserved,
    Opcode,
    LongControl,
    FragmentedControl,
    StrayContinuation,
    /// A message begins inside another one.
    Interleaved,
    /// The length could have been said shorter.
    LongLength,
    /// A Close of one byte, or with a code nobody may send.
    BadClose,
    /// Only a client's.
    TooLarge,
    /// Text that is none: only where messages are seen.
    NotUtf8,
}

impl Fault {
    /// What whoever broke it is told, in the words of its version.
    pub(super) fn code(self, version: u8) -> u16 {
        match self {
            Fault::TooLarge if version < 13 => 1004,
            Fault::TooLarge => 1009,
            Fault::NotUtf8 if version > 7 => 1007,
            _ => 1002,
        }
    }
}

/// What an end does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Break(Fault),
    /// It ends inside a frame or behind one.
    Cut(Stop),
    /// It takes nothing any more, but goes on sending.
    Deaf,
    /// It answers no ping, and says nothing.
    Mute,
    /// It hears no Close, and sends on behind its own.
    Rude,
    /// It leaves the connection open when all is said.
    Stays,
}

/// How an end behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Messages it has to say.
    pub(super) messages: usize,
    /// It says Close behind them; else it waits for the other's.
    pub(super) closes: bool,
    /// What it does wrong, behind so many messages.
    pub(super) wrong: Option<(usize, Wrong)>,
    /// It speaks before it knows that the WebSocket is open.
    pub(super) early: bool,
    /// It says what it has to say though the other end has finished.
    pub(super) goes_on: bool,
    /// It is silent for long now and then.
    pub(super) slow: bool,
    /// Bytes it reads and writes at once.
    pub(super) pace: [usize; 2],
    /// Bytes of its longest message.
    pub(super) longest: usize,
}

/// All that is drawn before a run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Messages are seen, not only frames.
    pub(super) guard: bool,
    /// `Sec-WebSocket-Version`.
    pub(super) version: u8,
    /// permessage-deflate was agreed between the ends of a tracked tunnel.
    pub(super) rsv1: bool,
    pub(super) rules: WebSocketRules,
    pub(super) manners: [Manner; 2],
    /// When it is ended from outside, and why.
    pub(super) leaves: Option<(u64, CloseReason)>,
    /// All of the kernel's room and none of the chance of snapshots shows in what happens.
    pub(super) twin: bool,
}

impl Plan {
    pub(super) fn draw(dice: &mut Dice) -> Plan {
        let guard = dice.chance(35);
        let tame = dice.chance(30);
        let twin = dice.chance(30);
        let version = if guard { 13 } else { dice.pick(&[13, 13, 13, 8, 7]) };
        let mut rules = draw_rules(tame, dice);
        if twin {
            rules.max_message = 1000;
        }
        let bulky = rules.max_message > 1000 || dice.chance(40) && !twin;
        let closer = dice.below(10);
        let closes = [closer < 6, (4..9).contains(&closer)];
        let mut manners = [Side::Client, Side::Upstream].map(|side| {
            let longest = if side == Side::Client || !bulky { rules.max_message } else { 60_000 };
            let messages = dice.pick(&[0, 1, 3, 10, 40]);
            // Who reads so slowly that a ping waits in the kernel for longer than it may is dead.
            let paces = [30, 5_000, 1_000_000];
            let paces = match () {
                // Where messages end here, an end has little time to answer a Close.
                () if guard && tame => &paces[2..],
                () if bulky => &paces[1..],
                () => &paces,
            };
            Manner {
                messages,
                closes: closes[side as usize],
                wrong: None,
                early: dice.chance(30) && !twin,
                goes_on: dice.chance(50),
                slow: dice.chance(40) && !(guard && tame),
                pace: [dice.pick(paces), dice.pick(paces)],
                longest: longest as usize,
            }
        });
        for side in [Side::Client, Side::Upstream] {
            let manner = &mut manners[side as usize];
            if !tame && dice.chance(40) {
                manner.wrong =
                    Some((dice.below(manner.messages + 1), draw_wrong(side, guard, dice)));
            }
        }
        let reasons = [CloseReason::Killed, CloseReason::Drained];
        Plan {
            guard,
            version,
            rsv1: !guard && version == 13 && dice.chance(30),
            rules,
            manners,
            leaves: (!tame && dice.chance(25))
                .then(|| (dice.below(60_000) as u64, dice.pick(&reasons))),
            twin,
        }
    }

    /// Nothing goes wrong, and nothing of ours ends it.
    pub(super) fn is_fine(&self) -> bool {
        !self.ends_it()
            && self.manners.iter().all(|manner| manner.wrong.is_none())
            && self.somebody_closes()
    }

    pub(super) fn somebody_closes(&self) -> bool {
        self.manners.iter().any(|manner| manner.closes)
    }

    /// Who breaks a rule of frames, where nothing else goes wrong.
    pub(super) fn only_fault(&self) -> Option<Side> {
        match self.manners.map(|manner| manner.wrong) {
            _ if self.ends_it() => None,
            [Some((_, Wrong::Break(_))), None] => Some(Side::Client),
            [None, Some((_, Wrong::Break(_)))] => Some(Side::Upstream),
            _ => None,
        }
    }

    /// The router may end it of its own.
    fn ends_it(&self) -> bool {
        self.leaves.is_some() || self.rules.rate.is_some() || self.rules.max_age.is_some()
    }

    /// Why it may end.
    pub(super) fn reasons(&self) -> Vec<CloseReason> {
        let mut reasons = Vec::new();
        if self.somebody_closes() {
            reasons.push(CloseReason::Done);
        } else {
            reasons.push(CloseReason::TunnelTimeout);
        }
        reasons.extend(self.leaves.map(|(_, reason)| reason));
        reasons.extend(self.rules.max_age.map(|_| CloseReason::MaxAge));
        reasons.extend(self.rules.rate.map(|_| CloseReason::TooManyMessages));
        for side in [Side::Client, Side::Upstream] {
            let Some((_, wrong)) = self.manners[side as usize].wrong else { continue };
            reasons.extend(match (wrong, side) {
                (Wrong::Break(Fault::TooLarge), _) => &[CloseReason::MessageTooLarge][..],
                (Wrong::Break(_), Side::Client) => &[CloseReason::ClientFrames],
                (Wrong::Break(_), Side::Upstream) => &[CloseReason::UpstreamFrames],
                (Wrong::Cut(Stop::Reset), _) => &[CloseReason::TunnelReset],
                (Wrong::Cut(Stop::Finish), _) => &[CloseReason::Done, CloseReason::TunnelReset],
                (Wrong::Stays, _) => &[CloseReason::TunnelTimeout],
                (Wrong::Rude, Side::Client) => &[CloseReason::Done, CloseReason::DeadClient],
                (Wrong::Rude, Side::Upstream) => &[CloseReason::Done, CloseReason::DeadUpstream],
                // The other one's Close may wait for it, and no pong comes behind one.
                _ => &[
                    CloseReason::DeadClient,
                    CloseReason::DeadUpstream,
                    CloseReason::TunnelTimeout,
                ],
            });
        }
        reasons
    }
}

impl Plan {
    /// Why it may never open.
    pub(super) fn refusals(&self) -> Vec<CloseReason> {
        let cut = |side: Side| {
            self.manners[side as usize]
                .wrong
                .is_some_and(|(_, wrong)| wrong == Wrong::Cut(Stop::Reset))
        };
        let mut reasons = Vec::new();
        if cut(Side::Client) {
            reasons.push(CloseReason::ClientGone);
        }
        if cut(Side::Upstream) {
            reasons.extend([CloseReason::NoResponse, CloseReason::BadResponse]);
        }
        reasons
    }
}

fn draw_rules(tame: bool, dice: &mut Dice) -> WebSocketRules {
    let seconds = |n: &[u64], dice: &mut Dice| Some(Duration::from_secs(dice.pick(n)));
    let often = |percent, dice: &mut Dice| dice.chance(percent);
    WebSocketRules {
        ping: if often(70, dice) { seconds(&[2, 30], dice) } else { None },
        upstream_ping: if often(30, dice) { seconds(&[3, 20], dice) } else { None },
        tolerance: Duration::from_secs(10),
        pong: if often(20, dice) { seconds(&[1, 15], dice) } else { None },
        max_message: dice.pick(&[1000, 1000, 70_000]),
        max_age: if !tame && often(15, dice) { seconds(&[1, 60], dice) } else { None },
        rate: (!tame && often(15, dice))
            .then(|| Rate { per_second: dice.pick(&[1, 50]), burst: dice.pick(&[3, 30]) }),
    }
}

fn draw_wrong(side: Side, guard: bool, dice: &mut Dice) -> Wrong {
    use Fault::*;
    let faults = [
        Mask,
        Reserved,
        Opcode,
        LongControl,
        FragmentedControl,
        StrayContinuation,
        Interleaved,
        LongLength,
        BadClose,
    ];
    match dice.below(12) {
        0 if side == Side::Client => Wrong::Break(TooLarge),
        1 if guard => Wrong::Break(NotUtf8),
        0..=4 => Wrong::Break(dice.pick(&faults)),
        5..=7 => Wrong::Cut(dice.pick(&[Stop::Finish, Stop::Reset, Stop::Stall])),
        8 => Wrong::Deaf,
        9 => Wrong::Mute,
        10 => Wrong::Rude,
        _ => Wrong::Stays,
    }
}
