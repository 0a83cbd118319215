//! Which record of which source a stored line is, for whoever reads lines in
//! the order of a file.

use std::sync::Arc;

use super::{Kind, parse};
use crate::labels::Labels;
use crate::line::{self, RawLine};
use crate::summary::Summary;

/// The run of numbered lines that goes on with the next line.
#[derive(Debug, Default)]
pub(crate) struct Follow(Option<OpenRun>);

#[derive(Debug)]
struct OpenRun {
    source: Arc<str>,
    next: u64,
    left: u64,
}

impl Follow {
    /// Something that is no line stood here.
    pub(crate) fn lose(&mut self) {
        self.0 = None;
    }

    /// Takes note of the next line: how far its source has come, and what it calls lost.
    pub(crate) fn line(&mut self, parts: &RawLine<'_>, labels: &Labels, summary: &mut Summary) {
        let at = parts.ts.unwrap_or_default();
        if let Some((source, first, numbers, kind)) = parts.seq.as_deref().and_then(parse) {
            let source: Arc<str> = source.into();
            let (taken, left) = if kind == Kind::Lines { (1, numbers.saturating_sub(1)) } else { (numbers, 0) };
            let next = first.saturating_add(taken);
            summary.sources.note(&source, next, at, kind == Kind::End, labels);
            self.0 = (left > 0).then_some(OpenRun { source, next, left });
        } else if let Some(run) = &mut self.0 {
            run.next += 1;
            run.left -= 1;
            summary.sources.note(&run.source, run.next, at, false, labels);
            if run.left == 0 {
                self.0 = None;
            }
        }
        if labels.is_gap()
            && let Some(meta) = &parts.meta
        {
            let meta = line::object_pairs(meta);
            summary.lost.note(meta.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        }
    }
}
