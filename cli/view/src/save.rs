//! The lines of a view as a capture of their own: those that pass the filters,
//! in the order in which they are shown.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use logtap_capture::audit::Event;
use logtap_capture::chunk::{CHUNK_TARGET, ChunkBuilder};
use logtap_capture::disk::RealDisk;
use logtap_capture::labels::LabelSet;
use logtap_capture::line::{self, RawLine};
use logtap_capture::metadata::Metadata;
use logtap_capture::session::{Fsync, Options, Session, SessionError, Tally};
use logtap_capture::writer::{AppendError, Writer};

use crate::archive::{Archive, Cache, Direction, Key, Walk};
use crate::filter::{Judge, Sieve};

/// Why the lines could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// Something is there already.
    #[error("{0} exists and is not empty: name a directory that does not exist")]
    Taken(String),
    /// The new capture.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Reading the lines.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Writing them.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Writes the lines that pass into a new capture; returns how many there are.
///
/// # Errors
/// See [`SaveError`]. What was written until then stays and can be read.
pub fn save(archive: &Archive, sieve: &Sieve, metadata: Option<&Metadata>, to: &Path) -> Result<u64, SaveError> {
    if std::fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(SaveError::Taken(to.display().to_string()));
    }
    let redaction = metadata.and_then(|metadata| metadata.redaction.as_ref()).filter(|one| one.enabled);
    let options = Options {
        max_disk: u64::MAX >> 1,
        fsync: Fsync::Never,
        redaction: redaction.map(|one| one.patterns.clone()),
        background: false,
        ..Options::default()
    };
    let (session, mut writer, _) = Session::open(to, options, Arc::new(RealDisk))?;
    let (mut judge, mut builder, mut failed) = (Judge::default(), ChunkBuilder::default(), None);
    let (mut written, mut last) = (0, 0);
    let wanted = |file: usize, page: usize| {
        let source = &archive.files[file];
        source.pages[page].may_grow() || sieve.wants(source, page)
    };
    let mut walk = Walk::new(archive, Key::FIRST, true, Direction::Forward, wanted);
    walk.run(
        &mut Cache::once(),
        |_| false,
        |_, stored| {
            if let (true, Ok(parts)) = (judge.passes(sieve, stored), line::split(stored)) {
                last = parts.ts.or(parts.rx).unwrap_or(last);
                push(&mut builder, &parts, last);
                written += 1;
            }
            if builder.len() >= CHUNK_TARGET {
                failed = append(&mut writer, std::mem::take(&mut builder)).err();
            }
            if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    )?;
    match failed {
        Some(error) => return Err(error.into()),
        None if !builder.is_empty() => append(&mut writer, builder)?,
        None => {}
    }
    let tally = Tally { received: written, written, ..Tally::default() };
    session.close(writer, &tally, Event::new("saved"))?;
    Ok(written)
}

fn append(writer: &mut Writer, builder: ChunkBuilder) -> Result<(), AppendError> {
    writer.append(&[&builder.finish()])
}

fn push(builder: &mut ChunkBuilder, parts: &RawLine<'_>, ts: i64) {
    let labels = Arc::new(LabelSet::new(line::object_pairs(&parts.labels)));
    let meta = parts.meta.as_deref().map(line::object_pairs).unwrap_or_default();
    let message = parts.message_text(&mut Vec::new()).into_owned();
    builder.push(&labels, ts, parts.rx.unwrap_or(ts), &message, &meta);
}
