//! Where an export goes: a file that is seen once it is whole, or a stream.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use logtap_capture::disk::{Disk, DiskFile};
use logtap_capture::target::Target;

use super::Format;
use crate::CarryError;

/// Where an export goes.
pub enum Place<'p> {
    /// Into a file.
    File(Target, Arc<dyn Disk>),
    /// Into a stream: what was written cannot be taken back.
    Stream(&'p mut (dyn Write + Send)),
}

impl std::fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(target, _) => f.debug_tuple("File").field(target).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// A place that is being written.
pub(crate) enum Open<'p> {
    File { target: Target, disk: Arc<dyn Disk>, writer: BufWriter<Appended>, held: Option<File>, whole: bool },
    Stream(BufWriter<&'p mut (dyn Write + Send)>),
}

impl<'p> Place<'p> {
    /// A directory for what does not fit into memory.
    pub(super) fn beside(&self) -> PathBuf {
        match self {
            Self::File(target, _) => target.path().parent().map_or_else(|| PathBuf::from("/"), Into::into),
            Self::Stream(_) => std::env::temp_dir(),
        }
    }

    pub(crate) fn begin(self) -> Result<Open<'p>, CarryError> {
        Ok(match self {
            Self::File(target, disk) => {
                let (file, held) = target.begin_file(disk.as_ref())?;
                let writer = BufWriter::with_capacity(1 << 20, Appended { file, at: 0 });
                Open::File { target, disk, writer, held: Some(held), whole: false }
            }
            Self::Stream(out) => Open::Stream(BufWriter::with_capacity(64 << 10, out)),
        })
    }
}

impl Open<'_> {
    pub(crate) fn writer(&mut self) -> &mut (dyn Write + Send) {
        match self {
            Self::File { writer, .. } => writer,
            Self::Stream(writer) => writer,
        }
    }

    /// Puts the whole result into its place; `None` for a stream.
    pub(crate) fn finish(mut self) -> Result<Option<PathBuf>, CarryError> {
        match &mut self {
            Self::File { target, disk, writer, whole, .. } => {
                let failed = |source| CarryError::Write { path: target.path().to_owned(), source };
                writer.flush().map_err(failed)?;
                writer.get_ref().file.sync().map_err(failed)?;
                target.finish_file(disk.as_ref())?;
                *whole = true;
                Ok(Some(target.path().to_owned()))
            }
            Self::Stream(writer) => {
                writer.flush()?;
                Ok(None)
            }
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Self::File { target, disk, whole: false, held, .. } = self {
            // Of no use to anybody if it fails: the next run removes it.
            disk.unlink(&target.growing()).unwrap_or_default();
            if let Some(held) = held.take() {
                held.unlock().unwrap_or_default();
            }
        }
    }
}

/// A file that grows.
pub(crate) struct Appended {
    file: Arc<dyn DiskFile>,
    at: u64,
}

impl Write for Appended {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// True if a file looks like an export in this form, so that it may be replaced.
#[must_use]
pub fn is_ours(format: Format, file: &File) -> bool {
    let mut first = Vec::new();
    let mut reader = BufReader::new(file);
    match format {
        Format::Jsonl => {
            reader.read_until(b'\n', &mut first).is_ok()
                && first.strip_suffix(b"\n").is_some_and(|line| logtap_capture::line::split(line).is_ok())
        }
        Format::Csv { .. } => reader.read_until(b'\n', &mut first).is_ok() && super::csv::is_header(&first),
        #[cfg(feature = "parquet")]
        Format::Parquet => super::parquet::is_ours(file),
    }
}
