//! The JSON objects of the block index and the timeline, versioned: types of
//! their own, so that a change in memory cannot change the disk.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{BlockIndex, FrameInfo, FrameRecord};
use crate::chunk::Span;
use crate::labels::{LabelSet, Labels};
use crate::level::LEVELS;
use crate::lost::Lost;
use crate::sequence::Sources;
use crate::summary::{Summary, Timeline};

#[derive(Serialize, Deserialize)]
pub(super) struct StoredIndex {
    pub(super) version: u32,
    pub(super) sets: Vec<(std::collections::BTreeMap<String, String>, u64)>,
    pub(super) sets_overflow: u64,
    pub(super) rx: (i64, i64),
    pub(super) filters_at: u64,
    pub(super) timeline: (u64, u64),
    pub(super) frames: Vec<StoredFrame>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sources: Vec<StoredSource>,
    #[serde(default, skip_serializing_if = "Lost::is_empty")]
    pub(super) lost: Lost,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredSource {
    pub(super) source: String,
    pub(super) next: u64,
    pub(super) at: i64,
    /// Position in `sets`; absent if that set is one too many to be listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) set: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) ended: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredFrame {
    pub(super) at: u64,
    pub(super) size: u64,
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) ts: (i64, i64),
    pub(super) rx: (i64, i64),
    pub(super) sets: Option<Vec<u32>>,
    pub(super) filter: (u64, u64),
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) folds: bool,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredTimeline {
    version: u32,
    step: i64,
    services: Vec<String>,
    cells: Vec<(i64, u32, [u64; LEVELS])>,
}

pub(super) fn stored_index(
    frames: &[FrameRecord],
    summary: &Summary,
    filters_at: u64,
    timeline: (u64, u64),
) -> StoredIndex {
    let mut sets: Vec<(&Labels, u64)> = summary.sets.iter().collect();
    sets.sort_by(|a, b| a.0.json().cmp(b.0.json()));
    let position = |labels: &Labels| sets.binary_search_by(|(known, _)| known.json().cmp(labels.json())).ok();
    let mut filter_at = 0;
    let stored_frames = frames
        .iter()
        .map(|frame| {
            let filter = (filter_at, frame.filter.len() as u64);
            filter_at += filter.1;
            let mut listed: Option<Vec<u32>> = frame
                .labels
                .as_ref()
                .and_then(|labels| labels.iter().map(|one| position(one).map(|at| at as u32)).collect());
            if let Some(list) = &mut listed {
                list.sort_unstable();
                list.dedup();
            }
            let info = &frame.info;
            StoredFrame {
                at: info.at,
                size: info.size,
                bytes: info.bytes,
                lines: info.lines,
                ts: (info.ts.from, info.ts.to),
                rx: (info.rx.from, info.rx.to),
                sets: listed,
                filter,
                folds: info.folds,
            }
        })
        .collect();
    let sources = summary
        .sources
        .by_age()
        .into_iter()
        .map(|(name, source)| StoredSource {
            source: name.to_owned(),
            next: source.next,
            at: source.at,
            set: position(&source.labels).map(|at| at as u32),
            ended: source.ended,
        })
        .collect();
    StoredIndex {
        version: 1,
        sets: sets.iter().map(|(labels, lines)| (labels.pairs().iter().cloned().collect(), *lines)).collect(),
        sets_overflow: summary.sets.overflow,
        rx: (summary.rx.from, summary.rx.to),
        filters_at,
        timeline,
        frames: stored_frames,
        sources,
        lost: summary.lost.clone(),
    }
}

impl StoredTimeline {
    pub(crate) fn of(timeline: &Timeline) -> Self {
        let (step, cells) = timeline.parts();
        let mut services: Vec<String> = Vec::new();
        let mut known = hashbrown::HashMap::<String, u32, foldhash::fast::RandomState>::default();
        let cells = cells
            .map(|(bucket, service, levels)| {
                let at = *known.entry_ref(service).or_insert_with(|| {
                    services.push(service.to_owned());
                    services.len() as u32 - 1
                });
                (bucket, at, *levels)
            })
            .collect();
        Self { version: 1, step, services, cells }
    }
}

impl From<StoredTimeline> for Timeline {
    fn from(stored: StoredTimeline) -> Self {
        let services: Vec<Arc<str>> = stored.services.iter().map(|name| Arc::from(name.as_str())).collect();
        let nameless: Arc<str> = Arc::from("");
        let cells = stored.cells.into_iter().map(|(bucket, service, levels)| {
            (bucket, services.get(service as usize).unwrap_or(&nameless).clone(), levels)
        });
        Self::from_parts(stored.step, cells)
    }
}

impl From<StoredIndex> for BlockIndex {
    fn from(stored: StoredIndex) -> Self {
        let span = |(from, to)| Span { from, to };
        let sets: Vec<(Labels, u64)> =
            stored.sets.into_iter().map(|(pairs, lines)| (Arc::new(LabelSet::new(pairs)), lines)).collect();
        let nameless: Labels = Arc::new(LabelSet::new([]));
        let mut sources = Sources::default();
        for source in stored.sources {
            let labels = source.set.and_then(|at| sets.get(at as usize)).map_or(&nameless, |(labels, _)| labels);
            sources.note(&source.source.into(), source.next, source.at, source.ended, labels);
        }
        Self {
            sets,
            sources,
            lost: stored.lost,
            sets_overflow: stored.sets_overflow,
            rx: span(stored.rx),
            filters_at: stored.filters_at,
            timeline: stored.timeline,
            frames: stored
                .frames
                .into_iter()
                .map(|frame| FrameInfo {
                    at: frame.at,
                    size: frame.size,
                    bytes: frame.bytes,
                    lines: frame.lines,
                    ts: span(frame.ts),
                    rx: span(frame.rx),
                    sets: frame.sets,
                    filter: frame.filter,
                    folds: frame.folds,
                })
                .collect(),
        }
    }
}
