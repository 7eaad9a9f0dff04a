//! Receiving on an open TLS connection: records from the wire become bytes in a receive window.

use std::io::{self, IoSliceMut};

use super::Fault;
use super::cipher::Cipher;
use super::notices::{Notices, Wish};
use super::record::{Content, HEADER, Header};
use crate::buf::{Block, Pool, Rx, Segment, Stub};
use crate::reactor::transfer::not_read;
use crate::reactor::{Filled, Readiness, Stream};

/// Records and messages in a row that bring no byte, before that is an attack.
const IDLE_RECORDS: u8 = 32;
/// The receiving half.
#[derive(Debug)]
pub(super) struct Unsealer {
    cipher: Cipher,
    /// The beginning of a record whose rest has not arrived.
    partial: Option<Segment>,
    /// What is said besides data.
    notices: Notices,
    /// Records in a row that brought nothing.
    idle: u8,
    /// What was wrong with the first records.
    pub(super) broken: Option<Fault>,
}

impl Unsealer {
    pub(super) fn new(cipher: Cipher, client: bool) -> Unsealer {
        Unsealer { cipher, partial: None, notices: Notices::new(client), idle: 0, broken: None }
    }

    /// Takes in what arrived before, behind the last message of the handshake.
    pub(super) fn begin(
        &mut self,
        bytes: &[u8],
        rx: &mut Rx,
        pool: &Pool,
        wishes: &mut Vec<Wish>,
    ) -> Result<(), Fault> {
        self.open_all(bytes, rx, pool, wishes)
    }

    /// Reads once, into `scratch` and behind what there is of a record.
    pub(super) fn fill(
        &mut self,
        stream: &Stream,
        ready: &mut Readiness,
        rx: &mut Rx,
        scratch: &mut [u8],
        pool: &Pool,
        wishes: &mut Vec<Wish>,
    ) -> Result<Filled, Fault> {
        if let Some(fault) = self.broken.take() {
            return Err(fault);
        }
        if self.notices.is_closed() {
            ready.read_blocked();
            return Ok(Filled::Finished);
        }
        let (result, wanted, before) = self.read(stream, scratch)?;
        match result {
            Ok(0) => {
                ready.read_result(wanted, 0);
                Ok(Filled::Truncated)
            }
            Ok(n) => {
                ready.read_result(wanted, n);
                self.take_in(n, before, scratch, rx, pool, wishes)?;
                // Nothing else will say that the stream is over.
                ready.readable |= self.notices.is_closed();
                Ok(Filled::Bytes(n))
            }
            Err(error) => Ok(not_read(&error, ready)),
        }
    }

    /// Reads; how many bytes there was room for, and where those lie that came before.
    fn read(
        &mut self,
        stream: &Stream,
        scratch: &mut [u8],
    ) -> Result<(io::Result<usize>, usize, Before), Fault> {
        if let Some(Segment::Block(block)) = &mut self.partial
            && let Some(header) = Header::parse(block.bytes())?
        {
            let missing = header.record().saturating_sub(block.len());
            let (_, tail) = (block.len(), block.tail());
            let tail = tail.get_mut(..missing).unwrap_or_default();
            let wanted = missing + scratch.len();
            let result = stream.readv(&mut [IoSliceMut::new(tail), IoSliceMut::new(scratch)]);
            return Ok((result, wanted, Before::InBlock(missing)));
        }
        let before = self.partial.as_ref().map_or(&[][..], Segment::bytes);
        let (front, room) = scratch.split_at_mut(before.len());
        front.copy_from_slice(before);
        Ok((stream.read(room), room.len(), Before::InScratch(front.len())))
    }

    /// Opens what was read.
    fn take_in(
        &mut self,
        n: usize,
        before: Before,
        scratch: &mut [u8],
        rx: &mut Rx,
        pool: &Pool,
        wishes: &mut Vec<Wish>,
    ) -> Result<(), Fault> {
        let partial = self.partial.take();
        let end = match (before, partial) {
            (Before::InBlock(missing), Some(Segment::Block(mut block))) => {
                let here = n.min(missing);
                block.filled(here);
                if here < missing {
                    self.partial = Some(Segment::Block(block));
                    return Ok(());
                }
                self.open_block(block, rx, pool, wishes)?;
                n - here
            }
            (Before::InScratch(before), _) => before + n,
            (Before::InBlock(_), _) => 0,
        };
        self.open_all(scratch.get(..end).unwrap_or_default(), rx, pool, wishes)
    }

    /// Opens all whole records of `bytes`, and keeps the rest.
    fn open_all(
        &mut self,
        mut bytes: &[u8],
        rx: &mut Rx,
        pool: &Pool,
        wishes: &mut Vec<Wish>,
    ) -> Result<(), Fault> {
        while !self.notices.is_closed()
            && let Some(header) = Header::parse(bytes)?
            && let Some((record, rest)) = bytes.split_at_checked(header.record())
        {
            let fragment = record.get(HEADER..).unwrap_or_default();
            let len = self.cipher.opened_len(header)?;
            self.open(header, fragment, len, rx, pool, wishes)?;
            bytes = rest;
        }
        if !bytes.is_empty() && !self.notices.is_closed() {
            self.partial = Some(keep(bytes, pool));
        }
        Ok(())
    }

    /// Opens one record, straight to where its bytes are wanted: behind those that wait, or into a fresh block.
    fn open(
        &mut self,
        header: Header,
        fragment: &[u8],
        len: usize,
        rx: &mut Rx,
        pool: &Pool,
        wishes: &mut Vec<Wish>,
    ) -> Result<(), Fault> {
        if let Some(tail) = rx.tail_block().filter(|tail| tail.room() >= len) {
            let room = &mut tail.tail()[..len];
            let (content, len) = self.cipher.open(header, fragment, room)?;
            if content == Content::Data {
                tail.filled(len);
                return self.counted(len);
            }
            return self.message(content, room.get(..len).unwrap_or_default(), wishes);
        }
        if let Some(mut block) = pool.take() {
            let room = &mut block.tail()[..len];
            let (content, len) = self.cipher.open(header, fragment, room)?;
            if content != Content::Data {
                return self.message(content, room.get(..len).unwrap_or_default(), wishes);
            }
            block.filled(len);
            push(rx, Segment::Block(block));
            return self.counted(len);
        }
        // What is read already must go somewhere, pool or no pool.
        let mut room = vec![0; len];
        let (content, len) = self.cipher.open(header, fragment, &mut room)?;
        room.truncate(len);
        if content != Content::Data {
            return self.message(content, &room, wishes);
        }
        push(rx, Segment::Stub(Stub::from(room.into_boxed_slice())));
        self.counted(len)
    }

    /// Opens the record that fills a block, where it lies.
    fn open_block(
        &mut self,
        mut block: Block,
        rx: &mut Rx,
        pool: &Pool,
        wishes: &mut Vec<Wish>,
    ) -> Result<(), Fault> {
        let Some(header) = Header::parse(block.bytes())? else { return Ok(()) };
        let fragment = block.bytes_mut().get_mut(HEADER..).unwrap_or_default();
        let (content, start, len) = self.cipher.open_in_place(header, fragment)?;
        block.consume(HEADER + start);
        block.truncate(len);
        if content != Content::Data {
            return self.message(content, block.bytes(), wishes);
        }
        match rx.tail_block().filter(|tail| tail.room() >= len) {
            Some(tail) => {
                tail.append(block.bytes());
                pool.count_payload(len);
            }
            None => push(rx, Segment::Block(block)),
        }
        self.counted(len)
    }

    /// Takes note of a record with data.
    fn counted(&mut self, len: usize) -> Result<(), Fault> {
        self.notices.uninterrupted()?;
        if len == 0 {
            return self.idled();
        }
        self.idle = 0;
        Ok(())
    }

    fn idled(&mut self) -> Result<(), Fault> {
        self.idle += 1;
        if self.idle > IDLE_RECORDS { Err(Fault::TooMany) } else { Ok(()) }
    }

    /// Takes in what a record said besides data.
    fn message(
        &mut self,
        content: Content,
        bytes: &[u8],
        wishes: &mut Vec<Wish>,
    ) -> Result<(), Fault> {
        self.idled()?;
        self.notices.take_in(content, bytes, &mut self.cipher, wishes)
    }

    /// Whether no part of a record or message has arrived, and more may come.
    pub(super) fn is_quiet(&self) -> bool {
        self.partial.is_none() && self.notices.is_quiet()
    }

    /// Gives back the block of a record of which little has arrived.
    pub(super) fn settle(&mut self) {
        if let Some(partial @ Segment::Block(_)) = &mut self.partial
            && partial.len() < SMALL
        {
            *partial = Segment::Stub(Stub::new(partial.bytes()));
        }
    }
}

/// Beginnings of records below this many bytes do not keep a block.
const SMALL: usize = 1024;

/// Where the bytes lie that came before those just read.
#[derive(Clone, Copy)]
enum Before {
    /// In the block of the record that misses so many.
    InBlock(usize),
    /// So many at the start of the scratch.
    InScratch(usize),
}

/// The beginning of a record, in a block where the rest can be read behind it.
fn keep(bytes: &[u8], pool: &Pool) -> Segment {
    if let Some(mut block) = pool.take() {
        pool.count_payload(block.append(bytes));
        return Segment::Block(block);
    }
    Segment::Stub(Stub::new(bytes))
}

/// Puts what was opened behind what waits; an empty record leaves nothing.
fn push(rx: &mut Rx, segment: Segment) {
    if !segment.is_empty() {
        rx.push(segment);
    }
}
