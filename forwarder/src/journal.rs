//! What was read and is not yet acknowledged, so that a killed forwarder goes on exactly where it was.
//!
//! An entry is a request that is ready to be sent, with the numbers of its records, and how far its
//! containers were read when it was complete. It is in the journal before anything of it is sent.
//! Where the disk cannot be used the journal goes on in memory with less room; the sources then have
//! new names after a kill, because records may have been sent that the files do not know.

pub(crate) mod codec;
mod entry;
mod segment;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use hyper::body::Bytes;

use entry::{HEAD, Said};
pub(crate) use entry::{Known, Share};
use segment::{Acked, Disk};

use crate::report::Report;

/// Most bytes of entries that stay in memory beside their files; the sender reads older ones back.
const CACHE: usize = 1 << 20;
/// Room where the disk cannot be used, bytes.
const MEMORY: u64 = 4 << 20;
/// Longest name of a source in the protocol, bytes.
const MAX_SOURCE: usize = logtap_push::sequence::MAX_SOURCE;

/// The journal.
#[derive(Debug)]
pub(crate) struct Journal {
    disk: Option<Disk>,
    boot: String,
    containers: Vec<Known>,
    /// Number of the last entry.
    last: u64,
    acked: Acked,
    /// The latest entries, and all that are nowhere else.
    held: VecDeque<Held>,
    /// Bytes of all entries that are not acknowledged.
    bytes: u64,
    /// Most of them, as far as the disk allows.
    limit: u64,
    unsent: BTreeMap<String, Share>,
    report: Rc<Report>,
}

#[derive(Debug)]
struct Held {
    number: u64,
    entry: Bytes,
    on_disk: bool,
}

/// A request on its way.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) number: u64,
    pub(crate) shares: Vec<Share>,
    /// A Loki push as a snappy block.
    pub(crate) body: Bytes,
    size: u64,
}

impl Journal {
    /// Opens the journal in `dir`. `boot` names the node's present run.
    pub(crate) fn open(dir: &Path, boot: String, limit: u64, report: Rc<Report>) -> Self {
        let mut journal = Self {
            disk: None,
            boot,
            containers: Vec::new(),
            last: 0,
            acked: Acked::default(),
            held: VecDeque::new(),
            bytes: 0,
            limit,
            unsent: BTreeMap::new(),
            report,
        };
        match journal.recover(dir) {
            Ok(disk) => journal.disk = Some(disk),
            Err(error) => {
                journal.containers.clear();
                journal.report.say(&format!(
                    "the state folder {} cannot be used: {error}; going on in memory, so a restart of this container \
                     reads its lines again",
                    dir.display()
                ));
            }
        }
        journal
    }

    fn recover(&mut self, dir: &Path) -> io::Result<Disk> {
        let mut boot_then = String::new();
        let (containers, unsent) = (&mut self.containers, &mut self.unsent);
        let (mut last, mut bytes) = (0, 0);
        let (mut disk, acked) = Disk::open(dir, |acked, number, size, said| match said {
            Said::Snapshot { boot, containers: all } => {
                boot.clone_into(&mut boot_then);
                *containers = all;
            }
            Said::Batch { containers: some, shares, .. } => {
                some.into_iter().for_each(|one| learn(containers, one));
                if number > acked.number {
                    last = number;
                    bytes += size;
                    shares.into_iter().for_each(|share| owe(unsent, share));
                }
            }
        })?;
        (self.last, self.bytes, self.acked) = (last.max(acked.number), bytes, acked);
        if acked.beside || boot_then != self.boot {
            for container in &mut self.containers {
                *container = Known { source: source_name(&container.name), next: 1, ..std::mem::take(container) };
            }
        }
        // The first entry of this run stands behind the present state, whatever came before.
        disk.turn();
        Ok(disk)
    }

    /// What is known about a container; new ones get a name.
    pub(crate) fn container(&mut self, name: &str) -> &Known {
        let at = self.containers.iter().position(|one| one.name == name).unwrap_or_else(|| {
            let source = source_name(name);
            self.containers.push(Known { name: name.to_owned(), source, next: 1, ..Known::default() });
            self.containers.len() - 1
        });
        &self.containers[at]
    }

    /// Whether more may be read.
    pub(crate) fn has_room(&self) -> bool {
        let in_memory = self.held.iter().any(|one| !one.on_disk) || self.disk.is_none();
        self.bytes < if in_memory { self.limit.min(MEMORY) } else { self.limit }
    }

    /// Bytes that wait to be acknowledged.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts a request into the journal: its records, what is known about their containers behind them,
    /// and the body, uncompressed.
    pub(crate) fn append(&mut self, containers: Vec<Known>, shares: Vec<Share>, plain: &[u8]) {
        let mut entry = entry::batch(&containers, &shares);
        let at = entry.len();
        entry.resize(at + snap::raw::max_compress_len(plain.len()), 0);
        let compressed = snap::raw::Encoder::new().compress(plain, &mut entry[at..]);
        entry.truncate(at + compressed.expect("a batch is smaller than 4 GiB"));
        self.last += 1;
        entry::seal(&mut entry, self.last);
        entry.shrink_to_fit();
        self.bytes += entry.len() as u64;
        let on_disk = self.write(&entry);
        // Not earlier: a new file begins with the state before its first entry.
        containers.into_iter().for_each(|one| learn(&mut self.containers, one));
        shares.into_iter().for_each(|share| owe(&mut self.unsent, share));
        self.held.push_back(Held { number: self.last, entry: entry.into(), on_disk });
        // The oldest are next to be sent, but they come back from the disk; a backlog is not kept twice.
        let mut cached: usize = self.held.iter().filter(|one| one.on_disk).map(|one| one.entry.len()).sum();
        while self.held.len() > 1
            && cached > CACHE
            && let Some(first) = self.held.iter().position(|one| one.on_disk)
        {
            cached -= self.held.remove(first).map_or(0, |one| one.entry.len());
        }
    }

    /// Whether the entry is on the disk now.
    fn write(&mut self, entry: &[u8]) -> bool {
        let Some(disk) = &mut self.disk else { return false };
        if self.held.iter().any(|one| !one.on_disk) {
            // In order: the disk is tried again once all that it does not have is acknowledged.
            return false;
        }
        let (boot, containers) = (&self.boot, &self.containers);
        match disk.append(entry, self.last, || entry::snapshot(0, boot, containers)) {
            Ok(()) => {
                if std::mem::take(&mut self.acked.beside) {
                    disk.remember(self.acked).unwrap_or_default();
                }
                true
            }
            Err(error) => {
                self.acked.beside = true;
                // Where this fails too, the files are from before, and what they lead to is sent again.
                let noted = disk.remember(self.acked);
                disk.turn();
                let more = noted.err().map(|error| format!(" ({error})")).unwrap_or_default();
                self.report
                    .seldom("journal", &format!("the journal cannot be written: {error}{more}; going on in memory"));
                false
            }
        }
    }

    /// The oldest request that is not acknowledged.
    pub(crate) fn next(&mut self) -> Option<Ready> {
        while self.acked.number < self.last {
            let number = self.acked.number + 1;
            let held = self.held.iter().find(|one| one.number == number).map(|one| one.entry.clone());
            let entry = held.or_else(|| self.disk.as_mut()?.read(number).ok().flatten().map(Bytes::from));
            if let Some(ready) = entry.and_then(|entry| ready(number, &entry)) {
                return Some(ready);
            }
            // The receiver notices the numbers that are missing.
            self.report.seldom("journal", &format!("entry {number} of the journal is damaged; its lines are lost"));
            self.settle(number);
        }
        self.bytes = 0;
        None
    }

    /// The request is acknowledged, or was given up.
    pub(crate) fn acknowledge(&mut self, done: &Ready) {
        self.bytes = self.bytes.saturating_sub(done.size);
        for share in &done.shares {
            if let Some(open) = self.unsent.get_mut(&share.source) {
                open.first += share.records;
                open.records = open.records.saturating_sub(share.records);
                open.lines = open.lines.saturating_sub(share.lines);
                open.from = share.to;
            }
        }
        self.unsent.retain(|_, open| open.records > 0);
        self.settle(done.number);
    }

    fn settle(&mut self, number: u64) {
        self.acked.number = number;
        self.held.retain(|one| one.number > number);
        if let Some(disk) = &mut self.disk
            && let Err(error) = disk.acknowledge(self.acked)
        {
            self.report.seldom("acked", &format!("the journal cannot be cleared: {error}"));
        }
    }

    /// All records that are not acknowledged, by source.
    pub(crate) fn unsent(&self) -> Vec<Share> {
        self.unsent.values().cloned().collect()
    }

    /// All of them were declared lost, and somebody knows it.
    pub(crate) fn write_off(&mut self) {
        self.unsent.clear();
        self.bytes = 0;
        self.settle(self.last);
    }
}

fn owe(unsent: &mut BTreeMap<String, Share>, share: Share) {
    match unsent.get_mut(&share.source) {
        Some(open) => {
            open.records += share.records;
            open.lines += share.lines;
            open.to = share.to;
        }
        None => drop(unsent.insert(share.source.clone(), share)),
    }
}

fn learn(all: &mut Vec<Known>, one: Known) {
    match all.iter_mut().find(|known| known.name == one.name) {
        Some(known) => *known = one,
        None => all.push(one),
    }
}

fn ready(number: u64, entry: &Bytes) -> Option<Ready> {
    let Said::Batch { shares, body, .. } = entry::said(&entry[HEAD..])? else { return None };
    let body: Range<usize> = entry.len() - body.len()..entry.len();
    Some(Ready { number, shares, body: entry.slice(body), size: entry.len() as u64 })
}

/// A name that no other source has: random, and for people the container's.
fn source_name(container: &str) -> String {
    let drawn = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
    let mut name: String = drawn.chars().filter(char::is_ascii_hexdigit).collect();
    if name.len() != 32 {
        name = format!("{:032x}", fastrand::u128(..));
    }
    name.push('/');
    let room = MAX_SOURCE - name.len();
    name.extend(container.chars().filter(|char| char.is_ascii_alphanumeric() || "-_.".contains(*char)).take(room));
    name
}

/// Whatever stands in a file is an entry, which says the same when it is written again, or none.
#[cfg(feature = "fuzz")]
pub fn fuzz(data: &[u8]) {
    if let Some(Said::Batch { containers, shares, body }) = entry::said(data) {
        let mut again = entry::batch(&containers, &shares);
        again.extend_from_slice(body);
        assert_eq!(entry::said(&again[HEAD..]), Some(Said::Batch { containers, shares, body }));
    }
    if let Some((head, rest)) = data.split_first_chunk::<HEAD>()
        && let Some(head) = entry::head(head)
    {
        head.fits(rest);
    }
}

#[cfg(test)]
mod tests;
