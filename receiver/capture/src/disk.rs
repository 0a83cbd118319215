//! Every change to the file system goes through [`Disk`], so that tests can
//! kill, stall, fill or make forget at each single step of a real run.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// Mode of every file of a capture.
const FILE_MODE: u32 = 0o600;

/// The operations that change a capture directory.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// Creates a file that must not exist yet, mode 0600.
    ///
    /// # Errors
    /// Any error of the system; `AlreadyExists` if the name is taken.
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an existing file for writing at any place.
    ///
    /// # Errors
    /// Any error of the system.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Replaces `to` by `from`.
    ///
    /// # Errors
    /// Any error of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// Any error of the system.
    fn unlink(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    ///
    /// # Errors
    /// Any error of the system.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// A file open for writing.
pub trait DiskFile: Send + Sync + std::fmt::Debug {
    /// Writes all bytes at an offset.
    ///
    /// # Errors
    /// Any error of the system; a part may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file.
    ///
    /// # Errors
    /// Any error of the system.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Makes content and length durable (`fdatasync`).
    ///
    /// # Errors
    /// Any error of the system; what was not durable before may be lost.
    fn sync(&self) -> io::Result<()>;
    /// Sets space aside so that later writes below `length` need none.
    ///
    /// # Errors
    /// Any error of the system; `Unsupported` where the file system cannot.
    fn reserve(&self, length: u64) -> io::Result<()>;
}

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile(OpenOptions::new().write(true).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        let flags = rustix::fs::FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&self.0, flags, 0, length).map_err(Into::into)
    }
}

/// Replaces `path` atomically: temporary file, sync, rename, directory sync.
///
/// # Errors
/// The first failing step; the old content stays.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    let file = match disk.create_new(&temporary) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.unlink(&temporary)?;
            disk.create_new(&temporary)?
        }
        other => other?,
    };
    let written = file.write_all_at(bytes, 0).and_then(|()| file.sync());
    if let Err(error) = written {
        drop(file);
        return Err(match disk.unlink(&temporary) {
            Ok(()) | Err(_) => error,
        });
    }
    disk.rename(&temporary, path)?;
    parent_sync(disk, path)
}

/// Name of the temporary file that will replace `path`; [`is_temporary`] knows it again.
#[must_use]
pub fn temporary(path: &Path) -> std::path::PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

/// True for names that [`temporary`] makes.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.ends_with(".tmp")
}

/// Syncs the directory that holds `path`.
///
/// # Errors
/// Any error of the system.
pub fn parent_sync(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => disk.sync_dir(parent),
        _ => disk.sync_dir(Path::new(".")),
    }
}

/// Bytes of all files directly in the directory.
pub(crate) fn size(dir: &Path) -> io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(dir)? {
        match entry?.metadata() {
            Ok(data) if data.is_file() => total += data.len(),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}
