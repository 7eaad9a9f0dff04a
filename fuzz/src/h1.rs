//! HTTP/1 heads and bodies: the same however they are split, and good when sent on.

use tidegate::proto::h1::*;
use tidegate::proto::http::*;

const LIMITS: Limits = Limits { max_uri: 200, max_head: 1000, max_fields: 20 };
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// A request head gives the same result at every split; what is accepted can be sent on, is
/// accepted again with the same meaning, and does not change when it is sent on once more.
pub fn request_head(data: &[u8]) {
    every_prefix_agrees(data, |bytes| {
        let mut store = FieldStore::new();
        Ok::<_, RequestError>(parse_request(bytes, &mut store, &LIMITS)?.map(|head| shown(&head)))
    });
    let mut store = FieldStore::new();
    let Ok(Some(head)) = parse_request(data, &mut store, &LIMITS) else { return };
    assert!(head.len <= data.len().min(LIMITS.max_head) && head.fields.len() <= LIMITS.max_fields);
    assert!(head.version == Version::Http10 || !head.host.is_empty());
    let mut scratch = PathScratch::default();
    let Ok(path) = canonical(head.path, true, &mut scratch) else { return };
    let once = forwarded(&head, path.sent);
    let mut store = FieldStore::new();
    let sent = parse_request(&once, &mut store, &Limits::default());
    let Ok(Some(sent)) = sent else { panic!("what is sent on is refused: {sent:?}") };
    assert_eq!(sent.len, once.len(), "one head and nothing behind it");
    assert_eq!((sent.method_name, sent.path), (head.method_name, path.sent));
    assert_eq!((sent.query, sent.body), (head.query, head.body));
    assert_eq!(sent.upgrade == Upgrade::WebSocket, head.upgrade == Upgrade::WebSocket);
    if head.host.is_empty() {
        assert_eq!(sent.host, b"upstream:1", "a client that named no host");
        return;
    }
    assert_eq!(sent.host, head.host, "one answer to which host");
    assert_eq!(forwarded(&sent, path.sent), once, "sent on again it stays the same");
}

fn forwarded(head: &RequestHead<'_, '_>, path: &[u8]) -> Vec<u8> {
    let forward = Forward {
        path,
        query: head.query,
        host: None,
        server: b"upstream:1",
        body: head.body,
        switch: match head.upgrade {
            Upgrade::WebSocket => Switch::Passed,
            _ => Switch::No,
        },
        identity: Identity { addr: b"192.0.2.1", proto: "http", trusted: false },
        keep_alive: head.keep_alive,
        expect: false,
        raw: false,
        ours: &[],
        extra: &[],
        added: Pairs::NONE,
    };
    let mut out = Vec::new();
    encode_request(head, &forward, &mut out);
    out
}

/// The same for the head of a response, to a GET and to a HEAD.
pub fn response_head(data: &[u8]) {
    for method in [Method::Get, Method::Head] {
        every_prefix_agrees(data, |bytes| {
            let mut store = FieldStore::new();
            let head = parse_response(bytes, &mut store, method, &LIMITS)?;
            Ok::<_, ResponseError>(head.map(|head| shown(&head)))
        });
        let mut store = FieldStore::new();
        let Ok(Some(head)) = parse_response(data, &mut store, method, &LIMITS) else { continue };
        assert!(head.len <= data.len().min(LIMITS.max_head) && head.status >= 100);
        assert!(!head.upgrade_websocket || head.status == 101);
        let body = if head.body == Body::UntilClose { Body::Chunked } else { head.body };
        let once = replied(&head, body);
        let mut store = FieldStore::new();
        let sent = parse_response(&once, &mut store, method, &Limits::default());
        let Ok(Some(sent)) = sent else { panic!("what is sent on is refused: {sent:?}") };
        assert_eq!(sent.len, once.len(), "one head and nothing behind it");
        assert_eq!((sent.status, sent.reason), (head.status, head.reason));
        assert!(sent.body == body || head.is_interim(), "{:?} became {:?}", body, sent.body);
        assert_eq!(replied(&sent, body), once, "sent on again it stays the same");
    }
}

fn replied(head: &ResponseHead<'_, '_>, body: Body) -> Vec<u8> {
    let mut out = Vec::new();
    if head.is_interim() {
        encode_interim(head, &mut out);
    } else {
        let version = Version::Http11;
        let reply = Reply {
            body,
            version,
            keep_alive: true,
            date: DATE,
            extra: Pairs::NONE,
            without: Pairs::NONE,
        };
        encode_response(head, &reply, &mut out);
    }
    out
}

/// A chunked body gives the same payload at every split; what was decoded, chunked anew by us, is
/// decoded to the same.
pub fn chunked_body(data: &[u8]) {
    let whole = decoded(data, data.len());
    for step in [1, 2, 3, 7, 64] {
        assert_eq!(decoded(data, step), whole, "in steps of {step}");
    }
    let Ok((payload, _)) = whole else { return };
    let mut again = Vec::new();
    let mut prefix = [0; 24];
    for (index, part) in payload.chunks(13).enumerate() {
        let len = encode_chunk_prefix(part.len(), index == 0, &mut prefix);
        again.extend(prefix.iter().take(len));
        again.extend_from_slice(part);
    }
    again.extend_from_slice(last_chunk(payload.is_empty()));
    assert_eq!(decoded(&again, 5), Ok((payload, Some(again.len()))));
}

type Decoded = Result<(Vec<u8>, Option<usize>), ChunkError>;

/// The payload of a body given in steps, and where it ended, if it did.
fn decoded(data: &[u8], step: usize) -> Decoded {
    let mut decoder = ChunkedDecoder::new();
    let mut payload = Vec::new();
    let mut at = 0;
    for part in data.chunks(step.max(1)) {
        let mut rest = part;
        while !rest.is_empty() && !decoder.is_done() {
            let chunk = decoder.advance(rest)?;
            assert!(chunk.framing + chunk.data > 0, "something is always understood");
            assert_eq!(chunk.done, decoder.is_done());
            let (_, behind) = rest.split_at(chunk.framing);
            let (data, behind) = behind.split_at(chunk.data);
            payload.extend_from_slice(data);
            at += rest.len() - behind.len();
            rest = behind;
        }
    }
    Ok((payload, decoder.is_done().then_some(at)))
}

fn shown(head: &impl std::fmt::Debug) -> String {
    format!("{head:?}")
}

/// Every prefix asks for more or says what the whole says. Long inputs are not cut at every byte.
fn every_prefix_agrees<E: PartialEq + std::fmt::Debug>(
    data: &[u8],
    parse: impl Fn(&[u8]) -> Result<Option<String>, E>,
) {
    let whole = parse(data);
    let step = 1 + data.len() / 256;
    for (end, _) in data.iter().enumerate().step_by(step) {
        let (prefix, _) = data.split_at(end);
        let part = parse(prefix);
        assert!(matches!(part, Ok(None)) || part == whole, "at {end}: {part:?}, not {whole:?}");
    }
}
