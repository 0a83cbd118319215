//! The receiving side: the real session and writer, killed at operations on the disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use logtap_capture::audit::Event;
use logtap_capture::chunk::Chunk;
use logtap_capture::sequence::{Admission, Sources};
use logtap_capture::session::{Options, Session, Tally};
use logtap_capture::writer::Writer;

use crate::sender::Request;
use crate::support::{Death, MortalDisk};

pub(crate) struct Receiver {
    dir: PathBuf,
    open: Option<(Session, Writer)>,
    count: Arc<std::sync::atomic::AtomicU64>,
    dies_at: u64,
    next: (u64, Death),
}

impl Receiver {
    pub(crate) fn open(dir: &Path) -> Self {
        let mut receiver =
            Self { dir: dir.to_owned(), open: None, count: Arc::default(), dies_at: 0, next: (u64::MAX, Death::After) };
        receiver.start();
        receiver
    }

    /// Starts as often as it takes: it may be killed while it repairs.
    fn start(&mut self) {
        while self.open.is_none() {
            let (at, death) = std::mem::replace(&mut self.next, (u64::MAX, Death::After));
            let disk = MortalDisk::new(at, death);
            (self.count, self.dies_at) = (disk.count.clone(), at);
            let options = Options { max_file: 6 << 10, background: false, ..Options::default() };
            if let Ok((session, writer, report)) = Session::open(&self.dir, options, Arc::new(disk)) {
                assert_eq!(report.failed, []);
                if !self.is_dead() {
                    self.open = Some((session, writer));
                }
            }
        }
    }

    fn is_dead(&self) -> bool {
        self.count.load(Ordering::SeqCst) > self.dies_at
    }

    /// Whoever is started next is killed at this operation.
    pub(crate) fn will_die(&mut self, after: u64, death: Death) {
        self.next = (after, death);
        self.open = None;
        self.start();
    }

    pub(crate) fn restart(&mut self) {
        if let Some((session, writer)) = self.open.take() {
            drop(session.close(writer, &Tally::default(), Event::new("stop")));
        }
        self.start();
    }

    /// Writes a group of requests; tells whether it lived to answer.
    pub(crate) fn take(&mut self, group: &[Request]) -> bool {
        let (_, writer) = self.open.as_mut().unwrap();
        let mut admission = Admission::new(writer.sources());
        let mut chunks: Vec<Chunk> = Vec::new();
        for request in group {
            let chunk = request.chunk();
            let admitted = admission.admit(&chunk);
            chunks.extend(admitted.missing.iter().map(|missing| missing.mark(0)));
            chunks.push(admitted.rest.unwrap_or(chunk));
        }
        let kept = writer.append(&chunks.iter().collect::<Vec<_>>()).is_ok();
        if self.is_dead() {
            self.open = None;
            self.start();
            return false;
        }
        assert!(kept, "a disk that lives takes every write");
        true
    }

    /// Ends in order, and starts once more to see what the files say.
    pub(crate) fn close(mut self) -> Sources {
        self.restart();
        let (session, writer) = self.open.take().unwrap();
        let sources = writer.sources().clone();
        session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
        sources
    }
}
