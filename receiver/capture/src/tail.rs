//! Following a capture while it grows: the last lines, then every further
//! line exactly once, across rotation and eviction.
//!
//! The file being written ends with an empty last block that the next flush
//! overwrites. So a follower remembers where the open frame begins and how
//! much of it has been handed out, and decodes that frame again when the file
//! has grown; frames are small enough for that.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::decode::Decoder;
use crate::frame::EMPTY_LAST_BLOCK;
use crate::lock::Lock;
use crate::metadata::Metadata;
use crate::query::Query;
use crate::reader::{Capture, DataFile, OpenError};
use crate::scan::FrameReader;
use crate::select::Selector;
use crate::walk::{self, Part};
use crate::{name, stream};

/// Bytes looked at in one step; grows with the largest frame met.
const WINDOW: usize = 1 << 20;
/// After so many fruitless tries at bytes that cannot be decoded they count as
/// damage; until then the writer may be in the middle of them.
const PATIENCE: u32 = 20;

/// Follows one capture directory.
#[derive(Debug)]
pub struct Tail {
    dir: PathBuf,
    current: Option<Followed>,
    decoder: Decoder,
    buffer: Vec<u8>,
    lines: Vec<u8>,
    window: usize,
    /// Compressed bytes passed over because they could not be decoded.
    pub damaged_bytes: u64,
}

#[derive(Debug)]
struct Followed {
    name: String,
    file: File,
    compressed: bool,
    /// Start of the open frame; in a plain file, end of what was handed out.
    at: u64,
    /// Decoded bytes of the open frame that were handed out.
    emitted: usize,
    /// Length at the last look.
    seen: u64,
    failures: u32,
}

impl Tail {
    /// Opens a capture and finds its last `count` lines that the query wants,
    /// oldest first; [`Self::poll`] goes on behind them.
    ///
    /// # Errors
    /// If the directory is no capture or cannot be read.
    pub fn open(dir: &Path, query: &Query, count: usize) -> Result<(Self, Vec<Vec<u8>>), OpenError> {
        let capture = Capture::open(dir)?;
        let failed = |source| OpenError::Io { dir: dir.to_owned(), source };
        let mut tail = Self {
            dir: dir.to_owned(),
            current: None,
            decoder: Decoder::default(),
            buffer: Vec::new(),
            lines: Vec::new(),
            window: WINDOW,
            damaged_bytes: 0,
        };
        let mut found = VecDeque::new();
        let mut older = capture.files.as_slice();
        if let Some((newest, rest)) = capture.files.split_last() {
            tail.current = Followed::open(dir, &newest.name).map_err(failed)?;
            let sealed = newest.open().map_err(failed)?.filter(|opened| opened.index.is_some());
            match (sealed, &mut tail.current) {
                (Some(opened), Some(current)) => current.at = opened.length,
                _ => {
                    let mut last = Last { selector: Selector::new(query), count, lines: &mut found };
                    tail.drain(|lines| last.add(lines, false)).map_err(failed)?;
                    older = rest;
                }
            }
        }
        for file in older.iter().rev() {
            if found.len() >= count {
                break;
            }
            let mut earlier = last_of(file, query, count - found.len()).map_err(failed)?;
            earlier.append(&mut found);
            found = earlier;
        }
        Ok((tail, found.into()))
    }

    /// Hands out the lines written since the last call, whole lines only.
    ///
    /// # Errors
    /// If the directory or a file in it cannot be read.
    pub fn poll(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            let next = self.next_name()?;
            self.drain(&mut each)?;
            let Some(next) = next else {
                return Ok(());
            };
            match Followed::open(&self.dir, &next)? {
                Some(file) => self.current = Some(file),
                None => return Ok(()),
            }
        }
    }

    /// False if nothing will be added any more: the receiver has stopped or
    /// died. A capture of 1.x holds no lock; it counts as live until it says
    /// when it stopped.
    #[must_use]
    pub fn is_live(&self) -> bool {
        if Lock::is_held(&self.dir) {
            return true;
        }
        let plain = self.current.as_ref().is_some_and(|current| !current.compressed);
        let open_end = Metadata::read(&self.dir).ok().flatten().is_some_and(|metadata| {
            metadata.capture_id.is_none() && metadata.stopped.is_none_or(|stopped| stopped.starts_with("0001"))
        });
        plain && open_end
    }

    /// The oldest data file behind the current one.
    fn next_name(&self) -> io::Result<Option<String>> {
        let mut next: Option<String> = None;
        for entry in std::fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let file = name::of(&path);
            let later = self
                .current
                .as_ref()
                .is_none_or(|current| file > current.name.as_str() && file.strip_suffix(".zst") != Some(&current.name));
            if name::is_data(file) && later && next.as_deref().is_none_or(|next| file < next) {
                next = Some(file.to_owned());
            }
        }
        Ok(next)
    }

    fn drain(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        loop {
            let length = current.file.metadata()?.len();
            if length <= current.at || (length == current.seen && current.failures == 0) {
                return Ok(());
            }
            let want = self.window.min(usize::try_from(length - current.at).unwrap_or(self.window));
            self.buffer.resize(want, 0);
            let count = current.file.read_at(&mut self.buffer, current.at)?;
            self.buffer.truncate(count);
            let at_end = current.at + count as u64 >= length;
            let step = if current.compressed {
                current.frame(&self.buffer, at_end, &mut self.decoder, &mut self.lines, &mut each)
            } else {
                current.plain(&self.buffer, &mut each)
            };
            match step {
                Step::Go => current.failures = 0,
                Step::Widen if !at_end => self.window *= 2,
                Step::Widen | Step::Wait => {
                    current.seen = length;
                    current.failures = 0;
                    return Ok(());
                }
                Step::Failed if current.failures < PATIENCE => {
                    current.failures += 1;
                    return Ok(());
                }
                Step::Failed => {
                    self.damaged_bytes += length - current.at;
                    (current.at, current.emitted, current.failures) = (length, 0, 0);
                }
            }
        }
    }
}

enum Step {
    /// Something was passed; look at what follows.
    Go,
    /// The bytes end within a frame.
    Widen,
    /// Nothing more to be had until the file grows.
    Wait,
    /// The bytes make no sense.
    Failed,
}

impl Followed {
    fn open(dir: &Path, file: &str) -> io::Result<Option<Self>> {
        let listed = DataFile::named(dir, file);
        for name in [listed.name.clone(), format!("{file}.zst")] {
            match File::open(dir.join(&name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(file) => {
                    let compressed = name::is_compressed(&name);
                    return Ok(Some(Self { name, file, compressed, at: 0, emitted: 0, seen: 0, failures: 0 }));
                }
            }
        }
        Ok(None)
    }

    fn plain(&mut self, bytes: &[u8], each: &mut impl FnMut(&[u8])) -> Step {
        let Some(end) = memchr::memrchr(b'\n', bytes) else {
            return Step::Widen;
        };
        each(&bytes[..=end]);
        self.at += end as u64 + 1;
        Step::Go
    }

    fn frame(
        &mut self,
        bytes: &[u8],
        at_end: bool,
        decoder: &mut Decoder,
        lines: &mut Vec<u8>,
        each: &mut impl FnMut(&[u8]),
    ) -> Step {
        let (length, whole) = match walk::next(bytes) {
            Part::Skippable(length) => {
                self.at += length as u64;
                return Step::Go;
            }
            Part::Garbage => return Step::Failed,
            Part::Torn(_) if !at_end => return Step::Widen,
            Part::Torn(0) => return Step::Wait,
            Part::Torn(good) => (good, false),
            Part::Frame(length) => (length, true),
        };
        lines.clear();
        if decoder.restart().is_err()
            || decoder.piece(&bytes[..length], lines, usize::MAX).is_err()
            || lines.len() < self.emitted
        {
            return Step::Failed;
        }
        let end = memchr::memrchr(b'\n', lines).map_or(0, |at| at + 1);
        if end > self.emitted {
            each(&lines[self.emitted..end]);
            self.emitted = end;
        }
        let may_go_on = !whole || (at_end && length == bytes.len() && bytes.ends_with(&EMPTY_LAST_BLOCK));
        if may_go_on {
            return Step::Wait;
        }
        self.at += length as u64;
        self.emitted = 0;
        Step::Go
    }
}

/// Keeps the last wanted lines.
struct Last<'q, 'l> {
    selector: Selector<'q>,
    count: usize,
    lines: &'l mut VecDeque<Vec<u8>>,
}

impl Last<'_, '_> {
    fn add(&mut self, lines: &[u8], own: bool) {
        let (count, kept) = (self.count, &mut *self.lines);
        self.selector.pick(lines, own, |picked| {
            if kept.len() >= count {
                kept.pop_front();
            }
            if count > 0 {
                kept.push_back(lines[picked.place].to_vec());
            }
        });
    }
}

/// The last wanted lines of a file, frame by frame from its end if it is sealed.
fn last_of(file: &DataFile, query: &Query, count: usize) -> io::Result<VecDeque<Vec<u8>>> {
    let mut found = VecDeque::new();
    let Some(opened) = file.open()? else {
        return Ok(found);
    };
    let Some(index) = &opened.index else {
        let mut last = Last { selector: Selector::new(query), count, lines: &mut found };
        stream::read(&opened, |lines| {
            last.add(lines, false);
            true
        })?;
        return Ok(found);
    };
    let choice = query.frames(&opened.file, index);
    let mut reader = FrameReader::default();
    for info in index.frames.iter().rev().filter(|info| choice.wants(info)) {
        if found.len() >= count {
            break;
        }
        let lines = match reader.read(&opened, info) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => continue,
            other => other?,
        };
        let mut earlier = VecDeque::new();
        Last { selector: Selector::new(query), count: count - found.len(), lines: &mut earlier }.add(lines, true);
        earlier.append(&mut found);
        found = earlier;
    }
    Ok(found)
}
