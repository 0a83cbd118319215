//! How far a container was read, so that reading again neither repeats nor skips.
//!
//! The API goes by whole seconds (`sinceTime`), so a new stream begins before the cursor; what was
//! read before is skipped by time and, among lines of one time, by count.

use crate::journal::codec::{Reader, put};

/// The time of the last line read, and how many lines of that very time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) at: Option<(i64, u64)>,
    /// The next line, where its first pieces were handed on already.
    pub(super) open: Option<Begun>,
    /// Which life of the container that is: how often it was restarted before.
    pub(super) life: Option<u64>,
    /// Whether a line of this life was read.
    pub(super) begun: bool,
}

/// A line whose first pieces were handed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) ns: i64,
    pub(super) pieces: u64,
    /// Bytes of its text in them.
    pub(super) bytes: u64,
}

/// The beginning of a stream up to the cursor.
#[derive(Debug, Default)]
pub(super) struct Resume {
    /// The position to reach, until it is reached.
    target: Option<(i64, u64)>,
    /// The line to go on with.
    open: Option<Begun>,
    /// Whether the stream has to hold the line at the cursor.
    expected: bool,
    /// Lines from this time on cannot be missing: another stream was read until then.
    vouched: Option<i64>,
    seen: u64,
    found: bool,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was read before.
    Known,
    /// It is read, behind the bytes that were handed on before.
    Read(Begun),
}

impl Cursor {
    /// The time to ask the API from.
    pub(super) fn since(&self) -> Option<i64> {
        let open = self.open.map(|open| open.ns);
        let at = self.at.map(|(ns, _)| ns);
        at.into_iter().chain(open).min()
    }

    /// The time of the last line that was read.
    pub(super) fn last(&self) -> Option<i64> {
        self.at.map(|(ns, _)| ns).or(self.open.map(|open| open.ns))
    }

    /// To be called for each new stream. `same` says that it is the life that was read last.
    pub(super) fn resume(&self, same: bool) -> Resume {
        let open = self.open.filter(|_| same);
        Resume { target: self.at, open, expected: same && self.begun, ..Resume::default() }
    }

    /// A piece was handed on, and its line goes on.
    pub(super) fn piece(&mut self, ns: i64, bytes: usize) {
        let open = self.open.get_or_insert(Begun { ns, ..Begun::default() });
        open.pieces += 1;
        open.bytes += bytes as u64;
        self.begun = true;
    }

    /// A line was handed on to its end.
    pub(super) fn line(&mut self, ns: i64) {
        self.at = match self.at {
            Some((at, count)) if at == ns => Some((ns, count + 1)),
            _ => Some((ns, 1)),
        };
        self.open = None;
        self.begun = true;
    }

    /// Another life of the container begins.
    pub(super) fn enter(&mut self, life: u64) {
        if self.life != Some(life) {
            self.life = Some(life);
            self.begun = false;
            self.open = None;
        }
    }

    /// In the form that the journal keeps.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let (ns, count) = self.at.unwrap_or_default();
        let open = self.open.unwrap_or_default();
        let life = self.life.map_or(0, |life| life + 1);
        let numbers = [ns.cast_unsigned(), count, open.ns.cast_unsigned(), open.pieces, open.bytes, life];
        numbers.into_iter().for_each(|number| put(&mut out, number));
        put(&mut out, u64::from(self.begun));
        out
    }

    /// Reads that form; from the beginning where it is another's.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let read = || {
            let mut reader = Reader(bytes);
            let at = (reader.signed()?, reader.number()?);
            let open = Begun { ns: reader.signed()?, pieces: reader.number()?, bytes: reader.number()? };
            let life = reader.number()?.checked_sub(1);
            let begun = reader.number()? != 0;
            reader.0.is_empty().then_some(Self {
                at: (at.1 > 0).then_some(at),
                open: (open.pieces > 0).then_some(open),
                life,
                begun,
            })
        };
        read().unwrap_or_default()
    }
}

impl Resume {
    /// Nothing is missing if the first new line is from this time or later.
    pub(super) fn vouched(self, from: i64) -> Self {
        Self { vouched: Some(from), ..self }
    }

    /// Whether a line of the cursor's very time was there.
    pub(super) fn met(&self) -> bool {
        self.seen > 0
    }

    /// What becomes of the line that begins, and whether lines before it are missing.
    pub(super) fn line(&mut self, ns: i64) -> (Fate, bool) {
        if let Some((at, count)) = self.target {
            self.seen += u64::from(ns == at);
            self.found |= ns <= at;
            if ns < at || (ns == at && self.seen <= count) {
                return (Fate::Known, false);
            }
        }
        // From here on clocks may step back as they like.
        self.target = None;
        let open = self.open.take();
        let expected = std::mem::take(&mut self.expected);
        match open {
            Some(open) if open.ns == ns => (Fate::Read(open), false),
            Some(_) => (Fate::Read(Begun { ns, ..Begun::default() }), expected),
            None => (
                Fate::Read(Begun { ns, ..Begun::default() }),
                expected && !self.found && self.vouched.is_none_or(|from| ns < from),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cursor: &mut Cursor, stream: &[i64]) -> (Vec<i64>, bool) {
        let mut resume = cursor.resume(true);
        let (mut new, mut hole) = (Vec::new(), false);
        for ns in stream {
            let (fate, missing) = resume.line(*ns);
            hole |= missing;
            if fate != Fate::Known {
                new.push(*ns);
                cursor.line(*ns);
            }
        }
        (new, hole)
    }

    #[test]
    fn a_second_stream_goes_on_after_the_first() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.since(), None);
        assert_eq!(read(&mut cursor, &[1, 2, 2, 3]), (vec![1, 2, 2, 3], false));
        assert_eq!(cursor.since(), Some(3));
        assert_eq!(read(&mut cursor, &[2, 2, 3]), (vec![], false));
        assert_eq!(read(&mut cursor, &[2, 2, 3, 3, 4]), (vec![3, 4], false));
    }

    #[test]
    fn lines_of_one_time_are_counted() {
        let mut cursor = Cursor::default();
        assert_eq!(read(&mut cursor, &[7, 7]).0, [7, 7]);
        assert_eq!(read(&mut cursor, &[7, 7, 7]).0, [7]);
        assert_eq!(read(&mut cursor, &[7, 7, 7, 7, 7]).0, [7, 7]);
    }

    #[test]
    fn a_clock_that_steps_back_within_a_stream_loses_nothing() {
        assert_eq!(read(&mut Cursor::default(), &[5, 9, 3, 4]).0, [5, 9, 3, 4]);
    }

    #[test]
    fn a_stream_without_the_last_line_has_a_hole() {
        let mut cursor = Cursor::default();
        read(&mut cursor, &[1, 2]);
        assert_eq!(read(&mut cursor, &[]), (vec![], false));
        assert_eq!(read(&mut cursor, &[4, 5]), (vec![4, 5], true));
        assert_eq!(read(&mut cursor, &[5, 6]), (vec![6], false));
        cursor.enter(1);
        assert_eq!(read(&mut cursor, &[8]), (vec![8], false), "another life has another log");
    }

    #[test]
    fn a_stream_that_took_over_in_time_has_no_hole() {
        let mut cursor = Cursor::default();
        cursor.line(2);
        assert!(!cursor.resume(true).vouched(10).line(10).1);
        assert!(cursor.resume(true).vouched(10).line(9).1, "the first stream should have shown it");
    }

    #[test]
    fn a_line_in_pieces_is_gone_on_with() {
        let mut cursor = Cursor::default();
        cursor.line(1);
        cursor.piece(2, 10);
        cursor.piece(2, 10);
        let begun = Begun { ns: 2, pieces: 2, bytes: 20 };
        let mut resume = cursor.resume(true);
        assert_eq!(resume.line(1), (Fate::Known, false));
        assert_eq!(resume.line(2), (Fate::Read(begun), false));
        let mut resume = cursor.resume(true);
        assert_eq!(resume.line(1), (Fate::Known, false));
        assert_eq!(resume.line(3), (Fate::Read(Begun { ns: 3, ..Begun::default() }), true), "its end is gone");
    }

    #[test]
    fn the_journal_keeps_all_of_it() {
        let mut cursor = Cursor::default();
        assert_eq!(Cursor::decode(&cursor.encode()), cursor);
        assert_eq!(Cursor::decode(b"another form"), cursor);
        cursor.line(-3);
        cursor.enter(2);
        cursor.piece(i64::MIN, 10);
        assert_eq!(Cursor::decode(&cursor.encode()), cursor);
    }
}
