//! The journal's files: segments that are only appended to, and one small record of what was
//! acknowledged. A segment begins with the state of all containers, so those before it can go once
//! all their entries are acknowledged. They are small, so that while all is well they are gone before
//! the kernel has written them to the disk. Nothing is synced: a killed process loses nothing that it
//! wrote, and after a restart of the node the sources take new names.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::entry::{self, HEAD, Said};

/// Size from which another segment is begun, bytes.
pub(super) const SEGMENT: u64 = 4 << 20;
const SUFFIX: &str = ".journal";
const ACKED: &str = "acked";
/// Bytes of the record of what was acknowledged: number, flag, checksum.
const RECORD: usize = 20;

/// The folder, held open.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    segments: VecDeque<Segment>,
    writer: Option<File>,
    reader: Option<Place>,
    acked: File,
}

#[derive(Debug)]
struct Segment {
    id: u64,
    /// Number of its last batch, 0 where it has none.
    last: u64,
    size: u64,
}

#[derive(Debug)]
struct Place {
    id: u64,
    file: File,
    offset: u64,
}

/// What is remembered about acknowledgements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Acked {
    /// All batches up to this one are acknowledged.
    pub(super) number: u64,
    /// Whether batches were sent that the journal does not have.
    pub(super) beside: bool,
}

impl Disk {
    /// Opens or makes the folder and shows every entry that is whole, with its number and its size in
    /// bytes, and what was acknowledged. What a kill has left of an unfinished one is cut off.
    pub(super) fn open(dir: &Path, mut visit: impl FnMut(Acked, u64, u64, Said<'_>)) -> io::Result<(Self, Acked)> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let acked =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(dir.join(ACKED))?;
        let mut disk = Self { dir: dir.to_owned(), segments: VecDeque::new(), writer: None, reader: None, acked };
        let remembered = disk.remembered();
        // Room for it is taken now, so that it can be written when the disk is full.
        disk.remember(remembered)?;
        let mut ids: Vec<u64> = fs::read_dir(dir)?.flatten().filter_map(|one| id(&one.file_name())).collect();
        ids.sort_unstable();
        for (at, id) in ids.iter().enumerate() {
            let is_last = at + 1 == ids.len();
            let file = OpenOptions::new().read(true).append(true).open(disk.path(*id))?;
            let (last, size) = scan(&file, &mut |number, size, said| visit(remembered, number, size, said))?;
            if is_last && size < file.metadata()?.len() {
                file.set_len(size)?;
            }
            if size == 0 {
                fs::remove_file(disk.path(*id))?;
                continue;
            }
            disk.segments.push_back(Segment { id: *id, last, size });
            disk.writer = is_last.then_some(file);
        }
        Ok((disk, remembered))
    }

    /// Appends an entry. `snapshot` is asked for where another segment begins.
    pub(super) fn append(&mut self, entry: &[u8], number: u64, snapshot: impl FnOnce() -> Vec<u8>) -> io::Result<()> {
        if self.writer.is_none() || self.segments.back().is_none_or(|last| last.size >= SEGMENT) {
            self.begin(number, &snapshot())?;
        }
        let (Some(file), Some(segment)) = (&mut self.writer, self.segments.back_mut()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if let Err(error) = file.write_all(entry) {
            // Half an entry would hide the next one.
            if file.set_len(segment.size).is_err() {
                self.writer = None;
            }
            return Err(error);
        }
        segment.size += entry.len() as u64;
        segment.last = number;
        Ok(())
    }

    /// The next entry begins another segment.
    pub(super) fn turn(&mut self) {
        self.writer = None;
    }

    fn begin(&mut self, number: u64, snapshot: &[u8]) -> io::Result<()> {
        let id = self.segments.back().map_or(number, |last| number.max(last.id + 1));
        let path = self.path(id);
        let mut file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&path)?;
        if let Err(error) = file.write_all(snapshot) {
            fs::remove_file(&path)?;
            return Err(error);
        }
        self.segments.push_back(Segment { id, last: 0, size: snapshot.len() as u64 });
        self.writer = Some(file);
        Ok(())
    }

    /// The entry of a batch, head included; `None` where it is damaged or was never there. Numbers asked
    /// for never go down.
    pub(super) fn read(&mut self, number: u64) -> io::Result<Option<Vec<u8>>> {
        loop {
            let Some(mut place) = self.place()? else { return Ok(None) };
            let mut bytes = [0; HEAD];
            let mut head = None;
            if place.file.read_exact_at(&mut bytes, place.offset).is_ok() {
                head = entry::head(&bytes);
            }
            let Some(head) = head else {
                // Damaged: nothing behind it in this segment can be found.
                place.offset = u64::MAX;
                self.reader = Some(place);
                continue;
            };
            if head.number > number {
                self.reader = Some(place);
                return Ok(None);
            }
            let from = place.offset;
            place.offset += (HEAD + head.len) as u64;
            if head.number < number {
                self.reader = Some(place);
                continue;
            }
            let mut all = vec![0; HEAD + head.len];
            let whole = place.file.read_exact_at(&mut all, from).is_ok() && head.fits(&all[HEAD..]);
            self.reader = Some(place);
            return Ok(whole.then_some(all));
        }
    }

    /// Where to read on.
    fn place(&mut self) -> io::Result<Option<Place>> {
        let place = self.reader.take();
        if let Some(place) = place {
            let end = self.segments.iter().find(|one| one.id == place.id).map_or(0, |one| one.size);
            if place.offset < end {
                return Ok(Some(place));
            }
            let Some(next) = self.segments.iter().map(|one| one.id).find(|id| *id > place.id) else {
                self.reader = Some(place);
                return Ok(None);
            };
            return Ok(Some(Place { id: next, file: File::open(self.path(next))?, offset: 0 }));
        }
        let Some(first) = self.segments.front() else { return Ok(None) };
        Ok(Some(Place { id: first.id, file: File::open(self.path(first.id))?, offset: 0 }))
    }

    /// Remembers that all batches up to this one are acknowledged, and removes segments that nobody needs.
    pub(super) fn acknowledge(&mut self, acked: Acked) -> io::Result<()> {
        self.remember(acked)?;
        while self.segments.len() > 1 && self.segments.front().is_some_and(|first| first.last <= acked.number) {
            if let Some(first) = self.segments.pop_front() {
                fs::remove_file(self.path(first.id))?;
            }
        }
        Ok(())
    }

    pub(super) fn remember(&self, acked: Acked) -> io::Result<()> {
        let mut record = [0; RECORD];
        record[..8].copy_from_slice(&acked.number.to_le_bytes());
        record[8] = u8::from(acked.beside);
        let crc = crc32fast::hash(&record[..16]);
        record[16..].copy_from_slice(&crc.to_le_bytes());
        self.acked.write_all_at(&record, 0)
    }

    /// Where it cannot be read, everything there is is sent again; its numbers tell that it is the same.
    fn remembered(&self) -> Acked {
        let mut record = [0; RECORD];
        let read = self.acked.read_exact_at(&mut record, 0);
        let (said, crc) = record.split_at(16);
        if read.is_err() || crc != crc32fast::hash(said).to_le_bytes() {
            return Acked::default();
        }
        let (number, _) = said.split_first_chunk().unwrap_or((&[0; 8], &[]));
        Acked { number: u64::from_le_bytes(*number), beside: said[8] != 0 }
    }

    fn path(&self, id: u64) -> PathBuf {
        self.dir.join(format!("{id:016x}{SUFFIX}"))
    }
}

fn id(name: &std::ffi::OsStr) -> Option<u64> {
    u64::from_str_radix(name.to_str()?.strip_suffix(SUFFIX)?, 16).ok()
}

/// Shows the whole entries at the beginning of a file: the last batch's number, and where they end.
fn scan(file: &File, visit: &mut impl FnMut(u64, u64, Said<'_>)) -> io::Result<(u64, u64)> {
    let (mut last, mut offset) = (0, 0);
    let end = file.metadata()?.len();
    let mut bytes = [0; HEAD];
    while offset + HEAD as u64 <= end {
        file.read_exact_at(&mut bytes, offset)?;
        let Some(head) = entry::head(&bytes) else { break };
        let size = (HEAD + head.len) as u64;
        if offset + size > end {
            break;
        }
        let mut rest = vec![0; head.len];
        file.read_exact_at(&mut rest, offset + HEAD as u64)?;
        let Some(said) = entry::said(&rest).filter(|_| head.fits(&rest)) else { break };
        visit(head.number, size, said);
        last = last.max(head.number);
        offset += size;
    }
    Ok((last, offset))
}
