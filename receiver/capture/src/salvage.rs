//! Reading a data file that cannot be trusted: what in it is whole, and where
//! it may be cut so that every reader accepts the rest.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::block_index::FrameRecord;
use crate::chunk::{BUCKET, Span};
use crate::decode::Decoder;
use crate::grams::Grams;
use crate::labels::{LabelSet, Labels};
use crate::level::{LEVELS, Level};
use crate::line;
use crate::sequence::Follow;
use crate::summary::Summary;
use crate::walk::{self, Part};
use crate::writer;

/// Frames that decode to more than this were not written by us.
const MAX_OWN_FRAME: usize = 32 << 20;
const STEP: usize = 1 << 20;

/// What was found in a file.
#[derive(Debug, Default)]
pub(crate) struct Salvage {
    /// Offset behind everything that may stay as it is.
    pub(crate) good: u64,
    /// The last frame has no last block yet.
    pub(crate) open: bool,
    /// Only the parts behind the frames are incomplete.
    pub(crate) only_parts_cut: bool,
    /// Complete lines that stand behind `good`.
    pub(crate) tail: Vec<u8>,
    /// Damaged stretches below `good`.
    pub(crate) holes: Vec<Range<u64>>,
    /// `tail` holds a whole frame's lines, which stands in the file in a form that cannot be closed.
    pub(crate) recode: bool,
    /// Not in our layout: no block index is added.
    pub(crate) foreign: bool,
    /// An uncompressed file.
    pub(crate) plain: bool,
    pub(crate) frames: Vec<FrameRecord>,
    pub(crate) summary: Summary,
    notes: Notes,
}

/// Counts lines into a summary, interning their label sets.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) grams: Grams,
    sets: HashMap<Vec<u8>, Labels, foldhash::fast::RandomState>,
    scratch: Vec<u8>,
    follow: Follow,
}

impl Notes {
    /// Counts whole lines; lines that are none count as lines without labels.
    pub(crate) fn add(&mut self, lines: &[u8], summary: &mut Summary, record: &mut FrameRecord) {
        for one in lines.split_inclusive(|byte| *byte == b'\n') {
            let one = one.strip_suffix(b"\n").unwrap_or(one);
            if one.is_empty() {
                continue;
            }
            self.add_line(one, summary, record);
        }
        summary.bytes += lines.len() as u64;
        record.info.bytes += lines.len() as u64;
    }

    fn add_line(&mut self, one: &[u8], summary: &mut Summary, record: &mut FrameRecord) {
        summary.lines += 1;
        record.info.lines += 1;
        let Ok(parts) = line::split(one) else {
            record.labels = None;
            self.follow.lose();
            return;
        };
        let labels = match self.sets.get(&*parts.labels) {
            Some(labels) => labels.clone(),
            None => {
                let labels: Labels = Arc::new(LabelSet::new(line::object_pairs(&parts.labels)));
                if self.sets.len() < crate::summary::MAX_SETS {
                    self.sets.insert(parts.labels.to_vec(), labels.clone());
                }
                labels
            }
        };
        self.follow.line(&parts, &labels, summary);
        summary.sets.add(&labels, 1);
        writer::note_labels(record.labels.get_or_insert_default(), &labels);
        if let Some(ts) = parts.ts {
            let level = Level::of(parts.message_text(&mut self.scratch).as_bytes());
            let mut levels = [0; LEVELS];
            levels[level as usize] = 1;
            summary.timeline.add(ts.div_euclid(BUCKET), labels.service(), &levels);
            let rx = parts.rx.unwrap_or(ts);
            for span in [&mut summary.ts, &mut record.info.ts] {
                span.add(ts);
            }
            for span in [&mut summary.rx, &mut record.info.rx] {
                span.add(rx);
            }
        } else {
            record.info.ts = Span { from: i64::MIN, to: i64::MAX };
        }
        self.grams.add(&parts.message);
    }
}

impl Salvage {
    /// Adds a frame at `at` of `size` bytes that holds these lines.
    pub(crate) fn note_frame(&mut self, at: u64, size: u64, lines: &[u8]) {
        let mut record = FrameRecord::default();
        self.notes.add(lines, &mut self.summary, &mut record);
        writer::finish_record(&mut record, at, at + size, &mut self.notes.grams);
        self.frames.push(record);
    }
}

/// Reads a file of zstd frames as far as anything in it can be decoded.
pub(crate) fn compressed(file: &File) -> io::Result<Salvage> {
    let mut found = Salvage::default();
    let mut window = Window { file, base: 0, bytes: Vec::new(), ended: false };
    let mut decoder = Decoder::default();
    let mut plain = Vec::new();
    window.more()?;
    loop {
        let part = walk::next(&window.bytes);
        match part {
            Part::Torn(_) if !window.ended => window.more()?,
            Part::Frame(length) => {
                plain.clear();
                decoder.restart()?;
                let decoded = decoder.piece(&window.bytes[..length], &mut plain, usize::MAX);
                found.foreign |= found.only_parts_cut
                    || !walk::is_own_form(&window.bytes)
                    || plain.len() > MAX_OWN_FRAME
                    || plain.last().is_some_and(|byte| *byte != b'\n');
                if decoded.is_ok() {
                    found.note_frame(window.base, length as u64, &plain);
                } else {
                    found.holes.push(window.base..window.base + length as u64);
                }
                window.skip(length)?;
                found.good = window.base;
            }
            Part::Skippable(length) => {
                window.skip(length)?;
                found.only_parts_cut = true;
                if found.foreign {
                    found.good = window.base;
                }
            }
            Part::Torn(0) => break,
            Part::Torn(_) => {
                torn(&mut found, &window, &mut decoder)?;
                break;
            }
            Part::Garbage => {
                if window.bytes.is_empty() || !skip_garbage(&mut found, &mut window)? {
                    break;
                }
            }
        }
    }
    found.holes.retain(|hole| hole.start < found.good);
    Ok(found)
}

/// The last frame: keeps its blocks up to the last one that ends with a line.
fn torn(found: &mut Salvage, window: &Window<'_>, decoder: &mut Decoder) -> io::Result<()> {
    let mut plain = Vec::new();
    let (mut from, mut keep, mut kept_plain) = (0, 0, 0);
    decoder.restart()?;
    for end in walk::block_ends(&window.bytes) {
        if decoder.piece(&window.bytes[from..end], &mut plain, usize::MAX).is_err() {
            break;
        }
        from = end;
        if plain.last() == Some(&b'\n') {
            (keep, kept_plain) = (end, plain.len());
        }
    }
    let complete = memchr::memrchr(b'\n', &plain).map_or(0, |at| at + 1);
    if !walk::is_own_form(&window.bytes) {
        // Its checksum or content size would contradict an early end.
        (keep, kept_plain) = (0, 0);
        found.recode = complete > 0;
    }
    found.tail = plain[kept_plain..complete].to_vec();
    if keep > 0 {
        found.note_frame(window.base, keep as u64, &plain[..kept_plain]);
        found.good = window.base + keep as u64;
        found.open = true;
        found.only_parts_cut = false;
    }
    Ok(())
}

/// Looks for the next frame behind a damaged stretch.
fn skip_garbage(found: &mut Salvage, window: &mut Window<'_>) -> io::Result<bool> {
    let start = window.base;
    let magic = 0xFD2F_B528_u32.to_le_bytes();
    loop {
        if let Some(at) = memchr::memmem::find(window.bytes.get(1..).unwrap_or_default(), &magic) {
            window.skip(at + 1)?;
            found.holes.push(start..window.base);
            return Ok(true);
        }
        if window.ended {
            return Ok(false);
        }
        let keep = window.bytes.len().min(3);
        window.skip(window.bytes.len() - keep)?;
        window.more()?;
    }
}

/// Reads an uncompressed file, as 1.x leaves its active one.
pub(crate) fn plain(file: &File) -> io::Result<Salvage> {
    let mut found = Salvage { plain: true, foreign: true, ..Salvage::default() };
    let mut window = Window { file, base: 0, bytes: Vec::new(), ended: false };
    let mut record = FrameRecord::default();
    while !window.ended {
        window.more()?;
        let complete = memchr::memrchr(b'\n', &window.bytes).map_or(0, |at| at + 1);
        found.notes.add(&window.bytes[..complete], &mut found.summary, &mut record);
        window.skip(complete)?;
        found.good = window.base;
    }
    Ok(found)
}

struct Window<'f> {
    file: &'f File,
    base: u64,
    bytes: Vec<u8>,
    ended: bool,
}

impl Window<'_> {
    fn more(&mut self) -> io::Result<()> {
        let at = self.bytes.len();
        self.bytes.resize(at + STEP.max(at), 0);
        let mut filled = at;
        while filled < self.bytes.len() {
            match self.file.read_at(&mut self.bytes[filled..], self.base + filled as u64)? {
                0 => {
                    self.ended = true;
                    break;
                }
                count => filled += count,
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }

    fn skip(&mut self, length: usize) -> io::Result<()> {
        self.bytes.drain(..length);
        self.base += length as u64;
        if self.bytes.is_empty() && !self.ended { self.more() } else { Ok(()) }
    }
}
