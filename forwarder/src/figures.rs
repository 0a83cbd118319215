//! What came of the lines: counted in one place, said on request (SIGUSR1), at the end, and about once
//! a minute while lines arrive.

use std::cell::Cell;
use std::fmt;

/// A count that goes up.
#[derive(Debug, Default)]
pub(crate) struct Count(Cell<u64>);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.set(self.0.get() + more);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}

/// All counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Records that sources handed over.
    pub(crate) read: Count,
    /// Lines in requests that the target took.
    pub(crate) sent: Count,
    /// Lines that the target will never take.
    pub(crate) refused: Count,
    /// Marks of lines that were gone before they could be read.
    pub(crate) gaps: Count,
    /// Records with bytes that are no text.
    pub(crate) altered: Count,
    /// Lines that are not in the form of a container's log.
    pub(crate) odd: Count,
    /// Lines that a stream of the API server brought a second time.
    pub(crate) again: Count,
    /// Requests to the target that settled nothing.
    pub(crate) retries: Count,
    /// Requests to the API server.
    pub(crate) asked: Count,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines sent, {} refused", self.sent.get(), self.refused.get())?;
        let more = [
            (&self.gaps, "gaps"),
            (&self.altered, "with bytes that are no text"),
            (&self.odd, "in no known form"),
            (&self.again, "served twice and taken once"),
            (&self.retries, "requests in vain"),
        ];
        for (count, what) in more.into_iter().filter(|(count, _)| count.get() > 0) {
            write!(f, ", {} {what}", count.get())?;
        }
        Ok(())
    }
}
