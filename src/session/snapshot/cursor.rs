//! Writes a list of fields, or reads it: the same list for both, so that they cannot differ.

use crate::base::Millis;
use crate::proto::ws::{Draft, Tally};

use super::SnapshotError;

/// A place in a snapshot that is being written or read. Numbers are little-endian, bytes stand behind
/// their length, times are relative to the present.
pub(in super::super) struct Cursor<'a> {
    now: Millis,
    side: Side<'a>,
}

enum Side<'a> {
    Write(Vec<u8>),
    Read(&'a [u8]),
}

type Done = Result<(), SnapshotError>;

impl<'a> Cursor<'a> {
    /// Writes from the beginning.
    pub(super) fn write(now: Millis, version: u8) -> Cursor<'static> {
        Cursor { now, side: Side::Write(vec![version]) }
    }

    /// Reads from the beginning.
    pub(super) fn read(now: Millis, bytes: &'a [u8], version: u8) -> Result<Self, SnapshotError> {
        match bytes.split_first() {
            Some((found, rest)) if *found == version => Ok(Cursor { now, side: Side::Read(rest) }),
            Some(_) => Err(SnapshotError::Version),
            None => Err(SnapshotError::Damaged),
        }
    }

    /// What was written.
    pub(super) fn written(self) -> Vec<u8> {
        match self.side {
            Side::Write(bytes) => bytes,
            Side::Read(_) => Vec::new(),
        }
    }

    /// That nothing is left to be read.
    pub(super) fn ended(&self) -> Done {
        match self.side {
            Side::Read(rest) if !rest.is_empty() => Err(SnapshotError::Damaged),
            _ => Ok(()),
        }
    }

    /// Bytes of a fixed number.
    pub(in super::super) fn array<const N: usize>(&mut self, value: &mut [u8; N]) -> Done {
        match &mut self.side {
            Side::Write(out) => out.extend_from_slice(value),
            Side::Read(rest) => {
                let (found, left) = rest.split_first_chunk().ok_or(SnapshotError::Damaged)?;
                (*value, *rest) = (*found, left);
            }
        }
        Ok(())
    }

    pub(in super::super) fn byte(&mut self, value: &mut u8) -> Done {
        let mut bytes = [*value];
        self.array(&mut bytes)?;
        [*value] = bytes;
        Ok(())
    }

    pub(in super::super) fn flag(&mut self, value: &mut bool) -> Done {
        let mut byte = u8::from(*value);
        self.byte(&mut byte)?;
        *value = match byte {
            0 => false,
            1 => true,
            _ => return Err(SnapshotError::Damaged),
        };
        Ok(())
    }

    pub(in super::super) fn number(&mut self, value: &mut u64) -> Done {
        let mut bytes = value.to_le_bytes();
        self.array(&mut bytes)?;
        *value = u64::from_le_bytes(bytes);
        Ok(())
    }

    pub(in super::super) fn short(&mut self, value: &mut u16) -> Done {
        let mut bytes = value.to_le_bytes();
        self.array(&mut bytes)?;
        *value = u16::from_le_bytes(bytes);
        Ok(())
    }

    pub(in super::super) fn word(&mut self, value: &mut u32) -> Done {
        let mut bytes = value.to_le_bytes();
        self.array(&mut bytes)?;
        *value = u32::from_le_bytes(bytes);
        Ok(())
    }

    pub(in super::super) fn draft(&mut self, value: &mut Draft) -> Done {
        let mut number = *value as u8;
        self.byte(&mut number)?;
        *value = *Draft::ALL.get(usize::from(number)).ok_or(SnapshotError::Damaged)?;
        Ok(())
    }

    pub(in super::super) fn tally(&mut self, value: &mut Tally) -> Done {
        let Tally { messages, fragments, payload, pings, pongs } = value;
        for number in [messages, fragments, payload] {
            self.number(number)?;
        }
        self.word(pings)?;
        self.word(pongs)
    }

    /// A time before or after the present.
    pub(in super::super) fn time(&mut self, value: &mut Millis) -> Done {
        let mut offset = value.get().wrapping_sub(self.now.get());
        self.number(&mut offset)?;
        *value = Millis(self.now.get().saturating_add_signed(offset as i64));
        Ok(())
    }

    pub(in super::super) fn bytes(&mut self, value: &mut Vec<u8>) -> Done {
        let mut len = value.len() as u64;
        self.number(&mut len)?;
        match &mut self.side {
            Side::Write(out) => out.extend_from_slice(value),
            Side::Read(rest) => {
                let len = usize::try_from(len).map_err(|_| SnapshotError::Damaged)?;
                let (found, left) = rest.split_at_checked(len).ok_or(SnapshotError::Damaged)?;
                (*value, *rest) = (found.to_vec(), left);
            }
        }
        Ok(())
    }

    pub(in super::super) fn text(&mut self, value: &mut String) -> Done {
        let mut bytes = std::mem::take(value).into_bytes();
        self.bytes(&mut bytes)?;
        *value = String::from_utf8(bytes).map_err(|_| SnapshotError::Damaged)?;
        Ok(())
    }

    /// Something that may be there; `blank` is what its fields are read into.
    pub(in super::super) fn maybe<T>(
        &mut self,
        value: &mut Option<T>,
        blank: impl FnOnce() -> T,
        fields: impl FnOnce(&mut T, &mut Self) -> Done,
    ) -> Done {
        let mut there = value.is_some();
        self.flag(&mut there)?;
        if there {
            fields(value.get_or_insert_with(blank), self)?;
        } else {
            *value = None;
        }
        Ok(())
    }

    /// A time that may never come.
    pub(in super::super) fn moment(&mut self, value: &mut Millis) -> Done {
        let mut some = Some(*value).filter(|at| *at != Millis::NEVER);
        self.maybe(&mut some, Millis::default, |value, at| at.time(value))?;
        *value = some.unwrap_or(Millis::NEVER);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_at_another_time() {
        let mut time = Millis(900);
        let (mut word, mut some, mut flag) = ("word".to_owned(), Millis(1100), true);
        let mut at = Cursor::write(Millis(1000), 1);
        at.time(&mut time).expect("written");
        at.text(&mut word).expect("written");
        at.moment(&mut some).expect("written");
        at.moment(&mut Millis::NEVER.clone()).expect("written");
        at.flag(&mut flag).expect("written");
        let bytes = at.written();
        let mut at = Cursor::read(Millis(5000), &bytes, 1).expect("the version");
        let (mut found, mut text) = (Millis(0), String::new());
        let (mut moment, mut never) = (Millis(0), Millis(0));
        at.time(&mut found).expect("read");
        at.text(&mut text).expect("read");
        at.moment(&mut moment).expect("read");
        at.moment(&mut never).expect("read");
        at.flag(&mut flag).expect("read");
        assert_eq!((found, text.as_str()), (Millis(4900), "word"));
        assert_eq!((moment, never), (Millis(5100), Millis::NEVER));
        assert_eq!(at.ended(), Ok(()));
        assert_eq!(at.flag(&mut flag), Err(SnapshotError::Damaged));
        assert!(matches!(Cursor::read(Millis(0), &bytes, 2), Err(SnapshotError::Version)));
    }
}
