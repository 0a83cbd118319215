//! One column of a row group: its pages, one behind the other, and what the footer says of them.
//!
//! For columns whose pages are put together here and not by the `parquet` crate, which still writes the heads of
//! pages, the indexes and the footer.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

/// A bound longer than this is not worth its place in an index.
const MAX_BOUND: usize = 64;

/// Smallest and greatest of the values.
pub(super) type Bounds<'b> = (&'b [u8], &'b [u8]);

/// What is in a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content<'c> {
    pub(super) rows: usize,
    /// Values, absent ones included.
    pub(super) values: usize,
    pub(super) absent: usize,
    /// `None` if no value is there, or nobody wants to know.
    pub(super) bounds: Option<Bounds<'c>>,
}

pub(super) struct Chunk {
    column: ColumnDescPtr,
    bytes: TrackedWrite<Vec<u8>>,
    offsets: OffsetIndexBuilder,
    /// Where bounds are told.
    index: Option<ColumnIndexBuilder>,
    bounds: Option<(Vec<u8>, Vec<u8>)>,
    rows: usize,
    values: usize,
    absent: usize,
    uncompressed: usize,
    /// Where the data begins, behind a dictionary.
    data_at: Option<u64>,
    has_dictionary: bool,
    pages: Vec<PageEncodingStats>,
}

impl Chunk {
    /// A column without pages. `bounded`: bounds of its values are told.
    pub(super) fn new(column: ColumnDescPtr, bounded: bool) -> Self {
        let index = bounded.then(|| ColumnIndexBuilder::new(column.physical_type()));
        Self {
            column,
            bytes: TrackedWrite::new(Vec::new()),
            offsets: OffsetIndexBuilder::new(),
            index,
            bounds: None,
            rows: 0,
            values: 0,
            absent: 0,
            uncompressed: 0,
            data_at: None,
            has_dictionary: false,
            pages: Vec::new(),
        }
    }

    /// Writes the dictionary, before any page.
    pub(super) fn dictionary(&mut self, texts: &[&str], compressor: &mut Compressor<'_>) -> Result<()> {
        let mut body = Vec::new();
        for text in texts {
            push_text(&mut body, text.as_bytes());
        }
        self.has_dictionary = true;
        let (num_values, encoding) = (texts.len() as u32, Encoding::PLAIN);
        self.write(PageType::DICTIONARY_PAGE, encoding, &body, compressor, |buf| Page::DictionaryPage {
            buf,
            num_values,
            encoding,
            is_sorted: false,
        })
    }

    /// Writes a page: levels, if the column has any, and values.
    pub(super) fn page(&mut self, body: &[u8], content: Content<'_>, compressor: &mut Compressor<'_>) -> Result<()> {
        self.data_at.get_or_insert(self.bytes.bytes_written() as u64);
        let encoding = if self.has_dictionary { Encoding::RLE_DICTIONARY } else { Encoding::PLAIN };
        let before = self.bytes.bytes_written();
        self.write(PageType::DATA_PAGE, encoding, body, compressor, |buf| Page::DataPage {
            buf,
            num_values: content.values as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })?;
        self.offsets.append_offset_and_size(before as i64, (self.bytes.bytes_written() - before) as i32);
        self.offsets.append_row_count(content.rows as i64);
        self.rows += content.rows;
        self.values += content.values;
        self.absent += content.absent;
        self.bound(content);
        Ok(())
    }

    fn bound(&mut self, content: Content<'_>) {
        let Some(index) = &mut self.index else { return };
        match content.bounds {
            Some((min, max)) if min.len() > MAX_BOUND || max.len() > MAX_BOUND => self.index = None,
            None => index.append(true, Vec::new(), Vec::new(), content.absent as i64),
            Some((min, max)) => {
                index.append(false, min.to_vec(), max.to_vec(), content.absent as i64);
                let (least, greatest) = self.bounds.get_or_insert_with(|| (min.to_vec(), max.to_vec()));
                if min < least.as_slice() {
                    *least = min.to_vec();
                }
                if max > greatest.as_slice() {
                    *greatest = max.to_vec();
                }
            }
        }
    }

    fn write(
        &mut self,
        page_type: PageType,
        encoding: Encoding,
        body: &[u8],
        compressor: &mut Compressor<'_>,
        page: impl FnOnce(Bytes) -> Page,
    ) -> Result<()> {
        if body.len() > i32::MAX as usize {
            return Err(ParquetError::General(format!("a page of {} bytes is more than Parquet can hold", body.len())));
        }
        let compressed = compressor.compress(body)?;
        let written = SerializedPageWriter::new(&mut self.bytes)
            .write_page(CompressedPage::new(page(compressed.into()), body.len()))?;
        self.uncompressed += written.uncompressed_size;
        match self.pages.last_mut().filter(|last| last.page_type == page_type) {
            Some(last) => last.count += 1,
            None => self.pages.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
        Ok(())
    }

    /// The bytes, and what is known of them.
    pub(super) fn close(self) -> Result<(Bytes, ColumnCloseResult)> {
        let size = self.bytes.bytes_written();
        let mut encodings = vec![Encoding::PLAIN, Encoding::RLE];
        if self.has_dictionary {
            encodings.push(Encoding::RLE_DICTIONARY);
        }
        let mut metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_encodings(encodings)
            .set_page_encoding_stats(self.pages)
            .set_total_compressed_size(size as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_num_values(self.values as i64)
            .set_data_page_offset(self.data_at.unwrap_or_default() as i64)
            .set_dictionary_page_offset(self.has_dictionary.then_some(0));
        let column_index = match self.index {
            Some(index) => {
                let (min, max) = self.bounds.map(|(min, max)| (ByteArray::from(min), ByteArray::from(max))).unzip();
                metadata = metadata.set_statistics(Statistics::new(min, max, None, Some(self.absent as u64), false));
                Some(index.build()?)
            }
            None => None,
        };
        let close = ColumnCloseResult {
            bytes_written: size as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index,
            offset_index: Some(self.offsets.build()),
        };
        Ok((self.bytes.into_inner()?.into(), close))
    }
}

/// Appends a text with its length before it.
pub(super) fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}
