//! The summary as an object: the keys of 1.x, and ours.

use std::collections::BTreeMap;

use logtap_capture::level::{LEVELS, Level};
use logtap_capture::lost::Lost;
use logtap_capture::metadata::Metadata;
use logtap_capture::reader::Capture;
use logtap_capture::sequence::Source;
use logtap_capture::summary::Summary;
use logtap_capture::survey::{FileSurvey, Survey};
use logtap_capture::time::{self, SECOND};
use serde::Serialize;

use super::repair::Repaired;

/// Buckets of the timeline, at most.
const BUCKETS: i64 = 60;

/// What `inspect --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) dir: String,
    pub(super) state: &'static str,
    pub(super) metadata: Option<Metadata>,
    pub(super) files: usize,
    pub(super) total_lines: u64,
    pub(super) total_bytes: u64,
    pub(super) disk_size: u64,
    pub(super) ratio: Option<f64>,
    pub(super) data_from: Option<String>,
    pub(super) data_to: Option<String>,
    pub(super) duration_secs: f64,
    pub(super) lines_per_sec: f64,
    pub(super) bucket_width: String,
    pub(super) labels: BTreeMap<String, Vec<LabelCount>>,
    pub(super) timeline: Vec<Bucket>,
    pub(super) levels: BTreeMap<&'static str, u64>,
    pub(super) services: Vec<Service>,
    /// Lines that never came, by reason, as gap marks say.
    pub(super) lost: Lost,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sources: Option<Sources>,
    pub(super) integrity: Integrity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repaired: Option<Repaired>,
}

/// Lines with one value of a label.
#[derive(Debug, Serialize)]
pub(super) struct LabelCount {
    pub(super) value: String,
    pub(super) lines: u64,
    /// Estimated from the mean length of the capture's lines.
    pub(super) bytes: u64,
}

/// Lines in one stretch of time.
#[derive(Debug, Serialize)]
pub(super) struct Bucket {
    pub(super) time: String,
    pub(super) lines: u64,
    pub(super) levels: BTreeMap<&'static str, u64>,
}

/// Lines of one service.
#[derive(Debug, Serialize)]
pub(super) struct Service {
    pub(super) service: String,
    pub(super) lines: u64,
    pub(super) errors: u64,
    pub(super) warnings: u64,
}

/// Senders that number their lines: containers that a forwarder reads.
#[derive(Debug, Serialize)]
pub(super) struct Sources {
    /// How many there are.
    pub(super) known: usize,
    /// How many have said that nothing more will come.
    pub(super) ended: usize,
    /// The others, as `namespace/pod/container`.
    pub(super) unfinished: Vec<String>,
}

/// What is not as a cleanly closed capture has it.
#[derive(Debug, Serialize)]
pub(super) struct Integrity {
    /// Files without a block index; all files of 1.x are.
    pub(super) unsealed: Vec<String>,
    /// Files without a fitting line in `index.jsonl`.
    pub(super) unindexed: Vec<String>,
    /// Files with bytes that cannot be decoded or end within a line.
    pub(super) damaged: Vec<Damaged>,
    /// Files that the index names and that are gone.
    pub(super) missing: Vec<String>,
    /// Lines that are no log lines, in the files that were read.
    pub(super) rejected_lines: u64,
}

/// A file that is not whole.
#[derive(Debug, Serialize)]
pub(super) struct Damaged {
    pub(super) file: String,
    pub(super) torn_bytes: u64,
    pub(super) damaged_bytes: u64,
}

/// Puts the summary together.
pub(super) fn build(capture: &Capture, survey: &Survey, repaired: Option<Repaired>) -> Report {
    let summary = &survey.summary;
    let range = (!summary.ts.is_empty()).then_some((summary.ts.from, summary.ts.to));
    let duration = range.map_or(0.0, |(from, to)| (i128::from(to) - i128::from(from)) as f64 / SECOND as f64);
    let disk_size: u64 = survey.files.iter().map(|file| file.size).sum();
    let mean = if summary.lines == 0 { 0.0 } else { summary.bytes as f64 / summary.lines as f64 };
    let (width, timeline) = timeline(survey);
    let services = services(survey);
    let mut levels = BTreeMap::new();
    for (_, _, counts) in summary.timeline.iter() {
        add_levels(&mut levels, counts);
    }
    Report {
        dir: capture.dir.display().to_string(),
        state: state(capture),
        metadata: capture.metadata.clone(),
        files: survey.files.len(),
        total_lines: summary.lines,
        total_bytes: summary.bytes,
        disk_size,
        ratio: (disk_size > 0).then(|| rounded(summary.bytes as f64 / disk_size as f64)),
        data_from: range.map(|(from, _)| time::format(from)),
        data_to: range.map(|(_, to)| time::format(to)),
        duration_secs: duration,
        lines_per_sec: if duration > 0.0 { rounded(summary.lines as f64 / duration) } else { 0.0 },
        bucket_width: format!("{}s", width / SECOND),
        labels: labels(survey, mean),
        timeline,
        levels,
        services,
        lost: summary.lost.clone(),
        sources: (!summary.sources.is_empty()).then(|| sources(summary)),
        integrity: integrity(capture, &survey.files),
        repaired,
    }
}

fn state(capture: &Capture) -> &'static str {
    let stopped = capture
        .metadata
        .as_ref()
        .and_then(|data| data.stopped.as_deref())
        .filter(|stopped| !stopped.starts_with("0001"));
    match (capture.live, stopped, &capture.metadata) {
        (true, ..) => "live",
        (false, Some(_), _) => "stopped",
        (false, None, Some(_)) => "crashed",
        (false, None, None) => "unknown",
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn add_levels(into: &mut BTreeMap<&'static str, u64>, counts: &[u64; LEVELS]) {
    for level in Level::ALL {
        let lines = counts[level as usize];
        if lines > 0 {
            *into.entry(level.name()).or_default() += lines;
        }
    }
}

fn labels(survey: &Survey, mean: f64) -> BTreeMap<String, Vec<LabelCount>> {
    let mut labels = BTreeMap::new();
    for (name, values) in survey.summary.sets.by_label(logtap_capture::index::MAX_VALUES) {
        let count =
            |(value, lines): (String, u64)| LabelCount { value, lines, bytes: (lines as f64 * mean).round() as u64 };
        let mut counts: Vec<LabelCount> = values.into_iter().map(count).collect();
        counts.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.value.cmp(&b.value)));
        labels.insert(name, counts);
    }
    labels
}

/// Width of a bucket in nanoseconds and the buckets, empty ones included.
fn timeline(survey: &Survey) -> (i64, Vec<Bucket>) {
    let source = &survey.summary.timeline;
    let starts = || source.iter().map(|(start, ..)| start);
    let mut width = source.width();
    let (Some(first), Some(last)) = (starts().min(), starts().max()) else {
        return (width, Vec::new());
    };
    while (last.div_euclid(width) - first.div_euclid(width)) >= BUCKETS && width < i64::MAX / 2 {
        width *= 2;
    }
    let first = first.div_euclid(width);
    let count = last.div_euclid(width) - first + 1;
    let mut buckets: Vec<Bucket> = (0..count)
        .map(|at| Bucket { time: time::format((first + at).saturating_mul(width)), lines: 0, levels: BTreeMap::new() })
        .collect();
    for (start, _, counts) in source.iter() {
        if let Some(bucket) = usize::try_from(start.div_euclid(width) - first).ok().and_then(|at| buckets.get_mut(at)) {
            bucket.lines += counts.iter().sum::<u64>();
            add_levels(&mut bucket.levels, counts);
        }
    }
    (width, buckets)
}

fn services(survey: &Survey) -> Vec<Service> {
    let mut by_name: BTreeMap<&str, [u64; LEVELS]> = BTreeMap::new();
    for (_, service, counts) in survey.summary.timeline.iter() {
        let sums = by_name.entry(service).or_default();
        sums.iter_mut().zip(counts).for_each(|(sum, more)| *sum += more);
    }
    let mut services: Vec<Service> = by_name
        .into_iter()
        .map(|(service, counts)| Service {
            service: service.to_owned(),
            lines: counts.iter().sum(),
            errors: counts[Level::Error as usize] + counts[Level::Fatal as usize],
            warnings: counts[Level::Warn as usize],
        })
        .collect();
    services.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.service.cmp(&b.service)));
    services
}

fn sources(summary: &Summary) -> Sources {
    let all = summary.sources.by_name();
    let name = |source: &Source| {
        let parts = ["namespace", "pod", "container"].map(|label| source.labels.get(label).unwrap_or("?"));
        parts.join("/")
    };
    let mut unfinished: Vec<String> = all.values().filter(|source| !source.ended).map(|source| name(source)).collect();
    unfinished.sort();
    Sources { known: all.len(), ended: all.len() - unfinished.len(), unfinished }
}

fn integrity(capture: &Capture, files: &[FileSurvey]) -> Integrity {
    let names = |wanted: fn(&FileSurvey) -> bool| {
        files.iter().filter(|file| wanted(file)).map(|file| file.name.clone()).collect()
    };
    let damaged = |file: &&FileSurvey| file.damage != logtap_capture::stream::Damage::default();
    Integrity {
        unsealed: names(|file| !file.sealed),
        unindexed: names(|file| !file.indexed),
        damaged: files
            .iter()
            .filter(damaged)
            .map(|file| Damaged {
                file: file.name.clone(),
                torn_bytes: file.damage.torn_bytes,
                damaged_bytes: file.damage.damaged_bytes,
            })
            .collect(),
        missing: capture.missing.clone(),
        rejected_lines: files.iter().map(|file| file.rejected).sum(),
    }
}
