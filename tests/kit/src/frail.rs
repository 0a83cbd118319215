//! A file system in memory that stalls on command and loses power on command: one flat folder,
//! served by FUSE, in which only what was synced is still there after [`FrailDisk::lose_power`].
//!
//! Content is durable after `fsync` of the file, names are durable after `fsync` of the folder, and
//! nothing else is: stricter than any real file system, and within what POSIX allows.

mod serve;
mod state;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuser::{BackgroundSession, Config, MountOption};

use serve::Served;
use state::Disk;

/// What a loss of power leaves of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Nothing: names and content are those of the last syncs.
    Everything,
    /// Names, and lengths of files that only grew; their unsynced bytes are there up to a place
    /// chosen by this seed and zeros from there on, as after a journal without data.
    Content(u64),
}

/// A mounted disk. Unmounted when dropped.
#[derive(Debug)]
pub struct FrailDisk {
    at: PathBuf,
    disk: Arc<Disk>,
    session: Option<BackgroundSession>,
}

impl FrailDisk {
    /// Mounts an empty disk on a folder.
    ///
    /// # Errors
    /// When FUSE cannot be used here: it needs `/dev/fuse`, and root or `fusermount3`.
    pub fn mount(at: &Path) -> io::Result<Self> {
        let mut mounted = Self { at: at.to_owned(), disk: Arc::default(), session: None };
        mounted.plug_in()?;
        Ok(mounted)
    }

    fn plug_in(&mut self) -> io::Result<()> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("frail".to_owned())];
        // Stalled requests each hold a thread; the rest must still be answered.
        config.n_threads = Some(8);
        let session = fuser::spawn_mount(Served(Arc::clone(&self.disk)), &self.at, &config).map_err(|error| {
            let why = "needs /dev/fuse, and root or fusermount3";
            io::Error::new(error.kind(), format!("cannot mount FUSE on {} ({why}): {error}", self.at.display()))
        })?;
        self.session = Some(session);
        Ok(())
    }

    /// Holds up every change (writes, syncs, creations, renames, removals) until told otherwise.
    pub fn stall_changes(&self, stalled: bool) {
        self.disk.changes.close(stalled);
    }

    /// Holds up every sync until told otherwise.
    pub fn stall_syncs(&self, stalled: bool) {
        self.disk.syncs.close(stalled);
    }

    /// Takes the disk away, forgets what was not synced, and mounts the rest again. Nobody may have
    /// a file of it open.
    ///
    /// # Errors
    /// When it is still in use or cannot be mounted again.
    pub fn lose_power(&mut self, loss: Loss) -> io::Result<()> {
        self.stall_changes(false);
        self.stall_syncs(false);
        if let Some(session) = self.session.take() {
            session.umount_and_join()?;
        }
        self.disk.state().lose(loss);
        self.plug_in()
    }
}

impl Drop for FrailDisk {
    fn drop(&mut self) {
        self.stall_changes(false);
        self.stall_syncs(false);
    }
}
