//! In which order files and frames of several captures are taken, and which of them meet lines of others.

use logtap_capture::block_index::FrameInfo;
use logtap_capture::chunk::Span;
use logtap_capture::reader::OpenedFile;
use logtap_capture::scan::Unit;

use crate::{CarryError, Source};

/// Everything to take, in order of the earliest line.
pub(super) struct Plan {
    /// Files of all sources, in order.
    pub(super) files: Vec<OpenedFile>,
    pub(super) names: Vec<String>,
    /// Whether a receiver may be writing the file.
    pub(super) growing: Vec<bool>,
    pub(super) steps: Vec<Step>,
    /// The source of the step with a rank.
    sources: Vec<usize>,
    /// Where the steps of a file's units are, by their place in `steps`, sorted by unit.
    places: Vec<((usize, usize), usize)>,
}

/// Something that is taken in one go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) from: i64,
    /// Place among the steps in order of source, file and frame.
    pub(super) rank: u32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A whole file, copied.
    File(usize),
    /// A frame, copied.
    Whole(Unit),
    /// A frame or file whose lines are put in order.
    Lines(Unit),
}

impl Step {
    pub(super) fn unit(&self) -> Option<Unit> {
        match self.kind {
            Kind::File(_) => None,
            Kind::Whole(unit) | Kind::Lines(unit) => Some(unit),
        }
    }

    pub(super) fn file(&self) -> Option<usize> {
        match self.kind {
            Kind::File(file) => Some(file),
            _ => None,
        }
    }
}

impl Plan {
    /// Takes the sources' files.
    ///
    /// # Errors
    /// If reading fails.
    pub(super) fn new(sources: &mut [Source]) -> Result<Self, CarryError> {
        let (mut files, mut names, mut growing, mut owners) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at, source) in sources.iter_mut().enumerate() {
            growing.extend((0..source.files.len()).map(|file| source.is_growing(file)));
            owners.extend(std::iter::repeat_n(at, source.files.len()));
            files.append(&mut source.files);
            names.append(&mut source.names);
        }
        let taken: Vec<(Span, usize)> = files
            .iter()
            .zip(&owners)
            .flat_map(|(file, owner)| spans(file).into_iter().map(|span| (span, *owner)))
            .collect();
        let meets = Meetings::new(taken);
        let (mut steps, mut of_rank) = (Vec::new(), Vec::new());
        for (file, opened) in files.iter().enumerate() {
            let owner = owners[file];
            let mut push = |from: i64, kind: Kind| {
                steps.push(Step { from, rank: steps.len() as u32, kind });
                of_rank.push(owner);
            };
            let Some(index) = &opened.index else {
                push(i64::MIN, Kind::Lines(Unit::Stream { file }));
                continue;
            };
            let mut whole = Span::default();
            index.frames.iter().for_each(|info| whole.merge(info.ts));
            // Where lines have no time, only the lines themselves tell what the file's range is.
            if !whole.is_empty() && whole.from != i64::MIN && !meets.others(whole, owner) {
                push(whole.from, Kind::File(file));
                continue;
            }
            for (frame, info) in index.frames.iter().enumerate() {
                let unit = Unit::Frame { file, frame };
                let kind = if meets.others(info.ts, owner) { Kind::Lines(unit) } else { Kind::Whole(unit) };
                push(info.ts.from, kind);
            }
        }
        steps.sort_by_key(|step| (step.from, step.rank));
        let mut places: Vec<((usize, usize), usize)> =
            steps.iter().enumerate().filter_map(|(at, step)| Some((place(step.unit()?), at))).collect();
        places.sort_unstable();
        Ok(Self { files, names, growing, steps, sources: of_rank, places })
    }

    /// What has to be decoded, in order.
    pub(super) fn units(&self) -> Vec<Unit> {
        self.steps.iter().filter_map(Step::unit).collect()
    }

    /// True if the frame is copied as it stands.
    pub(super) fn is_whole(&self, unit: Unit) -> bool {
        let found = self.places.binary_search_by_key(&place(unit), |(place, _)| *place);
        found.is_ok_and(|at| self.steps[self.places[at].1].kind == Kind::Whole(unit))
    }

    pub(super) fn source_of(&self, rank: u32) -> usize {
        self.sources[rank as usize]
    }

    pub(super) fn info(&self, unit: Unit) -> Option<&FrameInfo> {
        let Unit::Frame { file, frame } = unit else { return None };
        self.files[file].index.as_ref().map(|index| &index.frames[frame])
    }
}

fn place(unit: Unit) -> (usize, usize) {
    match unit {
        Unit::Frame { file, frame } => (file, frame),
        Unit::Stream { file } => (file, 0),
    }
}

/// Times that a file has lines of; all of them if it has no index.
fn spans(file: &OpenedFile) -> Vec<Span> {
    match &file.index {
        Some(index) => index.frames.iter().map(|info| info.ts).filter(|span| !span.is_empty()).collect(),
        None => vec![Span { from: i64::MIN, to: i64::MAX }],
    }
}

/// Finds out whether a time is shared with another source.
struct Meetings {
    /// In order of their starts.
    spans: Vec<(Span, usize)>,
    /// Latest end of the spans up to each place, and the latest of any other source than that one's.
    latest: Vec<[(i64, usize); 2]>,
}

impl Meetings {
    fn new(mut spans: Vec<(Span, usize)>) -> Self {
        spans.sort_by_key(|(span, owner)| (span.from, *owner));
        let mut best = [(i64::MIN, usize::MAX); 2];
        let latest = spans
            .iter()
            .map(|(span, owner)| {
                if *owner == best[0].1 {
                    best[0].0 = best[0].0.max(span.to);
                } else if span.to > best[0].0 || best[0].1 == usize::MAX {
                    best = [(span.to, *owner), best[0]];
                } else if *owner == best[1].1 || span.to > best[1].0 || best[1].1 == usize::MAX {
                    best[1] = (best[1].0.max(span.to), *owner);
                }
                best
            })
            .collect();
        Self { spans, latest }
    }

    /// True if a source other than `owner` may have lines in the span.
    fn others(&self, span: Span, owner: usize) -> bool {
        let before = self.spans.partition_point(|(one, _)| one.from <= span.to);
        let Some(latest) = before.checked_sub(1).map(|at| self.latest[at]) else {
            return false;
        };
        latest.iter().any(|(to, other)| *other != owner && *other != usize::MAX && *to >= span.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meetings_are_found() {
        let mut state = 1_u64;
        let mut draw = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % most
        };
        for _ in 0..300 {
            let spans: Vec<(Span, usize)> = (0..8)
                .map(|_| {
                    let from = draw(60) as i64;
                    (Span { from, to: from + draw(12) as i64 }, draw(3) as usize)
                })
                .collect();
            let meetings = Meetings::new(spans.clone());
            for (span, owner) in &spans {
                let expected =
                    spans.iter().any(|(one, other)| other != owner && one.from <= span.to && one.to >= span.from);
                assert_eq!(meetings.others(*span, *owner), expected, "{span:?} {owner} among {spans:?}");
            }
        }
    }
}
