//! What became of the lines that were read: used, not wanted, or rejected for a reason.

use std::collections::BTreeMap;

use logtap_capture::line::Rejected;
use logtap_capture::select::Tally;
use logtap_capture::stream::Damage;

/// lines read = used + rejected(reason); a filter's choice is a use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Lines read, or known from an index and passed over.
    pub read: u64,
    /// Lines that are no log lines, by reason.
    pub rejected: BTreeMap<Rejected, u64>,
    /// Lines kept with U+FFFD in the place of bytes that were no text.
    pub replaced: u64,
    /// Files with compressed bytes that could not be decoded.
    pub damaged: Vec<(String, u64)>,
    /// Files that vanished before they could be read.
    pub gone: Vec<String>,
}

impl Account {
    pub(crate) fn tally(&mut self, tally: Tally) {
        self.read += tally.lines;
        if tally.not_a_line > 0 {
            *self.rejected.entry(Rejected::NotALine).or_default() += tally.not_a_line;
        }
    }

    /// Damage of a file; one that is being written may end within a line.
    pub(crate) fn damage(&mut self, file: &str, damage: Damage, growing: bool) {
        if damage.torn_bytes > 0 && !growing {
            self.read += 1;
            *self.rejected.entry(Rejected::Torn).or_default() += 1;
        }
        if damage.damaged_bytes > 0 {
            self.damaged.push((file.to_owned(), damage.damaged_bytes));
        }
    }
}
