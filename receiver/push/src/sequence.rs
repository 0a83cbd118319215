//! Which lines these are: what a sender adds to a stream so that a receiver keeps each of its lines
//! once, whatever is killed or cut between them. `docs/protocol.md` describes the whole.
//!
//! It travels as a field of Loki's stream message that other receivers skip as unknown.

/// Number of the field in Loki's stream message. Loki itself numbers from 1; the distance keeps
/// clear of whatever it adds.
pub(crate) const FIELD: u32 = 4001;
/// Longest name of a source, bytes.
pub const MAX_SOURCE: usize = 64;
/// Longest reason of a gap, bytes.
pub const MAX_REASON: usize = 32;
/// Largest number of a record: sums of two stay far from overflow.
pub const MAX_NUMBER: u64 = 1 << 62;

/// The numbers of a stream's entries: the first is `first`, each further one is one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence<'a> {
    /// What numbers its records from 1 on, without a hole: one container seen by one forwarder.
    /// At most [`MAX_SOURCE`] of `A-Z a-z 0-9 - _ . /`.
    pub source: &'a str,
    /// The number of the first entry, from 1 to [`MAX_NUMBER`].
    pub first: u64,
    /// Set where the stream's one entry is no line but speaks about lines.
    pub mark: Option<Mark<'a>>,
}

/// An entry that no container wrote. It takes a number as a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark<'a> {
    /// Lines were lost before they could be read or sent.
    Gap(Gap<'a>),
    /// The source has nothing more to say.
    End,
}

/// Lines that will never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap<'a> {
    /// How many, where the sender can know it.
    pub lost: Option<u64>,
    /// Why: at most [`MAX_REASON`] of `a-z 0-9 _`.
    pub reason: &'a str,
    /// Time of the last line before them, nanoseconds since 1970-01-01 UTC.
    pub from: i64,
    /// Time of the first line after them.
    pub to: i64,
    /// How many numbers the mark takes: 1, or those of the records whose place it takes.
    pub numbers: u64,
}

impl Sequence<'_> {
    /// Whether names and numbers keep their rules; what does not is read as if it were not there.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        let reason = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let fits = |text: &str, max, rule: fn(u8) -> bool| (1..=max).contains(&text.len()) && text.bytes().all(rule);
        let mark = match self.mark {
            Some(Mark::Gap(gap)) => {
                fits(gap.reason, MAX_REASON, reason)
                    && gap.lost.is_none_or(|n| n <= MAX_NUMBER)
                    && (1..=MAX_NUMBER).contains(&gap.numbers)
            }
            Some(Mark::End) | None => true,
        };
        mark && fits(self.source, MAX_SOURCE, name) && (1..=MAX_NUMBER).contains(&self.first)
    }
}
