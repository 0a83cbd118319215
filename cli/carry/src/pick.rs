//! Picks the wanted lines and the gap marks out of a piece of lines; one per thread.

use std::ops::Range;

use logtap_capture::labels::Labels;
use logtap_capture::level::Level;
use logtap_capture::line::{self, RawLine};
use logtap_capture::lost;
use logtap_capture::select::{Picked, Selector, Tally};
use memchr::memmem;

use crate::filter::Filter;

/// How a gap mark's label stands in lines of ours.
const GAP: &[u8] = b"\"logtap\":\"gap\"";

#[derive(Debug)]
pub(crate) struct Picker<'f> {
    filter: &'f Filter,
    lines: Selector<'f>,
    gaps: Selector<'f>,
    gap: memmem::Finder<'static>,
    scratch: Vec<u8>,
}

/// A picked line.
pub(crate) struct Pick<'p> {
    /// As it is stored, without its newline.
    pub(crate) stored: &'p [u8],
    pub(crate) parts: &'p RawLine<'p>,
    pub(crate) labels: &'p Labels,
}

impl Pick<'_> {
    /// True if bytes of it that are no text are replaced where it is decoded; ours have none.
    pub(crate) fn is_replaced(&self, own: bool) -> bool {
        !(own && self.parts.ts.is_some()) && std::str::from_utf8(self.stored).is_err()
    }
}

impl<'f> Picker<'f> {
    pub(crate) fn new(filter: &'f Filter) -> Self {
        Self {
            filter,
            lines: Selector::new(&filter.query),
            gaps: Selector::new(&filter.gaps),
            gap: memmem::Finder::new(GAP),
            scratch: Vec::new(),
        }
    }

    /// Hands out the wanted lines in order. `own`: the lines stand in a sealed file of ours.
    pub(crate) fn pick(&mut self, lines: &[u8], own: bool, mut each: impl FnMut(Pick<'_>)) -> Tally {
        let Self { filter, lines: selector, gaps, gap, scratch } = self;
        // Foreign files may spell labels otherwise, and have no marks of ours.
        if gap.find(lines).is_none() {
            return selector.pick(lines, own, |picked| {
                if also_wanted(filter, &picked, scratch) {
                    each(Pick { stored: &lines[picked.place], parts: &picked.line, labels: picked.labels });
                }
            });
        }
        let mut places: Vec<(Range<usize>, Labels)> = Vec::new();
        let tally = selector.pick(lines, own, |picked| {
            if !picked.labels.is_gap() && also_wanted(filter, &picked, scratch) {
                places.push((picked.place, picked.labels.clone()));
            }
        });
        gaps.pick(lines, own, |picked| {
            if touches(filter, &picked, scratch) {
                places.push((picked.place, picked.labels.clone()));
            }
        });
        places.sort_by_key(|(place, _)| place.start);
        for (place, labels) in &places {
            let stored = &lines[place.clone()];
            if let Ok(parts) = line::split(stored) {
                each(Pick { stored, parts: &parts, labels });
            }
        }
        tally
    }
}

/// Level and further patterns.
fn also_wanted(filter: &Filter, picked: &Picked<'_>, scratch: &mut Vec<u8>) -> bool {
    if filter.level.is_none() && filter.also.is_empty() {
        return true;
    }
    let message = picked.line.message_text(scratch);
    filter.level.is_none_or(|least| Level::of(message.as_bytes()) >= least)
        && filter.also.iter().all(|pattern| {
            pattern.is_match(message.as_bytes())
                || picked.labels.pairs().iter().any(|(_, value)| pattern.is_match(value.as_bytes()))
        })
}

/// True if a gap mark stands in the wanted range, or speaks of a time that reaches into it.
fn touches(filter: &Filter, picked: &Picked<'_>, scratch: &mut Vec<u8>) -> bool {
    if filter.query.wants_time(picked.line.ts) {
        return true;
    }
    let meta = picked.line.meta.as_deref().map(line::object_pairs).unwrap_or_default();
    lost::between(&picked.line.message_text(scratch), &meta).is_some_and(|(from, to)| {
        filter.query.from.is_none_or(|earliest| to >= earliest) && filter.query.to.is_none_or(|latest| from <= latest)
    })
}
