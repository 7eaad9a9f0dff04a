//! Heads of responses that carry a file, or parts of it.

use std::io::Write as _;

use super::reply::put_connection;
use super::write::{put, put_extra, put_field, put_framing};
use crate::proto::http::{
    Body, ByteRange, Coding, Media, Pairs, Validators, Version, put_date, reason,
};

/// What a client is sent of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All of it: 200.
    Whole,
    /// This part: 206.
    Part(ByteRange),
    /// Several parts with this boundary between them, so many bytes in all: 206.
    Parts(Boundary, u64),
    /// Nothing, for it has it: 304.
    Nothing,
}

/// What stands between parts (RFC 2046 section 5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary(pub u64);

/// A file as a response shows it.
#[derive(Clone, Copy, Debug)]
pub struct FileHead<'a> {
    /// How much of it.
    pub share: Share,
    /// What it is.
    pub media: Media,
    /// How it is compressed.
    pub coding: Option<Coding>,
    /// Others may be sent it in another coding.
    pub varies: bool,
    /// Bytes of it.
    pub size: u64,
    /// Its state.
    pub validators: Validators<'a>,
    /// The client's version.
    pub version: Version,
    /// Whether the client's connection is kept.
    pub keep_alive: bool,
    /// Now, as an IMF-fixdate of 29 bytes.
    pub date: &'a str,
    /// Fields to add. Names are tokens and values have no controls: the caller's duty.
    pub extra: &'a Pairs,
    /// Names of fields of ours that are left out.
    pub without: &'a Pairs,
}

impl FileHead<'_> {
    /// The status.
    pub const fn status(&self) -> u16 {
        match self.share {
            Share::Whole => 200,
            Share::Part(_) | Share::Parts(..) => 206,
            Share::Nothing => 304,
        }
    }

    /// Bytes of the body.
    pub const fn len(&self) -> u64 {
        match self.share {
            Share::Whole => self.size,
            Share::Part(range) => range.len,
            Share::Parts(_, len) => len,
            Share::Nothing => 0,
        }
    }

    /// Whether there is no body.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        let mut field = |name: &str, write: &dyn Fn(&mut Vec<u8>)| {
            if !self.without.has(name) {
                put(out, &[name.as_bytes(), b": "]);
                write(out);
                out.extend_from_slice(b"\r\n");
            }
        };
        field("Last-Modified", &|out| put_date(self.validators.modified, out));
        field("ETag", &|out| {
            put(out, &[if self.validators.weak { b"W/" } else { b"" }, self.validators.tag]);
        });
        if self.varies {
            field("Vary", &|out| out.extend_from_slice(b"Accept-Encoding"));
        }
        if self.share == Share::Nothing {
            return;
        }
        field("Accept-Ranges", &|out| out.extend_from_slice(b"bytes"));
        if let Some(coding) = self.coding {
            field("Content-Encoding", &|out| out.extend_from_slice(coding.name().as_bytes()));
        }
        match self.share {
            Share::Parts(boundary, _) => field("Content-Type", &|out| {
                _ = write!(out, "multipart/byteranges; boundary={:016x}", boundary.0);
            }),
            _ => field("Content-Type", &|out| put_media(self.media, out)),
        }
        if let Share::Part(range) = self.share {
            field("Content-Range", &|out| put_range(range, self.size, out));
        }
    }
}

/// Appends the head with its empty line. After HEAD the body that it announces is not sent.
pub fn encode_file(head: &FileHead<'_>, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let status = head.status();
    let (text, phrase) = (digits.format(status).as_bytes(), reason(status).as_bytes());
    put(out, &[b"HTTP/1.1 ", text, b" ", phrase, b"\r\n"]);
    put_field(out, "Server", b"tidegate");
    put_field(out, "Date", head.date.as_bytes());
    head.put_fields(out);
    put_extra(out, head.extra.iter());
    let body = if status == 304 { Body::Empty } else { Body::Length(head.len()) };
    put_framing(out, body);
    put_connection(out, head.version, head.keep_alive);
    out.extend_from_slice(b"\r\n");
}

/// Appends what stands in front of one of several parts.
pub fn encode_part(
    boundary: Boundary,
    media: Media,
    range: ByteRange,
    size: u64,
    out: &mut Vec<u8>,
) {
    _ = write!(out, "\r\n--{:016x}\r\nContent-Type: ", boundary.0);
    put_media(media, out);
    out.extend_from_slice(b"\r\nContent-Range: ");
    put_range(range, size, out);
    out.extend_from_slice(b"\r\n\r\n");
}

/// Appends what stands behind the last of several parts.
pub fn encode_last_part(boundary: Boundary, out: &mut Vec<u8>) {
    _ = write!(out, "\r\n--{:016x}--\r\n", boundary.0);
}

fn put_media(media: Media, out: &mut Vec<u8>) {
    let charset: &[u8] = if media.is_text { b"; charset=utf-8" } else { b"" };
    put(out, &[media.name.as_bytes(), charset]);
}

fn put_range(range: ByteRange, size: u64, out: &mut Vec<u8>) {
    _ = write!(out, "bytes {}-{}/{size}", range.first, range.last());
}
