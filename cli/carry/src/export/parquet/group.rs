//! A row group: rows in columns, and their way into the file.
//!
//! Level and labels are known by number before they are encoded, so that a text is looked at once per distinct
//! value and row group, and not in each row.

use std::io::Write;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Int64Builder, MapBuilder, MapFieldNames, StringBuilder, TimestampMicrosecondBuilder};
use arrow_schema::SchemaRef;
use hashbrown::HashMap;
use logtap_capture::level::Level;
use logtap_capture::line;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use super::chunk::{Chunk, Content};
use super::{PAGE_ROWS, UTC, runs};
use crate::export::row::{Set, USUAL};

/// Places of columns in the schema, and of what they consist of in the file.
const META: usize = 8;
const LABELS_AT: usize = 7;
/// Place of the messages in the file.
pub(super) const MESSAGES_AT: usize = 11;

/// Rows, but for their messages.
pub(super) struct Group {
    ts: TimestampMicrosecondBuilder,
    ts_ns: Int64Builder,
    levels: Vec<u32>,
    sets: Vec<u32>,
    meta: MapBuilder<StringBuilder, StringBuilder>,
}

impl Default for Group {
    fn default() -> Self {
        let names = MapFieldNames { entry: "key_value".to_owned(), key: "key".to_owned(), value: "value".to_owned() };
        Self {
            ts: TimestampMicrosecondBuilder::new().with_timezone(UTC),
            ts_ns: Int64Builder::new(),
            levels: Vec::new(),
            sets: Vec::new(),
            meta: MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new()),
        }
    }
}

impl Group {
    /// Appends a row; `set` is the place of its labels.
    pub(super) fn push(&mut self, ts: Option<i64>, level: u8, set: u32, meta: &[u8]) -> std::io::Result<()> {
        self.ts.append_option(ts.map(|ts| ts.div_euclid(1000)));
        self.ts_ns.append_option(ts);
        self.levels.push(u32::from(level));
        self.sets.push(set);
        if !meta.is_empty() {
            for (name, value) in line::object_pairs(meta) {
                self.meta.keys().append_value(name);
                self.meta.values().append_value(value);
            }
        }
        // Fails only where keys and values differ in number.
        self.meta.append(true).map_err(std::io::Error::other)
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.sets.len()
    }

    /// Writes the rows with their messages; `known` holds the label sets by their places.
    pub(super) fn write<W: Write + Send>(
        mut self,
        known: &[Arc<Set>],
        messages: Chunk,
        schema: &SchemaRef,
        columns: &ArrowRowGroupWriterFactory,
        file: &mut SerializedFileWriter<W>,
        compressor: &mut Compressor<'_>,
    ) -> Result<()> {
        let described = file.schema_descr().columns().to_vec();
        let mut writers: Vec<Option<ArrowColumnWriter>> =
            columns.create_column_writers(file.flushed_row_groups().len())?.into_iter().map(Some).collect();
        let mut out = file.next_row_group()?;
        let mut library = |at: usize, column: usize, array: ArrayRef, out: &mut SerializedRowGroupWriter<'_, W>| {
            for (leaf, writer) in compute_leaves(schema.field(column), &array)?.iter().zip(&mut writers[at..]) {
                let mut writer = writer.take().ok_or_else(|| ParquetError::General("a column twice".to_owned()))?;
                writer.write(leaf)?;
                writer.close()?.append_to_row_group(out)?;
            }
            Ok::<_, ParquetError>(())
        };
        let append = |chunk: Chunk, out: &mut SerializedRowGroupWriter<'_, W>| {
            let (bytes, close) = chunk.close()?;
            out.append_column(&bytes, close)
        };
        library(0, 0, Arc::new(self.ts.finish()), &mut out)?;
        library(1, 1, Arc::new(self.ts_ns.finish()), &mut out)?;
        let names = Level::ALL.map(|level| Some(level.name()));
        append(texts(&described[2], &self.levels, &names, compressor)?, &mut out)?;
        for (n, column) in described[3..].iter().enumerate().take(USUAL.len()) {
            let values: Vec<_> = known.iter().map(|set| set.usual[n].as_deref()).collect();
            append(texts(column, &self.sets, &values, compressor)?, &mut out)?;
        }
        for chunk in pairs(&described[LABELS_AT..], &self.sets, known, compressor)? {
            append(chunk, &mut out)?;
        }
        library(LABELS_AT + 2, META, Arc::new(self.meta.finish()), &mut out)?;
        append(messages, &mut out)?;
        out.close().map(drop)
    }
}

/// Distinct texts, numbered as they come.
#[derive(Default)]
struct Dictionary<'t> {
    texts: Vec<&'t str>,
    numbers: HashMap<&'t str, u32, foldhash::fast::RandomState>,
}

impl<'t> Dictionary<'t> {
    fn number(&mut self, text: &'t str) -> u32 {
        *self.numbers.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() as u32 - 1
        })
    }

    /// The rank of each number in the order of texts, and the texts in that order.
    fn ranks(&self) -> (Vec<u32>, Vec<&'t str>) {
        let mut order: Vec<u32> = (0..self.texts.len() as u32).collect();
        order.sort_unstable_by_key(|number| self.texts[*number as usize]);
        let mut ranks = vec![0; order.len()];
        for (rank, number) in order.iter().enumerate() {
            ranks[*number as usize] = rank as u32;
        }
        (ranks, order.iter().map(|number| self.texts[*number as usize]).collect())
    }

    fn width(&self) -> u8 {
        runs::width(self.texts.len())
    }
}

/// Those of `count` keys that occur, in the order of their first row.
fn used(keys: &[u32], count: usize) -> Vec<usize> {
    let mut seen = vec![false; count];
    keys.iter().map(|key| *key as usize).filter(|key| !std::mem::replace(&mut seen[*key], true)).collect()
}

/// A column of texts, of which each row names one by its key.
fn texts(
    column: &ColumnDescPtr,
    keys: &[u32],
    texts: &[Option<&str>],
    compressor: &mut Compressor<'_>,
) -> Result<Chunk> {
    let (mut dictionary, mut numbers) = (Dictionary::default(), vec![None; texts.len()]);
    for key in used(keys, texts.len()) {
        numbers[key] = texts[key].map(|text| dictionary.number(text));
    }
    let (width, (ranks, ordered)) = (dictionary.width(), dictionary.ranks());
    let mut chunk = Chunk::new(column.clone(), true);
    chunk.dictionary(&dictionary.texts, compressor)?;
    let (mut body, mut there, mut present) = (Vec::new(), Vec::new(), Vec::new());
    for rows in keys.chunks(PAGE_ROWS) {
        let of_rows = || rows.iter().map(|key| numbers[*key as usize]);
        body.clear();
        there.clear();
        present.clear();
        present.extend(of_rows().flatten());
        if column.max_def_level() > 0 {
            there.extend(of_rows().map(|number| u32::from(number.is_some())));
            push_levels(&there, 1, &mut body);
        }
        body.push(width);
        runs::pack(&present, width, &mut body);
        let ranked = || present.iter().map(|number| ranks[*number as usize]);
        let text = |rank: u32| ordered[rank as usize].as_bytes();
        let bounds = ranked().min().zip(ranked().max()).map(|(least, greatest)| (text(least), text(greatest)));
        let content = Content { rows: rows.len(), values: rows.len(), absent: rows.len() - present.len(), bounds };
        chunk.page(&body, content, compressor)?;
    }
    Ok(chunk)
}

/// Names and values of a map, of which each row names one by its key.
fn pairs(
    columns: &[ColumnDescPtr],
    keys: &[u32],
    known: &[Arc<Set>],
    compressor: &mut Compressor<'_>,
) -> Result<[Chunk; 2]> {
    let (mut names, mut values) = (Dictionary::default(), Dictionary::default());
    let mut entries = vec![Vec::new(); known.len()];
    for key in used(keys, known.len()) {
        let pairs = known[key].labels.pairs().iter();
        entries[key] = pairs.map(|(name, value)| (names.number(name), values.number(value))).collect();
    }
    let mut chunks = [Chunk::new(columns[0].clone(), false), Chunk::new(columns[1].clone(), false)];
    chunks[0].dictionary(&names.texts, compressor)?;
    chunks[1].dictionary(&values.texts, compressor)?;
    let widths = [names.width(), values.width()];
    let (mut repeated, mut there, mut numbers) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new()]);
    let mut body = Vec::new();
    for rows in keys.chunks(PAGE_ROWS) {
        repeated.clear();
        there.clear();
        numbers.iter_mut().for_each(Vec::clear);
        for key in rows {
            let entries = &entries[*key as usize];
            // A row without pairs has a place of its own.
            repeated.push(0);
            repeated.extend(entries.iter().skip(1).map(|_| 1));
            there.extend(std::iter::repeat_n(u32::from(!entries.is_empty()), entries.len().max(1)));
            for (name, value) in entries {
                numbers[0].push(*name);
                numbers[1].push(*value);
            }
        }
        let content = Content {
            rows: rows.len(),
            values: repeated.len(),
            absent: repeated.len() - numbers[0].len(),
            bounds: None,
        };
        for (n, chunk) in chunks.iter_mut().enumerate() {
            body.clear();
            push_levels(&repeated, 1, &mut body);
            // A value may be absent where a name may not, which makes one level more.
            let deepest = columns[n].max_def_level() as u32;
            there.iter_mut().filter(|level| **level > 0).for_each(|level| *level = deepest);
            push_levels(&there, runs::width(deepest as usize + 1), &mut body);
            body.push(widths[n]);
            runs::pack(&numbers[n], widths[n], &mut body);
            chunk.page(&body, content, compressor)?;
        }
    }
    Ok(chunks)
}

/// Appends levels with their length before them.
fn push_levels(levels: &[u32], width: u8, out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    runs::pack(levels, width, out);
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}
