//! One direction of a connection's protection: a key, a nonce and a counter.

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce,
    UnboundKey,
};
use rustls::{ConnectionTrafficSecrets, ProtocolVersion};
use zeroize::Zeroize;

use super::Fault;
use super::keys::TrafficSecret;
use super::record::{CONTENT_MAX, Content, HEADER, Header};

/// Bytes of an authentication tag; every suite has the same.
const TAG: usize = 16;
/// Bytes of the nonce's part that travels with a record (RFC 5288).
const EXPLICIT: usize = 8;
/// What sealing adds to content at most, header included.
pub(super) const EXPANSION: usize = HEADER + EXPLICIT + TAG;
/// AES blocks that one key may seal: what 2^24 full records have (RFC 8446 section 5.5).
const GCM_BLOCKS: u64 = 1 << 34;

/// How a record is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Half of the nonce in front (RFC 5288).
    Tls12Gcm,
    /// Nothing but the tag (RFC 7905).
    Tls12Chacha,
    /// The true content behind the content, then padding (RFC 8446 section 5.2).
    Tls13,
}

/// The protection of one direction.
#[derive(Debug)]
pub(super) struct Cipher {
    key: LessSafeKey,
    iv: [u8; NONCE_LEN],
    /// Records so far.
    count: u64,
    /// AES blocks sealed so far.
    blocks: u64,
    layout: Layout,
    /// Where the next keys come from (TLS 1.3).
    secret: Option<TrafficSecret>,
}

/// AWS-LC refuses a key, or the suite is none we know.
#[derive(Debug)]
pub(super) struct Unusable;

impl Cipher {
    /// The state after a handshake, as rustls hands it over.
    pub(super) fn new(
        version: ProtocolVersion,
        (count, keys): &(u64, ConnectionTrafficSecrets),
        secret: Option<TrafficSecret>,
    ) -> Result<Cipher, Unusable> {
        let tls13 = version == ProtocolVersion::TLSv1_3;
        let gcm = if tls13 { Layout::Tls13 } else { Layout::Tls12Gcm };
        let chacha = if tls13 { Layout::Tls13 } else { Layout::Tls12Chacha };
        let (algorithm, key, iv, layout) = match keys {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv, gcm),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv, gcm),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => {
                (&CHACHA20_POLY1305, key, iv, chacha)
            }
            _ => return Err(Unusable),
        };
        Ok(Cipher {
            key: aead(algorithm, key.as_ref())?,
            iv: iv.as_ref().try_into().map_err(|_| Unusable)?,
            count: *count,
            blocks: 0,
            layout,
            secret,
        })
    }

    /// Whether records are TLS 1.3's.
    pub(super) fn is_tls13(&self) -> bool {
        self.layout == Layout::Tls13
    }

    /// Whether the key has sealed as much as is safe.
    pub(super) fn is_used_up(&self) -> bool {
        self.key.algorithm() != &CHACHA20_POLY1305 && self.blocks >= GCM_BLOCKS
    }

    /// Goes on to the next keys (RFC 8446 section 7.2).
    pub(super) fn update(&mut self) -> Result<(), Fault> {
        let secret = self.secret.as_ref().and_then(TrafficSecret::next).ok_or(Fault::Exhausted)?;
        let algorithm = self.key.algorithm();
        let mut key = [0; 32];
        let bytes = key.get_mut(..algorithm.key_len()).ok_or(Fault::Exhausted)?;
        secret.expand("key", bytes).ok_or(Fault::Exhausted)?;
        secret.expand("iv", &mut self.iv).ok_or(Fault::Exhausted)?;
        self.key = aead(algorithm, bytes).map_err(|Unusable| Fault::Exhausted)?;
        key.zeroize();
        self.count = 0;
        self.blocks = 0;
        self.secret = Some(secret);
        Ok(())
    }

    /// The nonce of the record at hand: the counter, mixed into the fixed part.
    fn nonce(&self) -> [u8; NONCE_LEN] {
        let mut nonce = self.iv;
        let (_, low) = nonce.split_at_mut(NONCE_LEN - 8);
        low.iter_mut().zip(self.count.to_be_bytes()).for_each(|(byte, count)| *byte ^= count);
        nonce
    }

    /// What is authenticated beside the content.
    fn aad(&self, content: u8, header: Header, len: usize) -> ([u8; 13], usize) {
        let mut aad = [0; 13];
        if self.is_tls13() {
            aad[..HEADER].copy_from_slice(&header.0);
            return (aad, HEADER);
        }
        aad[..8].copy_from_slice(&self.count.to_be_bytes());
        aad[8..].copy_from_slice(&Header::new(content, len).0);
        (aad, 13)
    }

    /// The bytes that a record's content takes while it is opened: padding is told from it only then.
    pub(super) fn opened_len(&self, header: Header) -> Result<usize, Fault> {
        // All others are unprotected, and come too late (RFC 8446 section 5).
        if self.is_tls13() && header.content() != Content::Data as u8 {
            return Err(Fault::UnexpectedMessage);
        }
        let fragment = header.fragment();
        let less = if self.layout == Layout::Tls12Gcm { EXPLICIT + TAG } else { TAG };
        let len = fragment.checked_sub(less).ok_or(Fault::BadRecordMac)?;
        let most = CONTENT_MAX + usize::from(self.is_tls13());
        if len > most { Err(Fault::RecordOverflow) } else { Ok(len) }
    }

    /// Opens the fragment of a record into `out`, which is [`Cipher::opened_len`] bytes long. What it is, and how
    /// many bytes of it count.
    pub(super) fn open(
        &mut self,
        header: Header,
        fragment: &[u8],
        out: &mut [u8],
    ) -> Result<(Content, usize), Fault> {
        let (sealed, nonce) = self.incoming(fragment)?;
        let (aad, used) = self.aad(header.content(), header, out.len());
        let (text, tag) = sealed.split_at_checked(out.len()).ok_or(Fault::BadRecordMac)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.key.open_separate_gather(nonce, Aad::from(&aad[..used]), text, tag, out);
        opened.map_err(|_| Fault::BadRecordMac)?;
        self.count += 1;
        self.content(header, out)
    }

    /// Opens the fragment of a record where it lies. What it is, where in the fragment its content begins, and
    /// how many bytes of it count.
    pub(super) fn open_in_place(
        &mut self,
        header: Header,
        fragment: &mut [u8],
    ) -> Result<(Content, usize, usize), Fault> {
        let len = self.opened_len(header)?;
        let (_, nonce) = self.incoming(fragment)?;
        let (aad, used) = self.aad(header.content(), header, len);
        let start = fragment.len() - len - TAG;
        let sealed = fragment.get_mut(start..).ok_or(Fault::BadRecordMac)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.key.open_in_place(nonce, Aad::from(&aad[..used]), sealed);
        let opened = opened.map_err(|_| Fault::BadRecordMac)?;
        self.count += 1;
        let (content, len) = self.content(header, opened)?;
        Ok((content, start, len))
    }

    /// What of an arriving fragment is sealed, and the nonce it was sealed under.
    fn incoming<'a>(&self, fragment: &'a [u8]) -> Result<(&'a [u8], [u8; NONCE_LEN]), Fault> {
        if self.layout != Layout::Tls12Gcm {
            return Ok((fragment, self.nonce()));
        }
        let (explicit, sealed) = fragment.split_at_checked(EXPLICIT).ok_or(Fault::BadRecordMac)?;
        let mut nonce = self.iv;
        let (_, low) = nonce.split_at_mut(NONCE_LEN - EXPLICIT);
        low.copy_from_slice(explicit);
        Ok((sealed, nonce))
    }

    /// What an opened record carries: in TLS 1.3 its last byte that is not padding says so.
    fn content(&self, header: Header, opened: &[u8]) -> Result<(Content, usize), Fault> {
        if !self.is_tls13() {
            return Ok((Content::of(header.content())?, opened.len()));
        }
        let last = opened.iter().rposition(|byte| *byte != 0).ok_or(Fault::UnexpectedMessage)?;
        let content = opened.get(last).copied().unwrap_or_default();
        Ok((Content::of(content)?, last))
    }

    /// Seals `plain` as one record at the start of `out`, which has room for [`EXPANSION`] bytes more; how long it is.
    pub(super) fn seal(&mut self, content: Content, plain: &[u8], out: &mut [u8]) -> usize {
        let start = self.content_starts();
        let end = start + plain.len();
        let (front, rest) = out.split_at_mut(start);
        let (text, rest) = rest.split_at_mut(plain.len());
        let (nonce, aad, used, extra) = self.outgoing(content, plain.len(), front);
        let tail = &mut rest[..extra + TAG];
        let mark = &[content as u8][..extra];
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(&aad[..used]);
        let sealed = self.key.seal_out_of_place_scatter(nonce, aad, plain, text, mark, tail);
        // It fails for lengths only, and these are right.
        assert!(sealed.is_ok(), "AWS-LC seals what has room");
        end + extra + TAG
    }

    /// Seals the `len` bytes of content that were put into `out` at [`Cipher::content_starts`].
    pub(super) fn seal_in_place(&mut self, content: Content, len: usize, out: &mut [u8]) -> usize {
        let start = self.content_starts();
        let (front, rest) = out.split_at_mut(start);
        let (text, rest) = rest.split_at_mut(len);
        let (nonce, aad, used, extra) = self.outgoing(content, len, front);
        let tail = &mut rest[..extra + TAG];
        let mark = &[content as u8][..extra];
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(&aad[..used]);
        let sealed = self.key.seal_in_place_scatter(nonce, aad, text, mark, tail);
        assert!(sealed.is_ok(), "AWS-LC seals what has room");
        start + len + extra + TAG
    }

    /// Where in a record its content lies.
    pub(super) fn content_starts(&self) -> usize {
        HEADER + if self.layout == Layout::Tls12Gcm { EXPLICIT } else { 0 }
    }

    /// Writes what stands in front of a record's content; its nonce, what is authenticated beside it, and how many
    /// bytes go behind it in the sealed part.
    fn outgoing(
        &mut self,
        content: Content,
        len: usize,
        front: &mut [u8],
    ) -> ([u8; NONCE_LEN], [u8; 13], usize, usize) {
        let nonce = self.nonce();
        let extra = usize::from(self.is_tls13());
        let shown = if self.is_tls13() { Content::Data } else { content };
        let header = Header::new(shown as u8, front.len() - HEADER + len + extra + TAG);
        front[..HEADER].copy_from_slice(&header.0);
        let (_, explicit) = front.split_at_mut(HEADER);
        explicit.copy_from_slice(&nonce[NONCE_LEN - explicit.len()..]);
        let (aad, used) = self.aad(content as u8, header, len);
        self.count += 1;
        self.blocks += len as u64 / 16 + 2;
        (nonce, aad, used, extra)
    }
}

fn aead(algorithm: &'static Algorithm, key: &[u8]) -> Result<LessSafeKey, Unusable> {
    UnboundKey::new(algorithm, key).map(LessSafeKey::new).map_err(|_| Unusable)
}
