//! What became of the lines that were read.

use std::collections::BTreeMap;

use logtap_capture::line::Rejected;
use logtap_capture::stream::Damage;

use crate::output::Ui;

/// lines read = used + rejected(reason)
#[derive(Debug, Default)]
pub(super) struct Account {
    read: u64,
    rejected: BTreeMap<Rejected, u64>,
    damaged: Vec<(String, u64)>,
    gone: Vec<String>,
}

impl Account {
    /// Lines that were read; `bad` of them are no log lines.
    pub(super) fn lines(&mut self, read: u64, bad: u64) {
        self.read += read;
        if bad > 0 {
            *self.rejected.entry(Rejected::NotALine).or_default() += bad;
        }
    }

    /// Damage of a file. A file being written may end within a line.
    pub(super) fn damage(&mut self, file: &str, damage: Damage, being_written: bool) {
        if damage.torn_bytes > 0 && !being_written {
            self.read += 1;
            *self.rejected.entry(Rejected::Torn).or_default() += 1;
        }
        if damage.damaged_bytes > 0 {
            self.damaged.push((file.to_owned(), damage.damaged_bytes));
        }
    }

    /// A file that vanished before it was read.
    pub(super) fn gone(&mut self, file: &str) {
        self.gone.push(file.to_owned());
    }

    /// Says what was not used, if anything.
    pub(super) fn tell(&self, ui: &Ui) {
        ui.rejected(self.read, &self.rejected);
        for (file, bytes) in &self.damaged {
            ui.note(format_args!("{file}: {bytes} compressed bytes are damaged and were passed over"));
        }
        for file in &self.gone {
            ui.note(format_args!("{file}: was deleted before it could be read"));
        }
    }
}
