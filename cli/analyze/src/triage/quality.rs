//! What is wrong with the data itself, and how much that takes from what can be said.

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
    /// Lines outside the stretch under suspicion.
    pub baseline_lines: u64,
}

/// A stream's clock is off if so many of its comparisons (percent) say so the same way.
const SKEWED: u64 = 80;
/// And there are at least this many.
const COMPARED: u64 = 20;
/// A baseline with fewer lines says little (accuracy fell from .54 to .21 with 2,500 lines on labelled incidents).
const SMALL: u64 = 5_000;

pub(super) fn judge(whole: &Mined, facts: &Facts, baseline_lines: u64) -> (Quality, Certainty) {
    let mut quality = Quality {
        dropped_lines: facts.dropped,
        gaps: whole.gaps.values().sum(),
        rejected_lines: facts.rejected,
        baseline_lines,
        duplicates_permille: whole.duplicates_permille(),
        ..Quality::default()
    };
    for service in whole.services.values() {
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
    let mut causes = Vec::new();
    let mut grave = false;
    let mut cause = |text: String, is_grave: bool| {
        causes.push(text);
        grave |= is_grave;
    };
    if facts.dropped > 0 || quality.gaps > 0 {
        let many = facts.dropped * 20 > facts.read.max(1);
        cause(format!("{} lines were dropped ({} gap marks)", facts.dropped, quality.gaps), many);
    }
    if facts.rejected * 100 > facts.read.max(1) || facts.damaged_bytes > 0 {
        cause(format!("{} lines could not be used", facts.rejected), facts.rejected * 10 > facts.read.max(1));
    }
    if quality.timeless_lines > 0 {
        cause(format!("{} lines have no time", quality.timeless_lines), false);
    }
    if quality.late_lines * 1000 > facts.read.max(1) {
        cause(format!("{} lines were delayed by more than 10 s", quality.late_lines), false);
    }
    if quality.duplicates_permille >= 5 {
        cause(format!("data is duplicated: {} of 1000 lines came more than once", quality.duplicates_permille), false);
    }
    if !quality.skewed.is_empty() {
        cause(format!("clock skew: {}", quality.skewed.join(", ")), true);
    }
    if baseline_lines < SMALL {
        cause(format!("the baseline is small: {baseline_lines} lines"), baseline_lines < SMALL / 5);
    }
    let degree = match (causes.len(), grave) {
        (0, _) => Degree::High,
        (1, false) => Degree::Medium,
        _ => Degree::Low,
    };
    (quality, Certainty { degree, causes })
}
