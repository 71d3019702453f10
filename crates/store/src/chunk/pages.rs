//! The pages of a chunk, and what is said of it.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use super::Chunk;

/// The pages of a small chunk that are not smaller by a tenth at least are left as they are: reading them costs less.
const WORTH_IT: (usize, usize) = (9, 10);
/// Pages of so many bytes are always compressed: for the sum, which costs little beside them, and tells that bytes have changed.
const LARGE: usize = 512;

/// The dictionary of a chunk.
pub(super) struct Dictionary {
    /// Its entries, plain.
    pub page: Vec<u8>,
    pub entries: usize,
}

/// What a chunk is made of, uncompressed.
pub(super) struct Content {
    pub dictionary: Option<Dictionary>,
    /// Of the values.
    pub encoding: Encoding,
    /// Levels and values of each page, and its rows.
    pub data: Vec<(Vec<u8>, usize)>,
    pub statistics: Option<Statistics>,
}

/// Compresses.
pub(super) struct Press {
    compressor: Compressor<'static>,
    level: ZstdLevel,
}

impl Press {
    pub fn new(level: ZstdLevel) -> std::io::Result<Self> {
        let mut compressor = Compressor::new(level.compression_level())?;
        // Parquet has sums of pages, but nobody writes them: with Zstandard's own, flipped bits are an error, not other values.
        compressor.include_checksum(true)?;
        Ok(Press { compressor, level })
    }

    /// The pages compressed, if that is worth it.
    fn compress(&mut self, pages: &[&[u8]]) -> Result<Option<Vec<Vec<u8>>>> {
        let (mut before, mut after) = (0, 0);
        let mut made = Vec::with_capacity(pages.len());
        for page in pages {
            let page_made = self
                .compressor
                .compress(page)
                .map_err(|error| ParquetError::External(error.into()))?;
            before += page.len();
            after += page_made.len();
            made.push(page_made);
        }
        let is_smaller = after * WORTH_IT.1 < before * WORTH_IT.0;
        Ok((before >= LARGE || is_smaller).then_some(made))
    }

    /// Makes the chunk.
    pub fn chunk(&mut self, column: &ColumnDescPtr, content: Content) -> Result<Chunk> {
        let encoding = content.encoding;
        let rows: usize = content.data.iter().map(|(_, rows)| rows).sum();
        let raw: Vec<&[u8]> = content
            .dictionary
            .iter()
            .map(|dictionary| dictionary.page.as_slice())
            .chain(content.data.iter().map(|(page, _)| page.as_slice()))
            .collect();
        let compressed = self.compress(&raw)?;
        let compression = match compressed {
            Some(_) => Compression::ZSTD(self.level),
            None => Compression::UNCOMPRESSED,
        };
        let sizes: Vec<usize> = raw.iter().map(|page| page.len()).collect();
        let mut bodies = match compressed {
            Some(compressed) => compressed,
            None => raw.iter().map(|page| page.to_vec()).collect(),
        }
        .into_iter()
        .zip(sizes);

        let mut sink = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut sink);
        let mut stats = Vec::new();
        let mut raw_bytes = 0;
        if let Some(dictionary) = &content.dictionary
            && let Some((body, size)) = bodies.next()
        {
            let page = Page::DictionaryPage {
                buf: body.into(),
                num_values: dictionary.entries as u32,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            let spec = writer.write_page(CompressedPage::new(page, size))?;
            raw_bytes += spec.uncompressed_size;
            stats.push(page_stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
        }
        let mut index = OffsetIndexBuilder::new();
        let mut first_page = None;
        for ((body, size), (_, rows)) in bodies.zip(&content.data) {
            let page = Page::DataPage {
                buf: body.into(),
                num_values: *rows as u32,
                encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            };
            let spec = writer.write_page(CompressedPage::new(page, size))?;
            raw_bytes += spec.uncompressed_size;
            first_page.get_or_insert(spec.offset as i64);
            index.append_row_count(*rows as i64);
            index.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
        }
        stats.push(page_stats(
            PageType::DATA_PAGE,
            encoding,
            content.data.len(),
        ));
        writer.close()?;
        let bytes = Bytes::from(sink.into_inner()?);
        let mut encodings = vec![Encoding::RLE, encoding];
        if content.dictionary.is_some() {
            encodings.push(Encoding::PLAIN);
        }
        let mut metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(compression)
            .set_encodings(encodings)
            .set_page_encoding_stats(stats)
            .set_num_values(rows as i64)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(raw_bytes as i64)
            .set_data_page_offset(first_page.unwrap_or(0))
            .set_dictionary_page_offset(content.dictionary.as_ref().map(|_| 0));
        if let Some(statistics) = content.statistics {
            metadata = metadata.set_statistics(statistics);
        }
        Ok(Chunk {
            close: ColumnCloseResult {
                bytes_written: bytes.len() as u64,
                rows_written: rows as u64,
                metadata: metadata.build()?,
                bloom_filter: None,
                column_index: None,
                offset_index: Some(index.build()),
            },
            bytes,
        })
    }
}

fn page_stats(page_type: PageType, encoding: Encoding, count: usize) -> PageEncodingStats {
    PageEncodingStats {
        page_type,
        encoding,
        count: count as i32,
    }
}
