//! How far a container was read, so that reading again neither repeats nor skips.
//!
//! The API goes by whole seconds (`sinceTime`), so a new stream begins before the cursor; what was
//! read before is skipped by time and, among lines of one time, by count. Held in memory: a forwarder
//! that is restarted reads from the beginning.

use super::Record;

/// The time of the last line read, and how many lines of that very time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    at: Option<(i64, u64)>,
}

/// The beginning of a stream up to the cursor.
#[derive(Debug)]
pub(crate) struct Resume {
    /// The position to reach, until it is reached.
    target: Option<(i64, u64)>,
    seen: u64,
    /// Whether the line that is being read is skipped.
    skipping: bool,
}

impl Cursor {
    /// The time to ask the API from.
    pub(crate) fn since(&self) -> Option<i64> {
        self.at.map(|(ns, _)| ns)
    }

    /// To be called for each new stream.
    pub(crate) fn resume(&self) -> Resume {
        Resume { target: self.at, seen: 0, skipping: false }
    }

    /// Whether a record is new; moves on past it if so.
    pub(crate) fn admit(&mut self, resume: &mut Resume, record: &Record) -> bool {
        if record.continues {
            return !resume.skipping;
        }
        resume.skipping = resume.skips(record.ns);
        if !resume.skipping {
            self.at = match self.at {
                Some((ns, count)) if ns == record.ns => Some((ns, count + 1)),
                _ => Some((record.ns, 1)),
            };
        }
        !resume.skipping
    }
}

impl Resume {
    fn skips(&mut self, line: i64) -> bool {
        let Some((ns, count)) = self.target else { return false };
        if line == ns {
            self.seen += 1;
        }
        let known = line < ns || (line == ns && self.seen <= count);
        if !known {
            // From here on clocks may step back as they like.
            self.target = None;
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(ns: i64) -> Record {
        Record { ns, text: String::new(), continues: false }
    }

    fn read(cursor: &mut Cursor, stream: &[i64]) -> Vec<i64> {
        let mut resume = cursor.resume();
        stream.iter().copied().filter(|ns| cursor.admit(&mut resume, &record(*ns))).collect()
    }

    #[test]
    fn a_second_stream_goes_on_after_the_first() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.since(), None);
        assert_eq!(read(&mut cursor, &[1, 2, 2, 3]), [1, 2, 2, 3]);
        assert_eq!(cursor.since(), Some(3));
        assert_eq!(read(&mut cursor, &[2, 2, 3]), [0_i64; 0]);
        assert_eq!(read(&mut cursor, &[2, 2, 3, 3, 4]), [3, 4]);
    }

    #[test]
    fn lines_of_one_time_are_counted() {
        let mut cursor = Cursor::default();
        assert_eq!(read(&mut cursor, &[7, 7]), [7, 7]);
        assert_eq!(read(&mut cursor, &[7, 7, 7]), [7]);
        assert_eq!(read(&mut cursor, &[7, 7, 7, 7, 7]), [7, 7]);
    }

    #[test]
    fn a_clock_that_steps_back_within_a_stream_loses_nothing() {
        let mut cursor = Cursor::default();
        assert_eq!(read(&mut cursor, &[5, 9, 3, 4]), [5, 9, 3, 4]);
    }

    #[test]
    fn pieces_share_the_fate_of_their_line() {
        let mut cursor = Cursor::default();
        read(&mut cursor, &[1]);
        let piece = |ns, continues| Record { ns, text: String::new(), continues };
        let mut resume = cursor.resume();
        let kept: Vec<bool> = [piece(1, false), piece(1, true), piece(2, false), piece(2, true)]
            .iter()
            .map(|record| cursor.admit(&mut resume, record))
            .collect();
        assert_eq!(kept, [false, false, true, true]);
    }
}
