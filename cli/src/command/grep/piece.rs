//! What a thread makes of one piece of lines.

use std::collections::HashMap;

use logtap_capture::labels::{LabelSet, Labels};
use logtap_capture::line;
use logtap_capture::query::Query;
use logtap_capture::select::{Picked, Selector, Tally};

use super::Around;
use super::render::Renderer;

/// What is wanted of each piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Lines, not only their number.
    pub(super) lines: bool,
    /// Where each line ends and what it is.
    pub(super) records: bool,
    /// Lines around matches.
    pub(super) around: Option<Around>,
    /// Lines as stored instead of text.
    pub(super) json: bool,
}

/// The lines of one piece that may be printed, rendered.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Counts.
    pub(super) tally: Tally,
    /// Rendered lines, one after the other.
    pub(super) text: Vec<u8>,
    /// One per rendered line, if records are wanted.
    pub(super) records: Vec<Record>,
    /// Label sets that records refer to, if lines around matches are wanted.
    pub(super) streams: Vec<Labels>,
}

/// One rendered line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    /// Its time; the smallest there is if it has none.
    pub(super) ts: i64,
    /// Where it ends in the text.
    pub(super) end: usize,
    /// Position of its label set.
    pub(super) stream: usize,
    /// False for lines that may be wanted around a match.
    pub(super) hit: bool,
}

/// Makes pieces; one per thread.
#[derive(Debug)]
pub(super) struct Maker<'q> {
    selector: Selector<'q>,
    renderer: Renderer,
    wanted: Wanted,
}

impl<'q> Maker<'q> {
    /// A maker for a query.
    pub(super) fn new(query: &'q Query, wanted: Wanted) -> Self {
        Self { selector: Selector::new(query), renderer: Renderer::default(), wanted }
    }

    /// Searches the lines. `own` as in [`Selector::pick`].
    pub(super) fn make(&mut self, lines: &[u8], own: bool) -> Piece {
        match self.wanted.around {
            Some(around) => self.with_context(lines, own, around),
            None => self.matches(lines, own),
        }
    }

    fn matches(&mut self, lines: &[u8], own: bool) -> Piece {
        let Self { selector, renderer, wanted } = self;
        let mut piece = Piece::default();
        if !wanted.lines {
            piece.tally = selector.count(lines, own);
            return piece;
        }
        let Piece { text, records, .. } = &mut piece;
        let tally = selector.pick(lines, own, |Picked { place, line, labels, .. }| {
            if wanted.json {
                Renderer::json(text, &lines[place]);
            } else {
                renderer.text(text, &line, labels);
            }
            if wanted.records {
                records.push(Record { ts: line.ts.unwrap_or(i64::MIN), end: text.len(), stream: 0, hit: true });
            }
        });
        piece.tally = tally;
        piece
    }

    /// Keeps matches, the lines around them in the same stream, and of each
    /// stream the lines at both ends, which matches in the pieces before and
    /// behind may want.
    fn with_context(&mut self, lines: &[u8], own: bool, around: Around) -> Piece {
        let Self { selector, renderer, wanted } = self;
        let mut ids: HashMap<Labels, usize> = HashMap::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut all = Vec::new();
        let tally = selector.survey(lines, own, |picked| {
            let stream = ids.get(picked.labels).copied().unwrap_or_else(|| {
                members.push(Vec::new());
                ids.insert(picked.labels.clone(), members.len() - 1);
                members.len() - 1
            });
            members[stream].push(all.len());
            all.push((picked.place, stream, picked.hit));
        });
        let mut piece = Piece { tally, ..Piece::default() };
        let mut keep = vec![false; all.len()];
        for stream in &members {
            let last = stream.len().saturating_sub(around.before);
            let (mut owed, mut unmarked) = (around.after, 0);
            for (at, &line) in stream.iter().enumerate() {
                if all[line].2 {
                    stream[at.saturating_sub(around.before).max(unmarked)..=at]
                        .iter()
                        .for_each(|line| keep[*line] = true);
                    (owed, unmarked) = (around.after, at + 1);
                } else if owed > 0 || at >= last {
                    keep[line] = true;
                    owed = owed.saturating_sub(1);
                }
            }
        }
        for ((place, stream, hit), _) in all.into_iter().zip(keep).filter(|(_, keep)| *keep) {
            let Ok(parts) = line::split(&lines[place.clone()]) else { continue };
            if wanted.json {
                Renderer::json(&mut piece.text, &lines[place]);
            } else {
                renderer.text(&mut piece.text, &parts, &LabelSet::new(line::object_pairs(&parts.labels)));
            }
            piece.records.push(Record { ts: parts.ts.unwrap_or(i64::MIN), end: piece.text.len(), stream, hit });
        }
        let mut streams: Vec<(usize, Labels)> = ids.into_iter().map(|(labels, id)| (id, labels)).collect();
        streams.sort_by_key(|(id, _)| *id);
        piece.streams = streams.into_iter().map(|(_, labels)| labels).collect();
        piece
    }
}
