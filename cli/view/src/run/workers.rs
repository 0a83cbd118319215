//! The threads that read: one for lines, one for counts, one that watches the directory.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};

use super::{Event, LOOK};
use crate::loader::{Loader, Request};
use crate::tally::{self, Job};
use crate::watcher::Watcher;

/// The threads that read the capture.
pub(super) struct Workers {
    pub(super) loader: Sender<Request>,
    pub(super) tally: Sender<Job>,
    pub(super) newest: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Workers {
    pub(super) fn start(mut watcher: Watcher, events: &Sender<Event>) -> io::Result<Self> {
        let (loader, requests) = mpsc::channel();
        let (tally, jobs) = mpsc::channel();
        let (newest, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let answers = events.clone();
        named("loader").spawn(move || {
            Loader::default().serve(&requests, |reply| answers.send(Event::Loaded(reply)).is_ok());
        })?;
        let (counts, wanted) = (events.clone(), newest.clone());
        named("tally").spawn(move || {
            tally::serve(&jobs, &wanted, |count| counts.send(Event::Counted(count)).is_ok());
        })?;
        let (moments, ending) = (events.clone(), stop.clone());
        named("watcher").spawn(move || {
            while !ending.load(Ordering::Acquire) {
                // What cannot be read now is tried again; the view shows what it has.
                let moved = watcher.follow().unwrap_or(false);
                let counted = watcher.count().unwrap_or(false);
                if (counted || moved) && moments.send(Event::Moved(watcher.moment())).is_err() {
                    return;
                }
                // A page that grows is not counted again and again while it does.
                if !counted || !watcher.is_behind() {
                    std::thread::sleep(LOOK);
                }
            }
        })?;
        Ok(Self { loader, tally, newest, stop })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.newest.store(u64::MAX, Ordering::Release);
    }
}
