//! How decoded lines are handed over: calls on a visitor that borrow from the body.

use std::borrow::Cow;

use crate::labels::Labels;
use crate::sequence::Sequence;
use crate::timestamp::Timestamp;

/// Receives what a body holds, in the body's order.
pub trait Sink {
    /// The entries that follow belong to this stream. May be called again with the same labels,
    /// and for streams without entries.
    fn stream(&mut self, labels: Labels<'_>);
    /// The numbers of the entries that follow in this stream; comes right after [`Sink::stream`].
    fn sequence(&mut self, _sequence: Sequence<'_>) {}
    /// One log line.
    fn entry(&mut self, entry: Entry<'_>);
    /// A name before characters that labels do not have are replaced in it: the
    /// last moment at which it still reads as the sender wrote it.
    fn name<'n>(&mut self, name: &'n str) -> Cow<'n, str> {
        Cow::Borrowed(name)
    }
}

/// One log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// When the sender says the line was written.
    pub ts: Timestamp<'a>,
    /// The text, unescaped, valid UTF-8, without NUL.
    pub line: &'a str,
    /// Structured metadata in the sender's order; a name may occur twice.
    pub meta: &'a [(Cow<'a, str>, Cow<'a, str>)],
}
