//! How far the files of a container were read, exactly: which life, which file, which byte, and what
//! was begun and not ended there.

use super::file::HEAD;
use crate::intake::Std;
use crate::journal::codec::{Reader, put, put_bytes};
use crate::source::pieces::Open;

/// The position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The life that is read; `None` before the first file.
    pub(super) life: Option<u64>,
    /// The file of this life that was read to its end last; empty where there is none.
    pub(super) done: String,
    /// The file after the one that is read, as far as one was seen; empty otherwise.
    pub(super) next: String,
    /// The beginning of the file that is read.
    pub(super) head: Vec<u8>,
    /// Bytes of it that were handed on.
    pub(super) offset: u64,
    /// Time of the last line.
    pub(super) last: Option<i64>,
    /// Lines of both outputs that go on.
    pub(super) open: [Option<Open>; 2],
}

/// Marks a position of this form and version.
const FORM: u64 = 0x6c74_6e6f_6465_0001;

impl Position {
    /// Moves behind bytes that were handed on.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        let room = HEAD - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.offset += bytes.len() as u64;
    }

    /// Moves behind the file that is read.
    pub(super) fn pass_file(&mut self, stamp: String) {
        self.done = stamp;
        self.next.clear();
        self.head.clear();
        self.offset = 0;
    }

    /// Moves to the beginning of a life.
    pub(super) fn enter(&mut self, life: u64) {
        self.pass_file(String::new());
        self.life = Some(life);
    }

    /// The line of an output that goes on, if any.
    pub(super) fn open(&mut self, std: Std) -> &mut Option<Open> {
        let [out, err] = &mut self.open;
        if std == Std::Out { out } else { err }
    }

    /// In the form that the journal keeps.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        put(&mut out, FORM);
        put(&mut out, self.life.map_or(0, |life| life + 1));
        put_bytes(&mut out, self.done.as_bytes());
        put_bytes(&mut out, self.next.as_bytes());
        put_bytes(&mut out, &self.head);
        put(&mut out, self.offset);
        put(&mut out, u64::from(self.last.is_some()));
        put(&mut out, self.last.unwrap_or_default().cast_unsigned());
        for open in &self.open {
            put(&mut out, u64::from(open.is_some()));
            if let Some(open) = open {
                put(&mut out, open.ns.cast_unsigned());
                put(&mut out, open.before);
                put_bytes(&mut out, &open.text);
            }
        }
        out
    }

    /// Reads that form; from the beginning where it is another's.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        Self::read(bytes).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.number()? != FORM {
            return None;
        }
        let life = reader.number()?.checked_sub(1);
        let (done, next) = (reader.text()?.to_owned(), reader.text()?.to_owned());
        let head = reader.bytes().filter(|head| head.len() <= HEAD)?.to_vec();
        let offset = reader.number().filter(|offset| *offset >= head.len() as u64)?;
        let has_last = reader.number()? != 0;
        let last = reader.signed().map(|last| has_last.then_some(last))?;
        let mut open = [None, None];
        for one in &mut open {
            if reader.number()? != 0 {
                let (ns, before) = (reader.signed()?, reader.number()?);
                *one = Some(Open { ns, before, text: reader.bytes()?.to_vec() });
            }
        }
        Some(Self { life, done, next, head, offset, last, open })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_keeps_all_of_it() {
        let mut position = Position::default();
        assert_eq!(Position::decode(&position.encode()), position);
        assert_eq!(Position::decode(b""), position);
        position.enter(3);
        position.pass(&[7; 100]);
        position.next = "20260101-000000".to_owned();
        position.last = Some(-1);
        *position.open(Std::Err) = Some(Open { ns: 5, before: 1, text: b"begun".to_vec() });
        assert_eq!(Position::decode(&position.encode()), position);
        let whole = position.encode();
        for cut in 0..whole.len() {
            assert_eq!(Position::decode(&whole[..cut]), Position::default());
        }
    }
}
