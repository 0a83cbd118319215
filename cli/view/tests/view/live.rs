//! A capture that a receiver is writing.

use std::sync::Arc;

use logtap_capture::audit::Event;
use logtap_capture::chunk::{Chunk, ChunkBuilder};
use logtap_capture::disk::RealDisk;
use logtap_capture::labels::LabelSet;
use logtap_capture::reader::Capture;
use logtap_capture::session::{Fsync, Options, Session, Tally};
use logtap_view::watcher::{Moment, Watcher};

use crate::world::{START, message};

/// Lines of one chunk, about 1 MiB.
const LINES: u64 = 4_000;

fn chunk(number: u64) -> Chunk {
    let labels = Arc::new(LabelSet::new([("app".to_owned(), "api".to_owned())]));
    let mut builder = ChunkBuilder::default();
    for n in number * LINES..(number + 1) * LINES {
        let ts = START + n as i64 * 1_000_000;
        builder.push(&labels, ts, ts, &format!("{} {:0>150}", message(n), n), &[("", ""); 0]);
    }
    builder.finish()
}

fn counted(moment: &Moment) -> u64 {
    moment.timeline.iter().flat_map(|part| part.iter().map(|cell| cell.2.iter().sum::<u64>()).collect::<Vec<_>>()).sum()
}

#[test]
fn whole_frames_are_counted_as_the_receiver_publishes_them() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { fsync: Fsync::Never, background: false, ..Options::default() };
    let (session, mut writer, _) = Session::open(dir.path(), options, Arc::new(RealDisk)).unwrap();
    writer.append(&[&chunk(0)]).unwrap();
    let mut watcher = Watcher::open(Capture::open(dir.path()).unwrap()).unwrap();
    for number in 1..16 {
        writer.append(&[&chunk(number)]).unwrap();
    }
    assert!(watcher.follow().unwrap());
    let moment = watcher.moment();
    let pages = moment.archive.files[0].pages.len();
    let published = counted(&moment);
    assert!(pages > 3 && published >= (pages as u64 - 1) * 3 * LINES, "{published} lines of {pages} pages");
    assert!(!moment.complete, "the last page is not counted");
    while watcher.count().unwrap() {}
    let moment = watcher.moment();
    assert_eq!(counted(&moment), 16 * LINES);
    assert!(moment.complete);
    // The last page has grown: what was counted of it is good enough until the next look.
    writer.append(&[&chunk(16)]).unwrap();
    watcher.follow().unwrap();
    assert_eq!((watcher.moment().complete, watcher.is_behind()), (true, false));
    while watcher.count().unwrap() {}
    assert_eq!(counted(&watcher.moment()), 17 * LINES);
    session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
    watcher.follow().unwrap();
    while watcher.count().unwrap() {}
    let moment = watcher.moment();
    assert_eq!(counted(&moment), 17 * LINES);
    assert!(moment.complete && !moment.live);
}
