//! Apache Parquet. Times are microseconds, which every reader knows, and whole nanoseconds beside them.
//!
//! Rows are put together on the thread that brings the lines; another one encodes and compresses them.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use arrow_array::builder::{Int64Builder, MapBuilder, MapFieldNames, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema as ArrowSchema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnPath;

use super::row::{Rows, Schema, USUAL};
use super::{Out, Sink};
use crate::CarryError;

/// Rows of a row group, and about its bytes at most.
const GROUP_ROWS: usize = 120_000;
const GROUP_BYTES: usize = 64 << 20;
/// Rows and bytes of texts that are handed over in one go.
const BATCH_ROWS: usize = 16_384;
const BATCH_BYTES: usize = 8 << 20;

const UTC: &str = "UTC";

fn map_names() -> MapFieldNames {
    MapFieldNames { entry: "key_value".to_owned(), key: "key".to_owned(), value: "value".to_owned() }
}

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
        // Level 3 makes files a hundredth smaller and takes a quarter longer to encode.
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(Some(vec![sorted]))
        .set_column_dictionary_enabled(column(0), false)
        .set_column_dictionary_enabled(column(1), false)
        .set_column_dictionary_enabled(column(9), false)
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

/// Runs `work` with a sink whose rows another thread writes.
pub(super) fn attended<T>(
    out: Out<'_>,
    names: Schema,
    tool: &str,
    work: impl FnOnce(Box<dyn Sink>) -> Result<T, CarryError>,
) -> Result<T, CarryError> {
    let schema = schema(names);
    let mut writer =
        ArrowWriter::try_new(out, schema.clone(), Some(properties(names, tool).map_err(failed)?)).map_err(failed)?;
    let (sender, receiver) = sync_channel(1);
    std::thread::scope(|scope| {
        let encoder = std::thread::Builder::new().name("parquet".to_owned()).spawn_scoped(scope, move || {
            encode(&mut writer, &receiver)?;
            drop(receiver);
            writer.close().map(drop)
        })?;
        let result = work(Box::new(Table::new(schema, sender)));
        let encoded = encoder.join().unwrap_or_else(|_| Err(ParquetError::General("the encoder panicked".to_owned())));
        match (result, encoded) {
            // The encoder's end is why nobody took the rows.
            (_, Err(error)) => Err(failed(error)),
            (result, Ok(())) => result,
        }
    })
}

fn encode(writer: &mut ArrowWriter<Out<'_>>, batches: &Receiver<RecordBatch>) -> Result<(), ParquetError> {
    for batch in batches {
        writer.write(&batch)?;
        if writer.in_progress_size() >= GROUP_BYTES {
            writer.flush()?;
        }
    }
    Ok(())
}

struct Table {
    schema: SchemaRef,
    sender: SyncSender<RecordBatch>,
    rows: Rows,
    columns: Columns,
    count: usize,
    bytes: usize,
}

struct Columns {
    ts: TimestampMicrosecondBuilder,
    ts_ns: Int64Builder,
    level: StringBuilder,
    usual: [StringBuilder; USUAL.len()],
    maps: [MapBuilder<StringBuilder, StringBuilder>; 2],
    message: StringBuilder,
}

impl Default for Columns {
    fn default() -> Self {
        let map = || MapBuilder::new(Some(map_names()), StringBuilder::new(), StringBuilder::new());
        Self {
            ts: TimestampMicrosecondBuilder::new().with_timezone(UTC),
            ts_ns: Int64Builder::new(),
            level: StringBuilder::new(),
            usual: std::array::from_fn(|_| StringBuilder::new()),
            maps: [map(), map()],
            message: StringBuilder::new(),
        }
    }
}

impl Table {
    fn new(schema: SchemaRef, sender: SyncSender<RecordBatch>) -> Self {
        Self { schema, sender, rows: Rows::default(), columns: Columns::default(), count: 0, bytes: 0 }
    }

    fn hand_over(&mut self) -> Result<(), CarryError> {
        if self.count == 0 {
            return Ok(());
        }
        let Columns { ts, ts_ns, level, usual, maps, message } = &mut self.columns;
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(ts.finish()), Arc::new(ts_ns.finish()), Arc::new(level.finish())];
        arrays.extend(usual.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        arrays.extend(maps.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        arrays.push(Arc::new(message.finish()));
        (self.count, self.bytes) = (0, 0);
        let batch = RecordBatch::try_new(self.schema.clone(), arrays).map_err(io::Error::other)?;
        self.sender.send(batch).map_err(|_| CarryError::Io(io::ErrorKind::BrokenPipe.into()))
    }
}

impl Sink for Table {
    fn line(&mut self, ts: Option<i64>, line: &[u8]) -> Result<(), CarryError> {
        let columns = &mut self.columns;
        self.rows
            .row(line, |row| {
                columns.ts.append_option(ts.map(|ts| ts.div_euclid(1000)));
                columns.ts_ns.append_option(ts);
                columns.level.append_value(row.level.name());
                for (column, value) in columns.usual.iter_mut().zip(row.usual) {
                    column.append_option(value.as_deref());
                }
                for (map, pairs) in columns.maps.iter_mut().zip([row.labels.pairs(), &row.meta]) {
                    for (name, value) in pairs {
                        map.keys().append_value(name);
                        map.values().append_value(value);
                    }
                    // Fails only where keys and values differ in number.
                    map.append(true).map_err(io::Error::other)?;
                }
                columns.message.append_value(&row.message);
                Ok::<_, io::Error>(())
            })
            .transpose()?;
        self.count += 1;
        self.bytes += line.len();
        if self.count >= BATCH_ROWS || self.bytes >= BATCH_BYTES { self.hand_over() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<(), CarryError> {
        self.hand_over()
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
