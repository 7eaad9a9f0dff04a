//! Opening handshakes: requests of every draft, and what answers them.

use tidegate::proto::h1::*;
use tidegate::proto::http::*;
use tidegate::proto::ws::*;

const KEY3: [u8; KEY3_LEN] = *b"^n:ds[4U";

/// A request is of one draft at most: the same whatever else is allowed, and refused where that one
/// is not. What we answer to it is accepted by a client that sent it.
pub fn ws_handshake(data: &[u8]) {
    let mut store = FieldStore::new();
    let Ok(Some(head)) = parse_request(data, &mut store, &Limits::default()) else { return };
    let among_all = check_request(&head, Drafts::ALL);
    for draft in Draft::ALL {
        let alone = check_request(&head, Drafts::NONE.with(draft));
        match among_all {
            Ok(handshake) if handshake.draft == draft => assert_eq!(alone, among_all),
            _ => assert!(alone.is_err(), "{draft}: {alone:?}, not {among_all:?}"),
        }
    }
    match among_all {
        Ok(handshake) => answered(&head, handshake),
        Err(error) => assert!(matches!(error.status(), 400 | 426)),
    }
}

/// Answers a handshake and checks the answer as the client would.
fn answered(head: &RequestHead<'_, '_>, handshake: Handshake<'_>) {
    assert!(head.method == Method::Get && head.upgrade == Upgrade::WebSocket);
    let mut out = Vec::new();
    let draft = handshake.draft;
    let proof = match handshake.key {
        Key::Text(_) => {
            let accept = handshake.accept().expect("the drafts with a key have one");
            out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n");
            out.extend_from_slice(b"Connection: Upgrade\r\nSec-WebSocket-Accept: ");
            out.extend_from_slice(&accept);
            out.extend_from_slice(b"\r\n\r\n");
            Some(accept)
        }
        Key::Numbers(challenge) => {
            assert_eq!(Challenge::of(challenge.numbers()).answer(KEY3), challenge.answer(KEY3));
            None
        }
        Key::None => None,
    };
    let (field, host) = (draft.protocol_field(), head.host);
    let protocol = head.fields.find(field).filter(|value| !value.is_empty());
    let origin = head.fields.get(Known::Origin);
    if proof.is_none() {
        let (target, extra) = (head.path, &b""[..]);
        let answer = HixieAnswer { draft, origin, secure: true, host, target, protocol, extra };
        answer.encode(&mut out);
    }
    let mut store = FieldStore::new();
    let roomy = Limits { max_uri: 1 << 20, max_head: 1 << 20, max_fields: 20 };
    let parsed = parse_response(&out, &mut store, Method::Get, &roomy);
    let Ok(Some(answer)) = parsed else { panic!("what we answer is no head: {parsed:?}") };
    assert_eq!(answer.len, out.len(), "one head and nothing behind it");
    match proof {
        Some(proof) => {
            let accepted = check_response(&answer, &proof, protocol, Some(head.fields));
            assert_eq!(accepted.map(|accepted| accepted.protocol), Ok(None));
        }
        None => assert_eq!(check_hixie_answer(draft, &out, &answer, protocol), Ok(protocol)),
    }
}

/// An answer proves what it is to prove, or is refused: without a status of 101 nothing does.
pub fn ws_answer(data: &[u8]) {
    let (mut asked, mut store) = (FieldStore::new(), FieldStore::new());
    let request = b"GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Protocol: chat, binary\r\n\r\n";
    let limits = Limits::default();
    let request = parse_request(request, &mut asked, &limits).ok().flatten().expect("a request");
    let parsed = parse_response(data, &mut store, Method::Get, &limits);
    let Ok(Some(head)) = parsed else { return };
    let accept = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
    let protocols = offered_protocols(Draft::Rfc6455, request.fields);
    if let Ok(accepted) = check_response(&head, &accept, protocols.as_deref(), Some(request.fields))
    {
        let proof = head.fields.get(Known::SecWebSocketAccept);
        assert_eq!((head.status, proof), (101, Some(accept.as_slice())));
        assert!(matches!(accepted.protocol, None | Some(b"chat" | b"binary")));
    }
    for draft in [Draft::Hixie75, Draft::Hixie76] {
        if let Ok(protocol) = check_hixie_answer(draft, data, &head, Some(b"chat, binary")) {
            assert_eq!(head.status, 101);
            assert!(matches!(protocol, None | Some(b"chat" | b"binary" | b"chat, binary")));
        }
    }
}

const WISH: Wish<'_> =
    Wish { origin: Some(b"http://a.example"), host: b"b.example", protocols: Some(b"chat, super") };

/// What is asked of a server in each draft, always with the same keys.
fn opening(draft: Draft) -> Opening {
    let mut number = 0u64;
    Opening::new(draft, &WISH, || {
        number += 1;
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

/// An answer to a handshake of ours, behind a byte for its draft, is the whole proof, more of it is awaited, or
/// it is refused for good.
pub fn ws_opening(data: &[u8]) {
    let Some((flag, bytes)) = data.split_first() else { return };
    let draft = Draft::ALL[usize::from(*flag) % Draft::ALL.len()];
    let (opening, proof) = (opening(draft), if draft == Draft::Hixie76 { 16 } else { 0 });
    let mut store = FieldStore::new();
    let parsed = parse_response(bytes, &mut store, Method::Get, &Limits::default());
    let Ok(Some(head)) = parsed else { return };
    let whole = opening.check(bytes, &head, WISH.protocols);
    match whole {
        Ok(Some((accepted, behind))) => {
            assert_eq!((head.status, behind), (101, proof));
            assert!(head.len + behind <= bytes.len(), "nothing is taken that is not there");
            assert!(matches!(accepted.protocol, None | Some(b"chat" | b"super")));
        }
        Ok(None) => assert!(bytes.len() - head.len < proof, "all of it is there"),
        Err(_) => {}
    }
    for end in head.len..bytes.len().min(head.len + 20) {
        let mut store = FieldStore::new();
        let begin = &bytes[..end];
        let parsed = parse_response(begin, &mut store, Method::Get, &Limits::default());
        let head = parsed.ok().flatten().expect("the same head");
        match opening.check(begin, &head, WISH.protocols) {
            Ok(None) => assert!(end - head.len < proof),
            decided => assert_eq!(decided, whole, "what follows changes nothing"),
        }
    }
}
