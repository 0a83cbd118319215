//! Pages in memory, the last few of them.

use std::io;
use std::sync::Arc;

use logtap_capture::line;
use logtap_capture::pages::PageReader;

use super::{Key, Order, Source};

/// Pages kept for one who goes back and forth; each has about 4 MiB of lines.
const KEPT: usize = 8;
/// Pages kept for one who goes through everything once: those whose times overlap.
const KEPT_ONCE: usize = 3;

/// A page's lines, in order.
#[derive(Debug)]
pub struct Decoded {
    bytes: Vec<u8>,
    lines: Vec<Slot>,
    file: u32,
    page: u32,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    ts: i64,
    from: u32,
    to: u32,
    line: u32,
}

impl Decoded {
    fn new(source: &Source, page: usize, bytes: Vec<u8>, order: Order) -> Self {
        let mut lines: Vec<Slot> = Vec::with_capacity(bytes.len() / 200);
        let (mut at, mut ts) = (0, source.spans.get(page).filter(|span| !span.is_empty()).map_or(0, |span| span.from));
        while at < bytes.len() {
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length);
            if end > at {
                // A line without a time stands with the line before it; what is no line is left out.
                if let Ok(parts) = line::split(&bytes[at..end]) {
                    ts = parts.ts.unwrap_or(ts);
                    let key = if order == Order::Time { ts } else { 0 };
                    lines.push(Slot { ts: key, from: at as u32, to: end as u32, line: lines.len() as u32 });
                }
            }
            at = end + 1;
        }
        if order == Order::Time {
            lines.sort_by_key(|slot| slot.ts);
        }
        Self { bytes, lines, file: source.number, page: page as u32 }
    }

    /// Number of lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True if there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Place of a line.
    #[must_use]
    pub fn key(&self, at: usize) -> Option<Key> {
        self.lines.get(at).map(|slot| Key { ts: slot.ts, file: self.file, page: self.page, line: slot.line })
    }

    /// The stored bytes of a line.
    #[must_use]
    pub fn line(&self, at: usize) -> &[u8] {
        self.lines.get(at).map_or(&[], |slot| &self.bytes[slot.from as usize..slot.to as usize])
    }

    /// Number of lines before `key`, or up to and with it.
    #[must_use]
    pub fn before(&self, key: Key, inclusive: bool) -> usize {
        let passed = |slot: &Slot| {
            let own = Key { ts: slot.ts, file: self.file, page: self.page, line: slot.line };
            own < key || (inclusive && own == key)
        };
        self.lines.partition_point(passed)
    }
}

/// The pages decoded last.
#[derive(Debug)]
pub struct Cache {
    reader: PageReader,
    kept: usize,
    pages: Vec<(CacheKey, Arc<Decoded>)>,
    /// Pages decoded so far.
    pub decoded: u64,
}

/// A growing page has another size each time it is read.
type CacheKey = (u32, u32, u64, bool);

impl Default for Cache {
    fn default() -> Self {
        Self { reader: PageReader::default(), kept: KEPT, pages: Vec::new(), decoded: 0 }
    }
}

impl Cache {
    /// For one who goes through everything once.
    #[must_use]
    pub fn once() -> Self {
        Self { kept: KEPT_ONCE, ..Self::default() }
    }

    /// Gives the pages up.
    pub fn clear(&mut self) {
        self.pages.clear();
    }

    /// A page's lines, from memory or from the file.
    ///
    /// # Errors
    /// If reading fails. A damaged page has no lines.
    pub fn get(&mut self, source: &Source, page: usize, order: Order) -> io::Result<Arc<Decoded>> {
        let place = &source.pages[page];
        let key = (source.number, page as u32, place.size, order == Order::Time);
        if let Some(at) = self.pages.iter().position(|(known, _)| *known == key) {
            let found = self.pages.remove(at);
            let decoded = found.1.clone();
            self.pages.push(found);
            return Ok(decoded);
        }
        let bytes = match self.reader.read(&source.opened, place) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Vec::new(),
            other => other?,
        };
        self.decoded += 1;
        let decoded = Arc::new(Decoded::new(source, page, bytes, order));
        if self.pages.len() >= self.kept {
            self.pages.remove(0);
        }
        self.pages.push((key, decoded.clone()));
        Ok(decoded)
    }
}
