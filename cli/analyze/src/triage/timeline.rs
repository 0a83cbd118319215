//! Lines and errors over time, and the windows that 1.x names.

use std::collections::BTreeMap;

use logtap_capture::level::{LEVELS, Level};
use logtap_capture::time;

use super::report::{Bucket, Span};
use crate::mine::{Grid, Mined};

/// Lines and error lines per bucket.
pub(super) fn totals(mined: &Mined) -> BTreeMap<u32, (u64, u64)> {
    let mut totals: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for service in mined.services.values() {
        for (bucket, counts) in &service.buckets {
            let sum = totals.entry(*bucket).or_default();
            sum.0 += counts.iter().map(|count| u64::from(*count)).sum::<u64>();
            sum.1 += errors_of(counts);
        }
    }
    totals
}

fn errors_of(counts: &[u32; LEVELS]) -> u64 {
    u64::from(counts[Level::Error as usize]) + u64::from(counts[Level::Fatal as usize])
}

pub(super) fn timeline(grid: Option<&Grid>, totals: &BTreeMap<u32, (u64, u64)>) -> Vec<Bucket> {
    let Some((grid, last)) = grid.zip(totals.keys().next_back()) else { return Vec::new() };
    let first = totals.keys().next().copied().unwrap_or(0);
    (first..=*last)
        .map(|bucket| {
            let (total_lines, error_lines) = totals.get(&bucket).copied().unwrap_or_default();
            Bucket { minute: time::format(grid.start(bucket)), total_lines, error_lines }
        })
        .collect()
}

/// The windows of 1.x by their names: the bucket with the most errors, the
/// stretch under suspicion, and the longest run of buckets with no more errors
/// than the median.
pub(super) fn windows(
    grid: Option<&Grid>,
    totals: &BTreeMap<u32, (u64, u64)>,
    window: Option<(i64, i64)>,
) -> BTreeMap<&'static str, Span> {
    let mut found = BTreeMap::new();
    let Some(grid) = grid else { return found };
    let span =
        |from: i64, to: i64, description: String| Span { from: time::format(from), to: time::format(to), description };
    if let Some((bucket, counts)) = totals.iter().max_by_key(|(bucket, counts)| (counts.1, std::cmp::Reverse(**bucket)))
        && counts.1 > 0
    {
        let text = format!("{} errors in {} s", counts.1, grid.seconds());
        found.insert("peak_error", span(grid.start(*bucket), grid.start(bucket + 1), text));
    }
    if let Some((from, to)) = window {
        found.insert("incident_start", span(from, to, "under suspicion".to_owned()));
    }
    let mut errors: Vec<u64> = totals.values().map(|counts| counts.1).collect();
    errors.sort_unstable();
    let Some(&median) = errors.get(errors.len() / 2) else { return found };
    let (mut best, mut run): ((u32, u32), Option<(u32, u32)>) = ((0, 0), None);
    for (bucket, counts) in totals {
        let suspect = window.is_some_and(|(from, to)| (grid.bucket(from)..=grid.bucket(to)).contains(bucket));
        run = match run {
            _ if counts.1 > median || suspect => None,
            Some((from, to)) if to == *bucket => Some((from, bucket + 1)),
            _ => Some((*bucket, bucket + 1)),
        };
        if let Some((from, to)) = run
            && to - from > best.1 - best.0
        {
            best = (from, to);
        }
    }
    if best.1 > best.0 {
        let text = format!("no more than {median} errors in {} s", grid.seconds());
        found.insert("steady_state", span(grid.start(best.0), grid.start(best.1), text));
    }
    found
}
