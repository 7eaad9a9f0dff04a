//! What one end said compared with what the other one heard: nothing is lost, nothing comes from
//! nowhere, and what the router says of itself stands between two frames.

use super::end::End;
use super::frame::{BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT};
use crate::session::Side;

/// Codes the router says of itself; the ends use others.
const CODES: [u16; 8] = [1001, 1002, 1004, 1007, 1008, 1009, 1011, 1013];

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Witness {
    /// Messages are seen on the way, not only frames.
    guard: bool,
    /// Frames compared so far.
    heard: usize,
    /// Frames, or in `guard` messages, that were accounted for.
    said: usize,
    /// What came of a message: whether text.
    part: Option<(bool, Vec<u8>)>,
    closed: bool,
    /// The code of the router's own Close.
    pub(super) told: Option<u16>,
}

impl Witness {
    pub(super) fn new(guard: bool) -> Witness {
        Witness { guard, ..Witness::default() }
    }

    /// Compares what has been heard since the last time.
    pub(super) fn compare(&mut self, from: &End, to: &End) {
        while let Some(heard) = to.heard.get(self.heard) {
            self.heard += 1;
            assert!(!self.closed, "behind a Close: {:?}", heard.frame);
            match self.guard {
                true => self.message(&heard.frame, from, to),
                false => self.frame(&heard.bytes, &heard.frame, from),
            }
            self.closed = heard.frame.opcode == CLOSE;
        }
    }

    fn frame(&mut self, bytes: &[u8], frame: &Frame, from: &End) {
        let said = &from.mouth.frames[self.said..];
        let skipped = said.iter().take_while(|said| said.is_answer).count();
        if let Some(at) =
            (0..=skipped).find(|at| said.get(*at).is_some_and(|said| said.bytes == bytes))
        {
            assert!(!said[at].is_void, "it breaks a rule: {frame:?}");
            self.said += at + 1;
            return;
        }
        let next = said.first();
        assert!(
            frame.is_control(),
            "a frame nobody sent: {frame:?} instead of {:?}",
            next.map(|said| &said.frame)
        );
        self.word(frame, &[]);
    }

    /// A word of the router's own, or a pong to one of `pings`.
    fn word(&mut self, frame: &Frame, pings: &[Vec<u8>]) {
        assert!(frame.fin && frame.rsv == 0, "{frame:?}");
        match frame.opcode {
            PING => assert_eq!(frame.payload.len(), 8, "a ping nobody sent"),
            PONG => {
                let asked = frame.payload.is_empty() || pings.contains(&frame.payload);
                assert!(asked, "a pong nobody asked for: {frame:?}");
            }
            CLOSE => {
                assert!(CODES.contains(&frame.code()), "{frame:?} from nobody");
                self.told = Some(frame.code());
            }
            _ => panic!("a frame of no kind: {frame:?}"),
        }
    }

    fn message(&mut self, frame: &Frame, from: &End, to: &End) {
        if frame.is_control() {
            let theirs =
                from.mouth.frames.iter().filter(|said| said.frame.opcode == CLOSE && !said.is_void);
            let theirs: Vec<_> = theirs.map(|said| &said.frame).collect();
            let is_close = frame.opcode == CLOSE;
            let own = to.mouth.frames.iter().filter(|said| said.frame.opcode == CLOSE);
            let own: Vec<_> = own.map(|said| &said.frame).collect();
            // Each end hears the other's Close, or its own code in answer.
            if is_close
                && (theirs.iter().any(|close| close.payload == frame.payload)
                    || own.iter().any(|close| close.code() == frame.code()))
            {
                return;
            }
            return self.word(frame, &to.mouth.pings);
        }
        assert_eq!(frame.rsv, 0);
        let (is_text, mut body) = match (frame.opcode, self.part.take()) {
            (TEXT | BINARY, None) => (frame.opcode == TEXT, Vec::new()),
            (CONTINUATION, Some(part)) => part,
            (opcode, part) => panic!("opcode {opcode} behind {part:?}"),
        };
        body.extend(&frame.payload);
        if !frame.fin {
            self.part = Some((is_text, body));
            return;
        }
        let said = from.mouth.messages.get(self.said);
        assert!(said == Some(&(is_text, body)), "message {} is another one", self.said);
        self.said += 1;
    }

    /// What is left when all is over. `whole`: everything that was said must have been heard.
    pub(super) fn finish(&self, from: &End, to: &End, whole: bool) {
        let cut = &to.inbox;
        if !self.guard && to.is_open && !cut.is_empty() {
            let said = &from.mouth.frames[self.said..];
            let skipped = said.iter().take_while(|said| said.is_answer).count();
            let known = (0..=skipped).any(|at| {
                said.get(at).is_some_and(|said| !said.is_void && said.bytes.starts_with(cut))
            });
            assert!(known || cut[0] >= 0x88, "the beginning of no frame: {cut:x?}");
        }
        if !whole {
            return;
        }
        assert!(cut.is_empty(), "half a frame");
        if self.guard {
            assert_eq!(self.said, from.mouth.messages.len(), "messages were lost");
        } else {
            let lost = from.mouth.frames[self.said..].iter().filter(|said| !said.is_answer);
            assert_eq!(lost.count(), 0, "frames were lost");
        }
        assert!(self.closed, "no Close");
    }
}

/// Who sends in each direction, and who hears.
pub(super) const WAYS: [(Side, Side); 2] =
    [(Side::Client, Side::Upstream), (Side::Upstream, Side::Client)];
