//! Apache Parquet. Times are microseconds, which every reader knows, and whole nanoseconds beside them.
//!
//! Rows are put together on the thread that brings them in order; another one encodes and compresses them.

mod chunk;
mod group;
mod packed;
mod runs;
mod sets;

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use arrow_schema::{DataType, Field, Fields, Schema as ArrowSchema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnPath;
use zstd::bulk::Compressor;

use super::row::{Schema, Set};
use super::{Out, Sink};
use crate::CarryError;
use chunk::{Chunk, Content};
use group::{Group, MESSAGES_AT};
use packed::{Labels, Packed};
use sets::{Brought, Known};

pub(super) use packed::Packer;

/// Rows of a row group, and about its bytes at most.
const GROUP_ROWS: usize = 120_000;
const GROUP_BYTES: usize = 64 << 20;
/// Memory that a label set takes which a row brings itself, as a multiple of its bytes.
const BROUGHT: usize = 4;
/// Rows of a page, and about its bytes at most.
const PAGE_ROWS: usize = 20_000;
const PAGE_BYTES: usize = 1 << 20;
/// Pages of messages that wait to be compressed.
const WAITING: usize = 4;
/// Higher levels make files a hundredth smaller and take a quarter longer.
const LEVEL: i32 = 1;

const UTC: &str = "UTC";

fn schema(names: Schema) -> SchemaRef {
    let columns = names.columns();
    let map = |name: &str| {
        let pair =
            Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)]);
        let entries = Field::new("key_value", DataType::Struct(pair), false);
        Field::new(name, DataType::Map(Arc::new(entries), false), false)
    };
    let fields: Vec<Field> = columns
        .iter()
        .enumerate()
        .map(|(at, name)| match at {
            0 => Field::new(*name, DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())), true),
            1 => Field::new(*name, DataType::Int64, true),
            7 | 8 => map(name),
            _ => Field::new(*name, DataType::Utf8, (3..7).contains(&at)),
        })
        .collect();
    Arc::new(ArrowSchema::new(fields))
}

fn properties(names: Schema, tool: &str) -> Result<WriterProperties, ParquetError> {
    let column = |at: usize| ColumnPath::from(vec![names.columns()[at].to_owned()]);
    let sorted = SortingColumn { column_idx: 1, descending: false, nulls_first: true };
    Ok(WriterProperties::builder()
        .set_created_by(tool.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(Some(vec![sorted]))
        .set_column_dictionary_enabled(column(0), false)
        .set_column_dictionary_enabled(column(1), false)
        .set_column_encoding(column(0), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding(column(1), Encoding::DELTA_BINARY_PACKED)
        .build())
}

fn failed(error: ParquetError) -> CarryError {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => CarryError::Io(*cause),
            Err(cause) => CarryError::Io(io::Error::other(cause)),
        },
        other => CarryError::Io(io::Error::other(other)),
    }
}

/// Runs `work` with a sink whose rows another thread writes; they come from [`Packer`]s of the same sets.
pub(super) fn attended<T>(
    out: Out<'_>,
    names: Schema,
    tool: &str,
    work: impl FnOnce(&Known, Box<dyn Sink>) -> Result<T, CarryError>,
) -> Result<T, CarryError> {
    let schema = schema(names);
    let writer =
        ArrowWriter::try_new(out, schema.clone(), Some(properties(names, tool).map_err(failed)?)).map_err(failed)?;
    let (sender, receiver) = sync_channel(WAITING);
    let (emptied, spare) = channel();
    std::thread::scope(|scope| {
        let encoder = std::thread::Builder::new()
            .name("parquet".to_owned())
            .spawn_scoped(scope, move || encode(writer, &schema, &receiver, &emptied))?;
        let known = Arc::new(Known::default());
        let result = work(&known, Box::new(Table::new(known.clone(), sender, spare)));
        let encoded = encoder.join().unwrap_or_else(|_| Err(ParquetError::General("the encoder panicked".to_owned())));
        match (result, encoded) {
            // The encoder's end is why nobody took the rows.
            (_, Err(error)) => Err(failed(error)),
            (result, Ok(())) => result,
        }
    })
}

/// What the encoder gets: pages of messages, and behind those of a group the rest of it.
enum Work {
    Messages { body: Vec<u8>, rows: usize },
    Group { group: Box<Group>, known: Vec<Arc<Set>> },
}

fn encode(
    writer: ArrowWriter<Out<'_>>,
    schema: &SchemaRef,
    work: &Receiver<Work>,
    emptied: &Sender<Vec<u8>>,
) -> Result<(), ParquetError> {
    let (mut file, columns) = writer.into_serialized_writer()?;
    let mut compressor = Compressor::new(LEVEL)?;
    let messages = file.schema_descr().column(MESSAGES_AT);
    let fresh = || Chunk::new(messages.clone(), false);
    let mut chunk = fresh();
    for one in work {
        match one {
            Work::Messages { mut body, rows } => {
                let content = Content { rows, values: rows, absent: 0, bounds: None };
                chunk.page(&body, content, &mut compressor)?;
                body.clear();
                // Nobody wants it at the end.
                emptied.send(body).unwrap_or_default();
            }
            Work::Group { group, known } => {
                let messages = std::mem::replace(&mut chunk, fresh());
                group.write(&known, messages, schema, &columns, &mut file, &mut compressor)?;
            }
        }
    }
    file.close().map(drop)
}

struct Table {
    sender: SyncSender<Work>,
    spare: Receiver<Vec<u8>>,
    known: Arc<Known>,
    brought: Brought,
    group: Box<Group>,
    /// Bytes of the group's messages, metadata and label sets without a number.
    bytes: usize,
    page: Vec<u8>,
    page_rows: usize,
}

impl Table {
    fn new(known: Arc<Known>, sender: SyncSender<Work>, spare: Receiver<Vec<u8>>) -> Self {
        let (brought, group, page) = (Brought::default(), Box::default(), Vec::new());
        Self { sender, spare, known, brought, group, bytes: 0, page, page_rows: 0 }
    }

    fn send(&self, work: Work) -> Result<(), CarryError> {
        self.sender.send(work).map_err(|_| CarryError::Io(io::ErrorKind::BrokenPipe.into()))
    }

    fn end_page(&mut self) -> Result<(), CarryError> {
        let next = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(PAGE_BYTES + PAGE_BYTES / 8));
        let (body, rows) = (std::mem::replace(&mut self.page, next), std::mem::take(&mut self.page_rows));
        self.send(Work::Messages { body, rows })
    }

    fn end_group(&mut self) -> Result<(), CarryError> {
        if self.group.rows() == 0 {
            return Ok(());
        }
        if self.page_rows > 0 {
            self.end_page()?;
        }
        self.bytes = 0;
        let (group, known) = (std::mem::take(&mut self.group), self.brought.end(&self.known));
        self.send(Work::Group { group, known })
    }
}

impl Sink for Table {
    fn line(&mut self, ts: Option<i64>, line: &[u8]) -> Result<(), CarryError> {
        let row = Packed::read(line).ok_or_else(|| io::Error::other("a row was not packed as it should be"))?;
        let set = match row.labels {
            Labels::Number(number) => number,
            Labels::Stored(stored) => {
                self.bytes += BROUGHT * stored.len();
                self.brought.place(stored)
            }
        };
        self.group.push(ts, row.level, set, row.meta)?;
        chunk::push_text(&mut self.page, row.message);
        self.page_rows += 1;
        self.bytes += row.message.len() + row.meta.len();
        if self.page_rows == PAGE_ROWS || self.page.len() >= PAGE_BYTES {
            self.end_page()?;
        }
        if self.group.rows() == GROUP_ROWS || self.bytes >= GROUP_BYTES { self.end_group() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<(), CarryError> {
        self.end_group()
    }
}

/// Rows of a file, as its footer says.
pub(super) fn count(file: File) -> io::Result<u64> {
    let reader = SerializedFileReader::new(file).map_err(io::Error::other)?;
    Ok(u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or_default())
}

/// True if a logtap wrote the file.
pub(super) fn is_ours(file: &File) -> bool {
    file.try_clone().is_ok_and(|file| {
        SerializedFileReader::new(file).is_ok_and(|reader| {
            reader.metadata().file_metadata().created_by().is_some_and(|tool| tool.starts_with("logtap"))
        })
    })
}
