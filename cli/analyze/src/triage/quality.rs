//! What is wrong with the data itself, and how much that takes from what can be said.

use std::collections::BTreeSet;

use logtap_capture::time::SECOND;
use serde::Serialize;

use crate::mine::Mined;

/// What is known about a capture beside its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Lines that were lost before they came to the capture, by all reasons.
    pub dropped: u64,
    /// Lines that could not be used.
    pub rejected: u64,
    /// Compressed bytes that could not be decoded.
    pub damaged_bytes: u64,
    /// Lines read.
    pub read: u64,
}

/// How sure the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Degree {
    /// Nothing speaks against the data.
    High,
    /// One thing does.
    Medium,
    /// Several do, or a grave one.
    Low,
}

/// How sure the answer is, and why not more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certainty {
    /// How sure.
    pub degree: Degree,
    /// What lowers it.
    pub causes: Vec<String>,
}

/// What is wrong with the data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Quality {
    /// Lines that were lost.
    pub dropped_lines: u64,
    /// Marks of lost lines.
    pub gaps: u64,
    /// Lines that could not be used.
    pub rejected_lines: u64,
    /// Lines without a time.
    pub timeless_lines: u64,
    /// Lines that came more than ten seconds after their time.
    pub late_lines: u64,
    /// Of the lines looked at, those that came more than once, in thousandths.
    pub duplicates_permille: u64,
    /// Services whose clock seems to differ from the others'.
    pub skewed: Vec<String>,
    /// Buckets of the timeline without any line, if they are too many for chance.
    pub silent_buckets: usize,
    /// Lines of more patterns than are kept.
    pub unmined_lines: u64,
    /// Lines outside the stretch under suspicion, or of the other capture.
    pub baseline_lines: u64,
}

/// A stream's clock is off if so many of its comparisons (percent) say so the same way.
const SKEWED: u64 = 80;
/// And there are at least this many.
const COMPARED: u64 = 20;
/// A baseline with fewer lines says little (accuracy fell from .54 to .21 with 2,500 lines on labelled incidents).
const SMALL: u64 = 5_000;

/// A baseline is thin if it covers clearly less than so many times the stretch that it is compared with.
const THIN: i64 = 2;
/// Data has holes if this share of its buckets (percent) has no line at all.
const HOLES: usize = 5;
/// Buckets without which holes say nothing, and lines per bucket from which an empty one is no chance.
const BUCKETS: usize = 20;
const LINES: u64 = 10;

/// What a comparison rests on.
#[derive(Debug)]
pub(super) struct Ground<'m> {
    /// The capture in question.
    pub(super) whole: (&'m Mined, &'m Facts),
    /// The capture that it is compared with, if it is another one.
    pub(super) baseline: Option<(&'m Mined, &'m Facts)>,
    /// Lines of the baseline; the largest number if nothing is compared.
    pub(super) baseline_lines: u64,
    /// Nanoseconds under suspicion.
    pub(super) window: Option<i64>,
}

/// Causes that lower the certainty, and whether one of them is grave.
#[derive(Debug, Default)]
struct Causes {
    all: Vec<String>,
    grave: bool,
}

impl Causes {
    fn add(&mut self, whose: &str, text: &str, is_grave: bool) {
        self.all.push(format!("{whose}{text}"));
        self.grave |= is_grave;
    }
}

pub(super) fn judge(ground: &Ground<'_>) -> (Quality, Certainty) {
    let (whole, facts) = ground.whole;
    let mut quality = measure(whole, facts);
    quality.baseline_lines = ground.baseline_lines;
    let mut causes = Causes::default();
    blame(&quality, facts, "", &mut causes);
    if let Some((mined, facts)) = ground.baseline {
        blame(&measure(mined, facts), facts, "the baseline: ", &mut causes);
    }
    let lines = ground.baseline_lines;
    if lines < SMALL {
        causes.add("", &format!("the baseline is small: {lines} lines"), lines < SMALL / 5);
    }
    let base = ground.baseline.map_or(whole, |baseline| baseline.0);
    if let (Some(window), Some(covered)) = (ground.window, covered(base)) {
        let covered = if ground.baseline.is_some() { covered } else { covered.saturating_sub(window) };
        // Another run of the same length is as good as can be asked for.
        let times = if ground.baseline.is_some() { 1 } else { THIN };
        if lines < u64::MAX && covered * 5 < window.saturating_mul(times).saturating_mul(4) {
            let (covered, window) = (covered / SECOND, window / SECOND);
            causes.add("", &format!("the baseline is thin: {covered} s beside {window} s under suspicion"), false);
        }
    }
    let degree = match (causes.all.len(), causes.grave) {
        (0, _) => Degree::High,
        (1, false) => Degree::Medium,
        _ => Degree::Low,
    };
    (quality, Certainty { degree, causes: causes.all })
}

/// What is wrong with a capture, as numbers.
fn measure(mined: &Mined, facts: &Facts) -> Quality {
    let mut quality = Quality {
        dropped_lines: facts.dropped,
        gaps: mined.gaps.values().sum(),
        rejected_lines: facts.rejected,
        duplicates_permille: mined.duplicates_permille(),
        silent_buckets: silent(mined),
        unmined_lines: mined.unmined_lines(),
        ..Quality::default()
    };
    for service in mined.services.values() {
        let (mut compared, mut behind, mut ahead, mut early) = (0, 0, 0, 0);
        for facts in service.streams.values() {
            quality.timeless_lines += facts.timeless;
            quality.late_lines += facts.late;
            compared += facts.compared;
            behind += facts.behind;
            ahead += facts.ahead;
            early += facts.early;
        }
        if compared >= COMPARED && behind.max(ahead) * 100 >= compared * SKEWED || early * 2 > service.lines {
            quality.skewed.push(service.name.clone());
        }
    }
    quality.skewed.sort();
    quality
}

/// Buckets that have lines.
fn filled(mined: &Mined) -> BTreeSet<u32> {
    mined.services.values().flat_map(|service| service.buckets.keys().copied()).collect()
}

/// Nanoseconds with lines, as exact as the buckets are.
fn covered(mined: &Mined) -> Option<i64> {
    Some(mined.grid?.width.saturating_mul(filled(mined).len() as i64))
}

/// Buckets between the first and the last line that have none, if those are too many for chance.
fn silent(mined: &Mined) -> usize {
    let filled = filled(mined);
    let (Some(first), Some(last)) = (filled.first(), filled.last()) else { return 0 };
    let all = (last - first) as usize + 1;
    let lines: u64 = mined.services.values().map(|service| service.lines).sum();
    let empty = all - filled.len();
    if all >= BUCKETS && lines / all as u64 >= LINES && empty * 100 >= all * HOLES { empty } else { 0 }
}

/// What is wrong with a capture that a comparison rests on.
pub(super) fn complaints(whose: &str, mined: &Mined, facts: &Facts) -> Vec<String> {
    let mut causes = Causes::default();
    blame(&measure(mined, facts), facts, whose, &mut causes);
    causes.all
}

fn blame(quality: &Quality, facts: &Facts, whose: &str, causes: &mut Causes) {
    let read = facts.read.max(1);
    let mut cause = |text: String, is_grave: bool| causes.add(whose, &text, is_grave);
    if facts.dropped > 0 || quality.gaps > 0 {
        let many = facts.dropped * 20 > read;
        cause(format!("{} lines were dropped ({} gap marks)", facts.dropped, quality.gaps), many);
    }
    if facts.rejected * 100 > read || facts.damaged_bytes > 0 {
        cause(format!("{} lines could not be used", facts.rejected), facts.rejected * 10 > read);
    }
    if quality.timeless_lines > 0 {
        cause(format!("{} lines have no time", quality.timeless_lines), false);
    }
    if quality.late_lines * 1000 > read {
        cause(format!("{} lines were delayed by more than 10 s", quality.late_lines), false);
    }
    if quality.duplicates_permille >= 5 {
        cause(format!("data is duplicated: {} of 1000 lines came more than once", quality.duplicates_permille), false);
    }
    if !quality.skewed.is_empty() {
        cause(format!("clock skew: {}", quality.skewed.join(", ")), true);
    }
    if quality.unmined_lines * 100 > read {
        cause(format!("{} lines are of more patterns than are kept", quality.unmined_lines), false);
    }
    if quality.silent_buckets > 0 {
        cause(format!("data has holes: {} stretches of the timeline without any line", quality.silent_buckets), false);
    }
}
