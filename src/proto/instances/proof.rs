//! Both ends of a link prove that they know the secret, without telling it.
//!
//! ```text
//! dialler                                          listener
//!   greeting, nonce, HMAC("dialler", binding, nonce)  -->
//!   <--  nonce, HMAC("listener", binding, both nonces)
//! ```
//!
//! The binding is what TLS exports for this one connection (RFC 5705, RFC 9266): both ends have put something fresh into it, so
//! that no proof is of use on another connection, neither to one that repeats it nor to one that stands in the middle. The word
//! for the role keeps a proof from being sent back. A listener says nothing to one that has not proven itself.

use std::fmt;

use aws_lc_rs::hmac;

/// Bytes of a connection's binding.
pub const BINDING: usize = 32;
/// What a dialler begins with: what this is, and its version.
const GREETING: &[u8; 20] = b"tidegate instances 1";
const NONCE: usize = 32;
const TAG: usize = 32;

/// What all instances know and nobody else.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// Of these bytes.
    pub fn new(bytes: &[u8]) -> Secret {
        Secret(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Which end this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has connected.
    Dialler,
    /// It was connected to.
    Listener,
}

/// Why nothing comes of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It does not begin as it should.
    #[error("it speaks another language or version")]
    Greeting,
    /// It is not who it should be.
    #[error("it does not know the secret")]
    Secret,
}

/// One end while the other has not proven itself.
#[derive(Debug)]
pub struct Proving {
    secret: Secret,
    role: Role,
    binding: [u8; BINDING],
    nonce: [u8; NONCE],
    /// What has come of the other's proof.
    heard: Vec<u8>,
}

impl Proving {
    /// Begins; `nonce` is fresh. What is put into `out` is to be sent.
    pub fn begin(
        secret: Secret,
        role: Role,
        binding: [u8; BINDING],
        nonce: [u8; NONCE],
        out: &mut Vec<u8>,
    ) -> Proving {
        let proving = Proving { secret, role, binding, nonce, heard: Vec::new() };
        if role == Role::Dialler {
            out.extend_from_slice(GREETING);
            out.extend_from_slice(&nonce);
            let tag = hmac::sign(&proving.secret.0, &proving.claim(Role::Dialler, &[&nonce]));
            out.extend_from_slice(tag.as_ref());
        }
        proving
    }

    /// Takes bytes off the front of `bytes`, puts what is to be sent into `out`; true when the other end has proven itself:
    /// what is left are frames.
    ///
    /// # Errors
    /// When it has not.
    pub fn take(&mut self, bytes: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, Unproven> {
        let greeting: &[u8] = if self.role == Role::Listener { GREETING } else { b"" };
        let whole = greeting.len() + NONCE + TAG;
        let (taken, rest) = bytes.split_at(bytes.len().min(whole - self.heard.len()));
        self.heard.extend_from_slice(taken);
        *bytes = rest;
        if !greeting.iter().zip(&self.heard).all(|(one, two)| one == two) {
            return Err(Unproven::Greeting);
        }
        if self.heard.len() < whole {
            return Ok(false);
        }
        let (nonce, tag) = self.heard.split_at(greeting.len() + NONCE);
        let theirs = nonce.get(greeting.len()..).unwrap_or_default();
        let claim = match self.role {
            Role::Listener => self.claim(Role::Dialler, &[theirs]),
            Role::Dialler => self.claim(Role::Listener, &[&self.nonce, theirs]),
        };
        // In constant time.
        hmac::verify(&self.secret.0, &claim, tag).map_err(|_| Unproven::Secret)?;
        if self.role == Role::Listener {
            let claim = self.claim(Role::Listener, &[theirs, &self.nonce]);
            out.extend_from_slice(&self.nonce);
            out.extend_from_slice(hmac::sign(&self.secret.0, &claim).as_ref());
        }
        Ok(true)
    }

    /// What an end in this role proves. All parts have lengths of their own, so that none can be taken for another.
    fn claim(&self, role: Role, nonces: &[&[u8]]) -> Vec<u8> {
        let word: &[u8; 8] = if role == Role::Dialler { b"dialler " } else { b"listener" };
        [&[&GREETING[..], word, &self.binding], nonces].concat().concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(secret: &str, role: Role, binding: u8, nonce: u8) -> (Proving, Vec<u8>) {
        let mut out = Vec::new();
        let secret = Secret::new(secret.as_bytes());
        (Proving::begin(secret, role, [binding; 32], [nonce; 32], &mut out), out)
    }

    /// What both ends come to, where each hears the other, byte by byte.
    fn meet(
        (mut dialler, said): (Proving, Vec<u8>),
        (mut listener, nothing): (Proving, Vec<u8>),
    ) -> (Result<bool, Unproven>, Result<bool, Unproven>) {
        assert!(nothing.is_empty(), "a listener says nothing first");
        let hear = |one: &mut Proving, said: &[u8]| {
            let mut answer = Vec::new();
            let mut result = Ok(false);
            for byte in said {
                assert!(answer.is_empty(), "nothing is said before all is heard");
                result = one.take(&mut &[*byte][..], &mut answer);
                if result.is_err() {
                    break;
                }
            }
            (result, answer)
        };
        let (first, answer) = hear(&mut listener, &said);
        assert_eq!(answer.is_empty(), first != Ok(true));
        (first, hear(&mut dialler, &answer).0)
    }

    #[test]
    fn both_know_the_secret_or_nothing_is_said() {
        let dialler = |secret| end(secret, Role::Dialler, 1, 2);
        let listener = |secret| end(secret, Role::Listener, 1, 3);
        assert_eq!(meet(dialler("a"), listener("a")), (Ok(true), Ok(true)));
        assert_eq!(meet(dialler("a"), listener("b")), (Err(Unproven::Secret), Ok(false)));
    }

    #[test]
    fn a_proof_holds_on_its_own_connection_only() {
        let (_, said) = end("a", Role::Dialler, 1, 2);
        let (mut other, _) = end("a", Role::Listener, 9, 3);
        assert_eq!(other.take(&mut &*said, &mut Vec::new()), Err(Unproven::Secret));
    }

    #[test]
    fn what_was_said_cannot_be_said_back() {
        let (mut dialler, said) = end("a", Role::Dialler, 1, 2);
        let mirrored = said.split_at(GREETING.len()).1;
        assert_eq!(dialler.take(&mut &*mirrored, &mut Vec::new()), Err(Unproven::Secret));
    }

    #[test]
    fn what_follows_a_proof_is_left() {
        let (_, mut said) = end("a", Role::Dialler, 1, 2);
        said.extend_from_slice(b"frames");
        let (mut listener, _) = end("a", Role::Listener, 1, 3);
        let mut bytes = &*said;
        assert_eq!(listener.take(&mut bytes, &mut Vec::new()), Ok(true));
        assert_eq!(bytes, b"frames");
    }

    #[test]
    fn strangers_are_known_by_their_first_byte() {
        let (mut listener, _) = end("a", Role::Listener, 1, 3);
        let mut out = Vec::new();
        assert_eq!(listener.take(&mut &b"GET / HTTP/1.1"[..], &mut out), Err(Unproven::Greeting));
        assert!(out.is_empty());
    }
}
