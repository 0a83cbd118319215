//! Everything that was counted, within the bounds of [`bounds`].

mod bounds;

use std::collections::BTreeMap;

use hashbrown::HashMap;
use logtap_capture::level::{LEVELS, Level};

use bounds::MAX_SERVICES;

use super::cell::{Cell, CellId, Hit, Trace};
use super::copies::Copies;
use super::frequent::{Counts, Ranks};
use super::grid::Grid;
use super::streams::StreamFacts;
use crate::pattern::key;
use crate::pattern::merge::{self, Masked};

/// Gap marks kept one by one, the earliest first.
const MAX_GAPS: usize = 1000;
type Fast = foldhash::fast::FixedState;

/// A service and its lines.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// Its name; empty if no label names it.
    pub name: String,
    /// The label that names it.
    pub label: String,
    /// Lines per bucket and level, folded lines as unknown.
    pub buckets: BTreeMap<u32, [u32; LEVELS]>,
    /// Lines, folded ones included.
    pub lines: u64,
    /// Time behaviour of its streams, by hash of the stream.
    pub streams: BTreeMap<u64, StreamFacts>,
}

impl Service {
    /// Lines of level error and fatal; known if times were counted.
    #[must_use]
    pub fn errors(&self) -> u64 {
        let of = |counts: &[u32; LEVELS]| {
            u64::from(counts[Level::Error as usize]) + u64::from(counts[Level::Fatal as usize])
        };
        self.buckets.values().map(of).sum()
    }
}

/// What was found in lines.
#[derive(Debug)]
pub struct Mined {
    /// Buckets of time.
    pub grid: Option<Grid>,
    /// Services by hash of their name.
    pub services: BTreeMap<u64, Service>,
    /// Lines that are no log lines.
    pub rejected: u64,
    /// Gap marks: time and text.
    pub gaps: BTreeMap<(i64, String), u64>,
    copies: Copies,
    cells: HashMap<CellId, Cell, Fast>,
    texts: HashMap<u64, Box<[u8]>, Fast>,
    ranks: Ranks,
    /// Masked messages with larger ranks are not kept.
    limit: u64,
    /// Of all masked messages, from when there were too many of them while their hashes decide.
    counts: Option<Box<Counts>>,
    /// Services with larger hashes count as [`OTHER`].
    service_limit: u64,
    /// Lines of one service in one bucket that are not in `services` yet.
    pending: Pending,
}

/// Neighbouring lines mostly belong to one service and bucket: they are added together.
#[derive(Debug, Default)]
struct Pending {
    service: u64,
    bucket: Option<u32>,
    counts: [u32; LEVELS],
    lines: u32,
}

impl Mined {
    /// Nothing found yet.
    #[must_use]
    pub fn new(grid: Option<Grid>, ranks: Ranks) -> Self {
        Self {
            grid,
            ranks,
            services: BTreeMap::new(),
            rejected: 0,
            gaps: BTreeMap::new(),
            copies: Copies::default(),
            cells: HashMap::default(),
            texts: HashMap::default(),
            limit: u64::MAX,
            counts: None,
            service_limit: u64::MAX,
            pending: Pending::default(),
        }
    }

    /// The hash of a service, which is known from then on.
    pub(super) fn service(&mut self, name: &str, label: &str) -> u64 {
        let hash = key::hash_bytes(3, name.as_bytes());
        let service =
            self.services.entry(hash).or_insert_with(|| Service { name: name.to_owned(), ..Service::default() });
        if service.label.is_empty() || label < service.label.as_str() {
            label.clone_into(&mut service.label);
        }
        if self.services.len() > 2 * MAX_SERVICES {
            self.join_services();
        }
        hash
    }

    fn add_service(&mut self, hash: u64, service: Service) {
        let mine = self.services.entry(hash).or_default();
        mine.name = service.name;
        if mine.label.is_empty() || (!service.label.is_empty() && service.label < mine.label) {
            mine.label = service.label;
        }
        mine.lines += service.lines;
        for (bucket, counts) in service.buckets {
            let sums = mine.buckets.entry(bucket).or_default();
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        for (stream, facts) in service.streams {
            self.stream(hash, stream, &facts);
        }
    }

    fn add_cell(&mut self, id: CellId, cell: Cell) {
        match self.cells.entry(id) {
            hashbrown::hash_map::Entry::Occupied(mut mine) => mine.get_mut().merge(cell),
            hashbrown::hash_map::Entry::Vacant(place) => drop(place.insert(cell)),
        }
    }

    #[inline]
    pub(super) fn hit(&mut self, hit: &Hit<'_>, build: impl FnOnce() -> Box<[u8]>) {
        self.total(hit.id.service, Some(hit.id.level), hit.bucket);
        if let Some(counts) = &mut self.counts {
            counts.add(hit.id.pattern, 1);
        }
        if self.limit != u64::MAX && self.ranks.of(hit.id.pattern) > self.limit {
            return;
        }
        let (buckets, id) = (self.grid.map_or(0, |grid| grid.buckets), self.kept_id(hit.id));
        if let Some(cell) = self.cells.get_mut(&id) {
            return cell.add(hit, buckets);
        }
        self.texts.entry(id.pattern).or_insert_with(build);
        self.cells.entry(id).or_insert_with(|| Cell::new(hit)).add(hit, buckets);
        if self.is_full() {
            self.shrink();
        }
    }

    /// Counts a line of a service.
    #[inline]
    pub(super) fn total(&mut self, service: u64, level: Option<Level>, bucket: Option<u32>) {
        let service = self.kept(service);
        let pending = &mut self.pending;
        if pending.lines > 0 && (pending.service != service || pending.bucket != bucket || pending.lines == u32::MAX) {
            self.flush();
        }
        let pending = &mut self.pending;
        (pending.service, pending.bucket) = (service, bucket);
        pending.lines += 1;
        pending.counts[level.unwrap_or(Level::Unknown) as usize] += 1;
    }

    fn flush(&mut self) {
        let Pending { service, bucket, counts, lines } = std::mem::take(&mut self.pending);
        if lines == 0 {
            return;
        }
        let service = self.services.entry(service).or_default();
        service.lines += u64::from(lines);
        if let Some(bucket) = bucket {
            let sums = service.buckets.entry(bucket).or_default();
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }

    pub(super) fn mark(&mut self, is_gap: bool, ts: Option<i64>, text: &str) {
        if is_gap {
            *self.gaps.entry((ts.unwrap_or(i64::MAX), text.to_owned())).or_default() += 1;
            if self.gaps.len() > MAX_GAPS {
                self.gaps.pop_last();
            }
        }
    }

    #[inline]
    pub(super) fn copy(&mut self, stream: u64, ts: i64, text: &[u8]) {
        self.copies.look(stream, ts, text);
    }

    /// Of the lines of a sample, those that came before, in thousandths.
    #[must_use]
    pub fn duplicates_permille(&self) -> u64 {
        self.copies.permille()
    }

    pub(super) fn add_folded(&mut self, id: CellId, lines: u64) {
        let id = self.kept_id(id);
        if let Some(cell) = self.cells.get_mut(&id) {
            cell.folded += lines;
        }
    }

    pub(super) fn trace(&mut self, id: CellId, trace: Trace) {
        let id = self.kept_id(id);
        if let Some(cell) = self.cells.get_mut(&id) {
            cell.trace(trace, 1);
        }
    }

    pub(super) fn stream(&mut self, service: u64, stream: u64, facts: &StreamFacts) {
        let service = self.kept(service);
        let streams = &mut self.services.entry(service).or_default().streams;
        streams.entry(stream).or_default().merge(facts);
        if streams.len() > MAX_SERVICES {
            streams.pop_last();
        }
    }

    /// Adds what another miner found.
    pub fn merge(&mut self, mut other: Self) {
        self.flush();
        other.flush();
        self.counts = Self::all_counts(&[&*self, &other]).map(Box::new);
        for (hash, service) in other.services {
            self.add_service(hash, service);
        }
        self.rejected += other.rejected;
        for (gap, count) in other.gaps {
            *self.gaps.entry(gap).or_default() += count;
            if self.gaps.len() > MAX_GAPS {
                self.gaps.pop_last();
            }
        }
        self.copies.merge(other.copies);
        self.limit = self.limit.min(other.limit);
        for (id, cell) in other.cells {
            self.add_cell(id, cell);
        }
        for (hash, text) in other.texts {
            self.texts.entry(hash).or_insert(text);
        }
        self.service_limit = self.service_limit.min(other.service_limit);
        if self.services.len() > MAX_SERVICES + 1 || self.services.keys().any(|hash| *hash > self.service_limit) {
            self.join_services();
        }
        self.shrink();
    }

    /// Cells in order of their names.
    #[must_use]
    pub fn cells(&self) -> Vec<(&CellId, &Cell)> {
        let mut all: Vec<_> = self.cells.iter().collect();
        all.sort_by_key(|(id, _)| **id);
        all
    }

    /// Puts every cell in order.
    pub fn settle(&mut self) {
        self.flush();
        if self.services.len() > MAX_SERVICES + 1 {
            self.join_services();
        }
        self.shrink();
        self.cells.values_mut().for_each(Cell::settle);
    }

    /// The template of each masked message, by hash.
    #[must_use]
    pub fn templates(&self) -> Templates {
        templates(&[self])
    }

    /// Lines of masked messages that are too many to be kept.
    #[must_use]
    pub fn unmined_lines(&self) -> u64 {
        let kept: u64 = self.cells.values().map(|cell| cell.count + cell.folded).sum();
        self.services.values().map(|service| service.lines).sum::<u64>().saturating_sub(kept)
    }
}

/// Templates by hash of the masked message.
pub type Templates = HashMap<u64, String, Fast>;

/// The templates of several captures, mined together.
#[must_use]
pub fn templates(all: &[&Mined]) -> Templates {
    let mut masked: BTreeMap<u64, (&[u8], u8)> = BTreeMap::new();
    let mut soft: BTreeMap<u64, &Cell> = BTreeMap::new();
    for mined in all {
        for (id, cell) in mined.cells() {
            let Some(text) = mined.texts.get(&id.pattern) else { continue };
            let varied = soft.entry(id.pattern).or_insert(cell).differs(cell) | cell.varied;
            let entry = masked.entry(id.pattern).or_insert((text, 0));
            entry.1 |= varied;
        }
    }
    let rows: Vec<Masked<'_>> = masked.values().map(|(key, varied)| Masked { key, varied: *varied }).collect();
    masked.keys().copied().zip(merge::templates(&rows)).collect()
}
