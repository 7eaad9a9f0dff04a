//! Whole responses as a worker writes them: interim heads, a final head, a body, and then the end
//! of the connection.

use tidegate::proto::h1::*;
use tidegate::proto::http::*;

/// Interim heads after which a worker is given up.
const INTERIM_MAX: usize = 8;

/// What was made of a response.
#[derive(Debug, Default, PartialEq, Eq)]
struct Received {
    statuses: Vec<u16>,
    payload: Vec<u8>,
    end: End,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum End {
    /// The connection ended before the response did.
    #[default]
    Cut,
    /// The response ended, with so many bytes behind it.
    Whole(usize),
    /// The end of the connection is the end of the response.
    AtClose,
    /// The worker spoke nonsense.
    Refused,
}

/// A response means the same however it arrives, and a cut one is never completed.
pub fn uwsgi_response(data: &[u8]) {
    let whole = received(data, data.len());
    for step in [1, 5, 64] {
        assert_eq!(received(data, step), whole, "in steps of {step}");
    }
    assert!(whole.payload.len() <= data.len(), "no byte invented");
    if let End::Whole(behind) = whole.end {
        let (response, _) = data.split_at(data.len() - behind);
        assert_eq!(received(response, response.len()).end, End::Whole(0), "it ends where it ends");
        if let Some((_, cut)) = response.split_last() {
            assert_eq!(received(cut, cut.len()).end, End::Cut, "never completed");
        }
    }
}

/// Takes a response that arrives in steps.
fn received(data: &[u8], step: usize) -> Received {
    let mut seen = Received::default();
    let mut body = None;
    let mut at = 0;
    let mut arrived = 0;
    while arrived < data.len() {
        arrived = (arrived + step.max(1)).min(data.len());
        let (here, _) = data.split_at(arrived);
        while body.is_none() {
            let (_, rest) = here.split_at(at);
            match head(rest, &mut seen) {
                Ok(Some((len, framing))) => (at, body) = (at + len, framing),
                Ok(None) => break,
                Err(()) => return Received { end: End::Refused, ..seen },
            }
        }
        if let Some(body) = &mut body {
            let (_, rest) = here.split_at(at);
            match body.take(rest, &mut seen.payload) {
                Ok((taken, true)) => {
                    seen.end = End::Whole(data.len() - at - taken);
                    return seen;
                }
                Ok((taken, false)) => at += taken,
                Err(_) => return Received { end: End::Refused, ..seen },
            }
        }
    }
    if matches!(body, Some(Framing::UntilClose)) {
        seen.end = End::AtClose;
    }
    seen
}

/// One head: how long it is and, of a final one, how its body is framed.
fn head(bytes: &[u8], seen: &mut Received) -> Result<Option<(usize, Option<Framing>)>, ()> {
    let mut store = FieldStore::new();
    let parsed = parse_response(bytes, &mut store, Method::Get, &Limits::default());
    let Some(head) = parsed.map_err(|_| ())? else { return Ok(None) };
    seen.statuses.push(head.status);
    if head.is_interim() {
        let tolerated = seen.statuses.len() <= INTERIM_MAX;
        return if tolerated { Ok(Some((head.len, None))) } else { Err(()) };
    }
    let framing = match head.body {
        Body::Empty => Framing::Length(0),
        Body::Length(length) => Framing::Length(length),
        Body::Chunked => Framing::Chunked(ChunkedDecoder::new()),
        Body::UntilClose => Framing::UntilClose,
    };
    Ok(Some((head.len, Some(framing))))
}

/// How far a body has come.
enum Framing {
    Length(u64),
    Chunked(ChunkedDecoder),
    UntilClose,
}

impl Framing {
    /// Takes what belongs to the body: how many bytes that were, and whether it is over.
    fn take(&mut self, bytes: &[u8], payload: &mut Vec<u8>) -> Result<(usize, bool), ChunkError> {
        match self {
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                payload.extend(bytes.iter().take(taken));
                *left -= taken as u64;
                Ok((taken, *left == 0))
            }
            Self::UntilClose => {
                payload.extend_from_slice(bytes);
                Ok((bytes.len(), false))
            }
            Self::Chunked(decoder) => {
                let mut taken = 0;
                while taken < bytes.len() && !decoder.is_done() {
                    let (_, rest) = bytes.split_at(taken);
                    let chunk = decoder.advance(rest)?;
                    payload.extend(rest.iter().skip(chunk.framing).take(chunk.data));
                    taken += chunk.framing + chunk.data;
                }
                Ok((taken, decoder.is_done()))
            }
        }
    }
}
