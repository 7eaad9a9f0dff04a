//! What a terminated WebSocket does with what comes: messages are put together and go on, control
//! frames are answered.

use crate::channel::Saying;
use crate::config::ChannelMode;
use crate::proto::ws::{
    CONTROL_MAX, CloseCode, Control, Data, FrameError, Opcode, Read, parse_close,
};

use super::super::cx::{Action, Cx};
use super::super::port::{Port, Side};
use super::super::reason::CloseReason;
use super::super::settings::WebSockets;
use super::terminated::{Far, Terminated};

/// A part of an upstream's message is passed on as a fragment from this size on.
const FRAGMENT: usize = 64 << 10;

impl Terminated {
    /// Reads what `side` sent, as far as the other side takes it.
    pub(super) fn relay(
        &mut self,
        side: Side,
        ports: &mut [Port; 2],
        bytes: &mut [u64; 2],
        settings: &WebSockets,
        cx: &mut Cx<'_>,
    ) {
        let bytes = &mut bytes[side as usize];
        if side == Side::Upstream && matches!(self.far, Far::Bridge(_)) {
            *bytes += self.read_bridge(ports, settings, cx);
            return;
        }
        let Some(end) = self.end(side) else { return };
        let rules = end.rules(limit(side, settings, cx));
        loop {
            let goes_to = self.goes_to(side) as usize;
            let discard = self.discards(side);
            let port = &mut ports[side as usize];
            if self.life.is_muted(side) {
                // Whoever is not listened to any more may go on sending for a while.
                return port.rx.consume(port.rx.len());
            }
            if port.rx.is_empty() {
                break;
            }
            if !discard && (ports[goes_to].tx.room() == 0 || self.must_wait(side, cx)) {
                return;
            }
            let port = &mut ports[side as usize];
            let Some(end) = self.end(side) else { return };
            let done = match end.incoming.advance(port.rx.bytes_mut(), &rules) {
                Ok(Read::Data(data)) => {
                    *bytes += (data.framing + data.payload) as u64;
                    port.rx.consume(data.framing);
                    if discard {
                        port.rx.consume(data.payload);
                        continue;
                    }
                    self.data(&data, side, ports, settings, cx)
                }
                Ok(Read::Skip(n)) => {
                    *bytes += n as u64;
                    port.rx.consume(n);
                    Ok(())
                }
                Ok(Read::Control(control)) => {
                    *bytes += self.control(control, side, ports, cx);
                    Ok(())
                }
                Ok(Read::Need(_)) if port.rx.gather(cx.pool) => Ok(()),
                Ok(Read::Need(_)) => {
                    if port.rx_end.is_some() && !port.rx.is_split() {
                        // A frame that was cut short is of no use to anybody.
                        port.rx.consume(port.rx.len());
                    }
                    break;
                }
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                if let Some(end) = self.end(side) {
                    end.forget();
                }
                return self.life.fault(error, side, cx.now);
            }
        }
        let port = &mut ports[side as usize];
        if port.is_drained() {
            let code = self.end(side).map_or(CloseCode::GOING_AWAY, |end| end.code_of_silence());
            self.life.closes(side, code, "", cx.now);
        }
    }

    /// Whether what is published has to wait, because other cores are behind.
    fn must_wait(&mut self, side: Side, cx: &mut Cx<'_>) -> bool {
        let Far::Channel(member) = &mut self.far else {
            return side == Side::Upstream && self.life.obeys() && self.life.must_wait(cx);
        };
        if cx.crowded && !member.waits {
            cx.actions.push(Action::AwaitRoom);
        }
        member.waits = cx.crowded;
        cx.crowded
    }

    /// A part of a message of `side`.
    fn data(
        &mut self,
        data: &Data,
        side: Side,
        ports: &mut [Port; 2],
        settings: &WebSockets,
        cx: &mut Cx<'_>,
    ) -> Result<(), FrameError> {
        let [client, upstream] = ports;
        let rx = if side == Side::Client { &mut client.rx } else { &mut upstream.rx };
        let limit = limit(side, settings, cx);
        let whole = match (&self.far, side) {
            (Far::Bridge(bridge), Side::Client) => {
                let (end, tx) = (&mut self.client, &mut upstream.tx);
                bridge.write(data, end, rx, tx, limit, cx)?;
                data.last
            }
            _ => {
                let Some(end) = self.end(side) else { return Ok(()) };
                end.collect(data, rx, limit, cx)?
            }
        };
        if whole && side == Side::Client && !self.life.spend(1, &settings.rules, cx.now) {
            self.client.take();
            // An end that has begun before lets the rest through: there must be no gap in it.
            self.life.refuse(side, CloseReason::TooManyMessages, CloseCode::POLICY, cx.now);
            return Ok(());
        }
        if matches!(self.far, Far::Bridge(_)) {
            return Ok(());
        }
        if whole || side == Side::Upstream && self.passes_fragments() {
            self.pass(side, whole, ports, settings, cx);
        }
        Ok(())
    }

    /// Whether what `side` sends goes nowhere. A client whose handshake came to nothing has no place for it.
    fn discards(&self, side: Side) -> bool {
        self.life.discards(side) || side == Side::Upstream && self.challenge.is_some()
    }

    /// Whether enough of an upstream's message has come to send it on before the rest.
    fn passes_fragments(&self) -> bool {
        match &self.far {
            Far::Socket(far) => {
                far.collected() >= FRAGMENT
                    && far.draft.refuses_bad_text()
                    && self.client.draft.has_frames()
            }
            Far::Echo | Far::Bridge(_) | Far::Channel(_) => false,
        }
    }

    /// Reads what a server that knows nothing of WebSockets sent; returns how many bytes went on.
    fn read_bridge(
        &mut self,
        ports: &mut [Port; 2],
        settings: &WebSockets,
        cx: &mut Cx<'_>,
    ) -> u64 {
        let [client, upstream] = ports;
        if self.discards(Side::Upstream) || self.life.is_muted(Side::Upstream) {
            upstream.rx.consume(upstream.rx.len());
            return 0;
        }
        let Far::Bridge(bridge) = &mut self.far else { return 0 };
        let came = upstream.rx.len() as u64;
        if came > 0 {
            if client.tx.room() == 0 {
                return 0;
            }
            let message = bridge.read(&mut upstream.rx, cx.pool);
            // Text in base64 can be said in every draft.
            let _ = self.client.send(message, true, settings.binary, &mut client.tx, cx);
        }
        if upstream.rx_end.is_some() {
            let code = CloseCode::NORMAL;
            self.life.closes(Side::Upstream, code, "", cx.now);
        }
        came
    }

    /// Sends on what has come of a message of `side`; `last` ends it.
    fn pass(
        &mut self,
        side: Side,
        last: bool,
        ports: &mut [Port; 2],
        settings: &WebSockets,
        cx: &mut Cx<'_>,
    ) {
        let Some(end) = self.end(side) else { return };
        let message = end.take();
        if let Far::Channel(member) = &self.far {
            if member.mode == ChannelMode::Subscribe {
                let (reason, code) = (CloseReason::ReadOnly, CloseCode::POLICY);
                return self.life.refuse(side, reason, code, cx.now);
            }
            let Some(channel) = member.name() else { return };
            let saying = Saying {
                channel,
                kind: message.kind,
                payload: message.bytes().into(),
                keep: member.terms.keep,
            };
            return cx.actions.push(Action::Publish { saying, ask: false });
        }
        if side == Side::Upstream && self.life.takes(&message, (!self.client.sending, last), cx) {
            return;
        }
        let to = self.goes_to(side);
        let tx = &mut ports[to as usize].tx;
        let Some(end) = self.end(to) else { return };
        if end.send(message, last, settings.binary, tx, cx).is_err() {
            self.life.refuse(side, CloseReason::Untranslatable, CloseCode::UNSUPPORTED, cx.now);
        }
    }

    /// A whole control frame stands at the front of what `side` sent; returns its size, unless it
    /// answers a ping of ours, which is no sign of life between the two ends.
    fn control(
        &mut self,
        control: Control,
        side: Side,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> u64 {
        let port = &mut ports[side as usize];
        let mut payload = [0; CONTROL_MAX];
        let payload = control.payload(port.rx.bytes(), &mut payload);
        port.rx.consume(control.len);
        let size = control.len as u64;
        let Some(end) = self.end(side) else { return size };
        match control.head.opcode {
            Opcode::Close => {
                let close = parse_close(payload, end.draft).ok().flatten();
                let code = close.map_or(CloseCode::NONE, |close| end.draft.meaning(close.code));
                self.life.heard_close(side, code, cx.now);
                self.life.closes(side, code, close.map_or("", |close| close.reason), cx.now);
            }
            Opcode::Ping => {
                end.tally.pings = end.tally.pings.wrapping_add(1);
                if !self.life.was_told(side)
                    && let Some(end) = self.end(side)
                {
                    end.answer(payload, &mut ports[side as usize].tx, cx.pool);
                }
            }
            _ => {
                end.tally.pongs = end.tally.pongs.wrapping_add(1);
                if self.life.answered(side, payload, cx.now) {
                    return 0;
                }
            }
        }
        size
    }
}

/// The longest message of a side, in bytes. An upstream is believed, as far as memory goes.
fn limit(side: Side, settings: &WebSockets, cx: &Cx<'_>) -> u64 {
    match side {
        Side::Client => settings.rules.max_message,
        Side::Upstream => cx.generation.websocket_memory.max(settings.rules.max_message),
    }
}
