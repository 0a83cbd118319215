//! What a crash left is put in order: every complete line is kept, files are
//! sealed, missing index lines are made, temporaries removed, evictions that
//! were recorded are finished. No damaged file stops a start.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::block_index::BlockIndex;
use crate::disk::{self, Disk};
use crate::frame::{EMPTY_LAST_BLOCK, FrameEncoder, LEVEL};
use crate::index::{self, IndexLine};
use crate::lost::Lost;
use crate::metadata::Metadata;
use crate::salvage::{self, Salvage};
use crate::sequence::Sources;
use crate::{labels, name, seal};

/// What repair found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Files that were sealed or indexed, with their lines.
    pub resealed: Vec<(String, u64)>,
    /// Files whose end was torn or damaged, with the bytes that were cut.
    pub cut: Vec<(String, u64)>,
    /// Removed: temporaries, files without a line, recorded evictions.
    pub removed: Vec<String>,
    /// Files that the index names and that are gone without a record.
    pub missing: Vec<String>,
    /// Files that could not be repaired, with the reason; they stay as they are.
    pub failed: Vec<(String, String)>,
}

impl Report {
    /// True if there was nothing to do.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// Repairs a capture directory; the caller holds its lock.
///
/// # Errors
/// If the directory cannot be listed or its index not be replaced. Damage is no error.
pub fn run(dir: &Path, disk: &dyn Disk, metadata: Option<&Metadata>) -> io::Result<(Report, Vec<IndexLine>)> {
    let mut report = Report::default();
    let files = list(dir)?;
    let mut known: BTreeMap<String, IndexLine> =
        index::read(dir)?.into_iter().map(|line| (line.file.clone(), line)).collect();
    let known_before: Vec<IndexLine> = known.values().cloned().collect();
    let evicted = |file: &str| metadata.is_some_and(|data| data.evictions.iter().any(|one| one.file == file));
    let mut lines = Vec::new();
    for file in files.iter().filter(|file| disk::is_temporary(file)) {
        disk.unlink(&dir.join(file))?;
        report.removed.push(file.clone());
    }
    for file in files.iter().filter(|file| name::is_data(file)) {
        let line = known.remove(file);
        let path = dir.join(file);
        if evicted(file) || is_half_compressed(&files, file, &path)? {
            disk.unlink(&path)?;
            report.removed.push(file.clone());
            continue;
        }
        let length = std::fs::metadata(&path)?.len();
        if let Some(line) = line
            && line.size.is_none_or(|size| size == length)
        {
            lines.push(line);
            continue;
        }
        match reseal(dir, file, disk) {
            Ok(Some(line)) => {
                report.resealed.push((file.clone(), line.lines));
                let kept = line.size.unwrap_or(0);
                if line.repaired {
                    report.cut.push((file.clone(), length.saturating_sub(kept)));
                }
                lines.push(line);
            }
            Ok(None) => report.removed.push(file.clone()),
            Err(error) => report.failed.push((file.clone(), error.to_string())),
        }
    }
    report.missing.extend(known.into_keys().filter(|file| !evicted(file)));
    lines.sort_by(|a, b| a.file.cmp(&b.file));
    if lines != known_before {
        index::rewrite(disk, dir, lines.iter())?;
    }
    Ok((report, lines))
}

/// How far numbered sources have come and what is lost, from the data files that the index names, oldest first.
pub(crate) fn sources(dir: &Path, index: &[IndexLine]) -> io::Result<(Sources, Lost)> {
    let (mut sources, mut lost) = (Sources::default(), Lost::default());
    for line in index {
        let file = std::fs::File::open(dir.join(&line.file))?;
        // Files of other tools have no index, and no numbered lines.
        if let Some(index) = BlockIndex::read(&file, file.metadata()?.len())? {
            sources.merge(&index.sources);
            lost.merge(&index.lost);
        }
    }
    Ok((sources, lost))
}

/// Makes a data file whole and returns its index line; `None` if it held no line and was removed.
///
/// # Errors
/// If it cannot be read or written; it can be tried again.
pub fn reseal(dir: &Path, file: &str, disk: &dyn Disk) -> io::Result<Option<IndexLine>> {
    let path = dir.join(file);
    let handle = std::fs::File::open(&path)?;
    let length = handle.metadata()?.len();
    if let Some(index) = BlockIndex::read(&handle, length)? {
        return Ok(Some(IndexLine::new(file, length, &index.summary(&handle)?)));
    }
    let found = if name::is_compressed(file) { salvage::compressed(&handle)? } else { salvage::plain(&handle)? };
    if found.summary.lines == 0 && found.tail.is_empty() && !found.foreign {
        disk.unlink(&path)?;
        return Ok(None);
    }
    let torn = found.good != length || found.open || !found.holes.is_empty();
    if found.foreign && !torn {
        return Ok(Some(IndexLine::new(file, length, &found.summary)));
    }
    if !found.holes.is_empty() || found.recode {
        copy_sound_parts(&path, disk, &found)?;
        return reseal(dir, file, disk);
    }
    let cut = length.saturating_sub(found.good);
    let sealed_half = found.only_parts_cut;
    let (size, summary) = finish(&path, disk, found, length)?;
    let mut line = IndexLine::new(file, size, &summary);
    line.repaired = cut > EMPTY_LAST_BLOCK.len() as u64 && !sealed_half;
    Ok(Some(line))
}

/// Cuts, closes the open frame, brings back loose lines, and seals, in place:
/// acknowledged lines stand below the cut at every step.
fn finish(path: &Path, disk: &dyn Disk, mut found: Salvage, length: u64) -> io::Result<(u64, crate::summary::Summary)> {
    let file = disk.open(path)?;
    if length > found.good {
        file.truncate(found.good)?;
    }
    if found.plain {
        file.sync()?;
        return Ok((found.good, found.summary));
    }
    let mut end = found.good;
    let mut bytes = Vec::new();
    if found.open {
        bytes.extend_from_slice(&EMPTY_LAST_BLOCK);
        end += EMPTY_LAST_BLOCK.len() as u64;
        if let Some(last) = found.frames.last_mut() {
            last.info.size += EMPTY_LAST_BLOCK.len() as u64;
        }
    }
    if !found.tail.is_empty() {
        let frame = one_frame(&found.tail)?;
        bytes.extend_from_slice(&frame);
        let at = end;
        end += frame.len() as u64;
        let tail = std::mem::take(&mut found.tail);
        found.note_frame(at, end - at, &tail);
    }
    if !bytes.is_empty() {
        file.write_all_at(&bytes, found.good)?;
    }
    if found.foreign {
        file.sync()?;
        return Ok((end, found.summary));
    }
    let size = seal::finish_repaired(&file, &found.frames, &found.summary, end)?;
    Ok((size, found.summary))
}

/// Copies what is whole around damaged stretches, and lines that need a new
/// frame, into a file that replaces the damaged one.
fn copy_sound_parts(path: &Path, disk: &dyn Disk, found: &Salvage) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    let source = std::fs::File::open(path)?;
    let temporary = disk::temporary(path);
    let target: Arc<dyn disk::DiskFile> = disk.create_new(&temporary)?;
    let (mut from, mut to) = (0, 0);
    let ends = found.holes.iter().map(|hole| (hole.start, hole.end)).chain([(found.good, found.good)]);
    let mut buffer = vec![0; 1 << 20];
    for (hole_start, hole_end) in ends {
        while from < hole_start {
            let length = buffer.len().min((hole_start - from) as usize);
            source.read_exact_at(&mut buffer[..length], from)?;
            target.write_all_at(&buffer[..length], to)?;
            from += length as u64;
            to += length as u64;
        }
        from = hole_end;
    }
    if found.recode {
        target.write_all_at(&one_frame(&found.tail)?, to)?;
    }
    target.sync()?;
    disk.rename(&temporary, path)?;
    disk::parent_sync(disk, path)
}

fn one_frame(lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = FrameEncoder::new(LEVEL).map_err(io::Error::other)?;
    encoder.write(lines).map_err(io::Error::other)?;
    encoder.end().map_err(io::Error::other)?;
    Ok(std::mem::take(encoder.out()))
}

/// 1.x, killed while it compressed a file, leaves the plain file and a torn
/// `.zst` of it: the plain one has every line.
fn is_half_compressed(files: &[String], file: &str, path: &Path) -> io::Result<bool> {
    let Some(stem) = file.strip_suffix(".zst") else {
        return Ok(false);
    };
    if files.binary_search_by(|one| one.as_str().cmp(stem)).is_err() {
        return Ok(false);
    }
    let handle = std::fs::File::open(path)?;
    let found = salvage::compressed(&handle)?;
    Ok(found.open || found.good != handle.metadata()?.len())
}

fn list(dir: &Path) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file()
            && let Ok(file) = entry.file_name().into_string()
        {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Totals after a crash come from the files, not from what was last written about them.
pub(crate) fn restore_totals(metadata: &mut Metadata, index: &[IndexLine]) {
    let evicted = metadata.evicted.clone().unwrap_or_default();
    metadata.total_lines = evicted.lines + index.iter().map(|line| line.lines).sum::<u64>();
    metadata.total_bytes = evicted.bytes + index.iter().map(|line| line.bytes).sum::<u64>();
    let marks = index.iter().filter_map(|line| line.labels.get(labels::MARK));
    let marks: u64 = marks.flat_map(|values| [labels::GAP, labels::END].map(|value| values.get(value))).flatten().sum();
    let counters = &mut metadata.counters;
    counters.marks = counters.marks.max(marks);
    counters.in_flight = 0;
    counters.written = metadata.total_lines.saturating_sub(counters.marks);
    counters.received =
        counters.written + metadata.dropped.values().sum::<u64>() + metadata.rejected.values().sum::<u64>();
}
