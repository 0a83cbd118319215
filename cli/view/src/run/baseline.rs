//! Reads the baseline on a thread of its own: its volume at once, what differs
//! as soon as both captures have been compared, and again whenever that is asked.

use std::io;
use std::sync::mpsc::{self, Sender};

use logtap_capture::reader::Capture;

use super::Event;
use crate::difference::Compare;
use crate::watcher::Watcher;

/// Begins; what is sent to the answer asks for another comparison.
pub(super) fn start(baseline: Capture, compare: Compare, events: Sender<Event>) -> io::Result<Sender<()>> {
    let (ask, asked) = mpsc::channel();
    std::thread::Builder::new().name("baseline".to_owned()).spawn(move || {
        if let Some(volume) = volume(baseline)
            && events.send(volume).is_err()
        {
            return;
        }
        loop {
            if events.send(Event::Compared(compare())).is_err() || asked.recv().is_err() {
                return;
            }
            // One answer is enough for all that have asked meanwhile.
            while asked.try_recv().is_ok() {}
        }
    })?;
    Ok(ask)
}

/// What cannot be read is told by the comparison, which reads it too.
fn volume(baseline: Capture) -> Option<Event> {
    let mut watcher = Watcher::open(baseline).ok()?;
    while watcher.count().ok()? {}
    let moment = watcher.moment();
    Some(Event::Baseline(moment.timeline, moment.archive.span()))
}
