//! A receiver in a runtime of its own, and a disk that stalls, fills up and forgets.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use logtap_capture::disk::{Disk, DiskFile, RealDisk};
use logtap_capture::session::Options;
use logtap_receiver::config::{Config, Limits, OnFull};
use logtap_receiver::shutdown::{self, Trigger};
use logtap_receiver::{Running, Snapshot, Summary};
use logtap_testkit::client::LokiClient;
use tempfile::TempDir;

pub(crate) struct Receiver {
    pub(crate) dir: TempDir,
    pub(crate) addr: SocketAddr,
    runtime: tokio::runtime::Runtime,
    trigger: Trigger,
    running: Option<Running>,
}

pub(crate) fn config(dir: &Path) -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        dir: dir.to_owned(),
        capture: Options::default(),
        redactor: None,
        rx_always: false,
        ack_timeout: Duration::from_secs(10),
        on_full: OnFull::Drop,
        limits: Limits::default(),
        tls: None,
        tokens: Vec::new(),
        identities: None,
        webhooks: Vec::new(),
        alerts: logtap_receiver::Alerts::default(),
        drain: Duration::from_secs(10),
        stream: None,
    }
}

impl Receiver {
    pub(crate) fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(tempfile::tempdir().unwrap(), Arc::new(RealDisk), change)
    }

    pub(crate) fn start_on(dir: TempDir, disk: Arc<dyn Disk>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(&dir.path().join("capture"));
        change(&mut config);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (trigger, shutdown) = shutdown::channel();
        let running = runtime.block_on(logtap_receiver::start_on(config, shutdown, disk)).unwrap();
        Self { dir, addr: running.address, runtime, trigger, running: Some(running) }
    }

    pub(crate) fn client(&self) -> LokiClient {
        LokiClient::new(self.addr)
    }

    pub(crate) fn capture(&self) -> std::path::PathBuf {
        self.dir.path().join("capture")
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        (self.running.as_ref().unwrap().figures())()
    }

    pub(crate) fn stop(self) -> (Summary, TempDir) {
        self.stop_later().stop()
    }

    /// Address of the stream.
    pub(crate) fn stream(&self) -> SocketAddr {
        self.running.as_ref().unwrap().stream_address.unwrap()
    }

    /// Waits for its end from now on, as the command line does, without telling it to end.
    pub(crate) fn stop_later(mut self) -> Ending {
        let running = self.running.take().unwrap();
        let stream = running.stream_address.unwrap_or(self.addr);
        let summary = self.runtime.spawn(running.finish());
        Ending { dir: self.dir, stream, runtime: self.runtime, trigger: self.trigger, summary }
    }
}

/// A receiver whose end somebody waits for.
pub(crate) struct Ending {
    dir: TempDir,
    pub(crate) stream: SocketAddr,
    runtime: tokio::runtime::Runtime,
    trigger: Trigger,
    summary: tokio::task::JoinHandle<Result<Summary, logtap_receiver::ReceiverError>>,
}

impl Ending {
    pub(crate) fn tell(&self) {
        self.trigger.advance_to(shutdown::Phase::Draining);
    }

    pub(crate) fn stop(self) -> (Summary, TempDir) {
        self.tell();
        self.wait()
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(self) -> (Summary, TempDir) {
        let summary = self.runtime.block_on(self.summary).unwrap().unwrap();
        self.runtime.shutdown_background();
        (summary, self.dir)
    }
}

/// What the disk does to whoever writes.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Writes and syncs wait until this is false.
    stalled: Mutex<bool>,
    moved: Condvar,
    /// Bytes that may still be written; `u64::MAX` is no limit.
    pub(crate) room: AtomicU64,
    pub(crate) fail_sync: AtomicBool,
}

impl Faults {
    pub(crate) fn new() -> Arc<Self> {
        let faults = Self::default();
        faults.room.store(u64::MAX, Ordering::SeqCst);
        Arc::new(faults)
    }

    pub(crate) fn stall(&self, on: bool) {
        *self.stalled.lock().unwrap() = on;
        self.moved.notify_all();
    }

    fn pass(&self) {
        let mut stalled = self.stalled.lock().unwrap();
        while *stalled {
            stalled = self.moved.wait(stalled).unwrap();
        }
    }

    fn take_room(&self, bytes: u64) -> io::Result<()> {
        self.pass();
        let room = self.room.load(Ordering::SeqCst);
        if room == u64::MAX {
            return Ok(());
        }
        if room < bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.room.store(room - bytes, Ordering::SeqCst);
        Ok(())
    }
}

/// The real disk behind faults.
#[derive(Debug)]
pub(crate) struct FaultyDisk(pub(crate) Arc<Faults>);

#[derive(Debug)]
struct FaultyFile(Arc<Faults>, Arc<dyn DiskFile>);

impl Disk for FaultyDisk {
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.0.pass();
        Ok(Arc::new(FaultyFile(self.0.clone(), RealDisk.create_new(path)?)))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(FaultyFile(self.0.clone(), RealDisk.open(path)?)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn unlink(&self, path: &Path) -> io::Result<()> {
        let size = std::fs::metadata(path).map_or(0, |data| data.len());
        RealDisk.unlink(path)?;
        let room = self.0.room.load(Ordering::SeqCst);
        if room != u64::MAX {
            self.0.room.store(room + size, Ordering::SeqCst);
        }
        Ok(())
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_dir(path)
    }
}

impl DiskFile for FaultyFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.take_room(bytes.len() as u64)?;
        self.1.write_all_at(bytes, offset)
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.1.truncate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.pass();
        if self.0.fail_sync.load(Ordering::SeqCst) {
            return Err(io::Error::other("planted sync failure"));
        }
        self.1.sync()
    }
    fn reserve(&self, _length: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
