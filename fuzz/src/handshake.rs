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
