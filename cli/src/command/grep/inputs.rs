//! Where to search: capture directories, data files, snapshots, standard input.

use std::path::{Path, PathBuf};

use logtap_capture::chunk::Span;
use logtap_capture::reader::{Capture, DataFile};
use logtap_capture::stream;
use logtap_capture::survey::Collector;
use logtap_capture::{archive, name};

use crate::error::CliError;
use crate::when::{self, When};

/// Something to search.
#[derive(Debug)]
pub(super) enum Input {
    /// Data files; `live` if a receiver may be writing the last one.
    Files { files: Vec<DataFile>, live: bool },
    /// Standard input.
    Stdin,
}

/// Everything to search, in the order given.
#[derive(Debug)]
pub(super) struct Inputs {
    /// In the order given.
    pub(super) all: Vec<Input>,
}

impl Inputs {
    /// Finds out what each path is.
    ///
    /// # Errors
    /// If one does not exist or is nothing that can be searched.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, CliError> {
        if paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
            return Err(CliError::usage("standard input can be named only once"));
        }
        Ok(Self { all: paths.iter().map(|path| open(path)).collect::<Result<_, _>>()? })
    }

    /// Bytes on disk, as far as known.
    pub(super) fn bytes(&self) -> u64 {
        let of = |input: &Input| match input {
            Input::Files { files, .. } => files.iter().filter_map(DataFile::size).sum(),
            Input::Stdin => 0,
        };
        self.all.iter().map(of).sum()
    }

    /// The wanted range of time; relative ends refer to the range of all inputs together.
    ///
    /// # Errors
    /// If an end is relative and an input has no range that is known beforehand.
    pub(super) fn resolve(&self, from: Option<When>, to: Option<When>) -> Result<(Option<i64>, Option<i64>), CliError> {
        when::between(from, to, || self.range())
    }

    fn range(&self) -> Result<Span, CliError> {
        let mut range = Span::default();
        for input in &self.all {
            let Input::Files { files, .. } = input else {
                return Ok(Span::default());
            };
            for file in files {
                range.merge(file_range(file)?);
            }
        }
        Ok(range)
    }
}

/// Range of `ts` of a file: from its index, else by reading it.
fn file_range(file: &DataFile) -> Result<Span, CliError> {
    if let Some(span) = file.line.as_ref().map(logtap_capture::index::IndexLine::span)
        && !span.is_empty()
    {
        return Ok(span);
    }
    let failed = |error: std::io::Error| CliError::at(&file.path, &error);
    let Some(opened) = file.open().map_err(failed)? else {
        return Ok(Span::default());
    };
    let mut range = Span::default();
    if let Some(index) = &opened.index {
        index.frames.iter().for_each(|frame| range.merge(frame.ts));
        return Ok(range);
    }
    let mut collector = Collector::default();
    stream::read(&opened, |lines| {
        collector.add(lines);
        true
    })
    .map_err(failed)?;
    Ok(collector.summary.ts)
}

fn open(path: &Path) -> Result<Input, CliError> {
    if path.as_os_str() == "-" {
        return Ok(Input::Stdin);
    }
    let file = name::of(path);
    if !path.is_file() || archive::is_named(path) {
        let Capture { files, live, .. } = Capture::open(path)?;
        return Ok(Input::Files { files, live });
    }
    if file.ends_with(".jsonl") || file.ends_with(".jsonl.zst") {
        let file = DataFile::named(path.parent().unwrap_or(Path::new("")), file);
        return Ok(Input::Files { files: vec![file], live: true });
    }
    Err(CliError::usage(format!(
        "{} is no capture directory, data file (.jsonl, .jsonl.zst) or snapshot (.tar.zst)",
        path.display()
    )))
}
