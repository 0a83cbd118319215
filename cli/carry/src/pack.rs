//! Lines become frames on several threads and reach the result in order.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use logtap_capture::derive::{Derivation, Packed, Packer};
use logtap_capture::frame::FRAME_TARGET;

type Job = (u64, Vec<u8>);
type Done = (u64, io::Result<Packed>);

/// Lines on their way into a derived capture.
#[derive(Debug)]
pub(crate) struct Packers {
    buffer: Vec<u8>,
    jobs: Option<SyncSender<Job>>,
    done: Receiver<Done>,
    threads: Vec<JoinHandle<()>>,
    /// Frames handed over, and frames that have reached the result.
    given: u64,
    taken: u64,
    early: BTreeMap<u64, io::Result<Packed>>,
}

impl Packers {
    /// # Errors
    /// If a thread cannot be started.
    pub(crate) fn new(threads: usize) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel::<Job>(1);
        let (sender, done) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let start = |_| {
            let (waiting, sender, packer) = (waiting.clone(), sender.clone(), Packer::new()?);
            std::thread::Builder::new().name("packer".to_owned()).spawn(move || pack(&waiting, &sender, packer))
        };
        let threads = (0..threads.max(1)).map(start).collect::<io::Result<Vec<_>>>()?;
        Ok(Self { buffer: Vec::new(), jobs: Some(jobs), done, threads, given: 0, taken: 0, early: BTreeMap::new() })
    }

    /// Adds whole lines.
    ///
    /// # Errors
    /// If earlier ones could not be packed or written.
    pub(crate) fn add(&mut self, lines: &[u8], out: &mut Derivation) -> io::Result<()> {
        if !self.buffer.is_empty() && (self.buffer.len() + lines.len()) as u64 > FRAME_TARGET {
            self.hand_over(out)?;
        }
        self.buffer.extend_from_slice(lines);
        Ok(())
    }

    fn hand_over(&mut self, out: &mut Derivation) -> io::Result<()> {
        let lines = std::mem::take(&mut self.buffer);
        if let Some(jobs) = &self.jobs {
            jobs.send((self.given, lines)).map_err(|_| io::Error::other("the packing threads have ended"))?;
            self.given += 1;
        }
        while let Ok((at, packed)) = self.done.try_recv() {
            self.early.insert(at, packed);
        }
        self.write_ready(out)
    }

    fn write_ready(&mut self, out: &mut Derivation) -> io::Result<()> {
        while let Some(packed) = self.early.remove(&self.taken) {
            out.append(packed?)?;
            self.taken += 1;
        }
        Ok(())
    }

    /// Brings everything that was added into the result.
    ///
    /// # Errors
    /// If something could not be packed or written.
    pub(crate) fn flush(&mut self, out: &mut Derivation) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.hand_over(out)?;
        }
        while self.taken < self.given {
            let (at, packed) = self.done.recv().map_err(|_| io::Error::other("the packing threads have ended"))?;
            self.early.insert(at, packed);
            self.write_ready(out)?;
        }
        Ok(())
    }
}

impl Drop for Packers {
    fn drop(&mut self) {
        // Without a sender the threads end.
        self.jobs = None;
        for thread in self.threads.drain(..) {
            thread.join().unwrap_or_default();
        }
    }
}

fn pack(waiting: &Mutex<Receiver<Job>>, done: &Sender<Done>, mut packer: Packer) {
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((at, lines)) = job else { return };
        if done.send((at, packer.pack(&lines))).is_err() {
            return;
        }
    }
}
