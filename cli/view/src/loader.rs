//! Reads rows for the view, on a thread of its own. Every request is answered
//! within a few hundredths of a second with what was found until then and the
//! place to go on from, so that a view can stop or turn at any time.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use logtap_capture::level::Level;

use crate::archive::{Archive, Cache, Direction, Key, Order};
use crate::filter::Sieve;
use crate::row::Row;

mod context;
mod walker;

use walker::Walker;

/// Longest work on one request, a page's decoding aside.
const BUDGET: Duration = Duration::from_millis(25);

/// Lines of one time that are told apart.
const SAME: usize = 1_000;

/// Lines around the hits of an answer, those among them, as a multiple of the lines that were asked for.
const AROUND: usize = 4;

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Anchor {
    /// At this line, or the next that passes.
    Key(Key),
    /// At the first line of this time or later, so many lines further.
    Time(i64, u32),
    /// Behind this share of the lines, 0 to 100.
    Percent(f64),
    /// At the first line.
    Start,
    /// At the last line.
    End,
}

/// A question to the loader.
#[derive(Debug, Clone)]
pub struct Request {
    /// Number that the answer carries.
    pub id: u64,
    /// The capture as the view knows it.
    pub archive: Arc<Archive>,
    /// What passes.
    pub sieve: Arc<Sieve>,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Ask {
    /// The lines around a place.
    Window(Anchor, usize),
    /// More lines behind a place.
    More(Direction, Key, usize),
    /// The next line behind a place that passes this sieve as well.
    Find(Direction, Key, Arc<Sieve>),
    /// All lines of this time, whatever passes.
    Moment(i64),
    /// The last lines; of those behind the place, errors first.
    Tail(Key, usize),
}

/// The loader's answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Number of the question.
    pub id: u64,
    /// What was found.
    pub found: Found,
}

/// What was found.
#[derive(Debug, Clone)]
pub enum Found {
    /// Lines around a place: `at` is the row of the place itself.
    Window {
        /// In order.
        rows: Vec<Row>,
        /// Position of the anchor.
        at: usize,
        /// Where to go on before and behind them.
        resume: (Key, Key),
        /// Nothing before the first.
        at_start: bool,
        /// Nothing behind the last.
        at_end: bool,
    },
    /// Lines behind a place, in order of the capture.
    More {
        /// Which way.
        direction: Direction,
        /// In order.
        rows: Vec<Row>,
        /// Where to go on.
        resume: Key,
        /// Nothing behind them.
        at_end: bool,
    },
    /// Lines of one time, in order of the capture.
    Moment(Vec<Row>),
    /// The line that was looked for, or where to go on looking; neither if there is none.
    Line {
        /// The line.
        key: Option<Key>,
        /// Where to go on.
        resume: Option<Key>,
    },
    /// The last lines.
    Tail {
        /// In order, with gaps where there were more than asked for.
        rows: Vec<Row>,
        /// Lines behind the place, those that are not in `rows` too.
        new: u64,
        /// There may be more of them: there was no time to look at all.
        more: bool,
        /// The newest line of all.
        last: Option<Key>,
    },
    /// Reading failed.
    Failed(String),
}

/// Rows that were found, where to go on, and whether nothing is left there.
#[derive(Debug)]
struct Stretch {
    rows: Vec<Row>,
    resume: Key,
    ended: bool,
}

/// Answers requests until nobody asks.
#[derive(Debug, Default)]
pub struct Loader {
    cache: Cache,
    hits: Walker,
    /// For the lines around them.
    beside: Walker,
}

impl Loader {
    /// Answers until the other side is gone.
    pub fn serve(mut self, requests: &Receiver<Request>, answer: impl Fn(Reply) -> bool) {
        while let Ok(request) = requests.recv() {
            if !answer(self.answer(&request)) {
                return;
            }
        }
    }

    /// Pages decoded so far.
    #[must_use]
    pub fn decoded(&self) -> u64 {
        self.cache.decoded
    }

    /// Answers one request.
    pub fn answer(&mut self, request: &Request) -> Reply {
        let (archive, sieve) = (&*request.archive, &*request.sieve);
        let found = match &request.ask {
            Ask::Window(anchor, count) => self.window(archive, sieve, *anchor, *count),
            Ask::More(direction, from, count) => self.more(archive, sieve, *direction, *from, *count),
            Ask::Find(direction, from, wanted) => self.find(archive, wanted, *from, *direction),
            Ask::Moment(ts) => self.moment(archive, *ts),
            Ask::Tail(since, count) => self.tail(archive, sieve, *since, *count),
        };
        let found = found.unwrap_or_else(|error| Found::Failed(error.to_string()));
        Reply { id: request.id, found }
    }

    fn window(&mut self, archive: &Archive, sieve: &Sieve, anchor: Anchor, count: usize) -> std::io::Result<Found> {
        let (from, skip) = match anchor {
            Anchor::Key(key) => (key, 0),
            Anchor::Time(ts, skip) if archive.order == Order::Time => (Key::at(ts), skip as usize),
            Anchor::Time(ts, _) => (by_arrival(archive, ts), 0),
            Anchor::Percent(share) => (at_share(archive, share), 0),
            Anchor::Start => (Key::FIRST, 0),
            Anchor::End => (Key::LAST, 0),
        };
        let on = self.rows(archive, sieve, from, true, Direction::Forward, count + skip)?;
        let first = on.rows.first().map_or(from, |row| row.key);
        let back = self.rows(archive, sieve, first, false, Direction::Backward, count)?;
        let on = self.with_context(archive, sieve, on, count + skip)?;
        let back = self.with_context(archive, sieve, back, count)?;
        let mut rows = on.rows;
        rows.extend(back.rows);
        context::in_order(&mut rows);
        let at = (rows.partition_point(|row| row.key < from) + skip).min(rows.len().saturating_sub(1));
        let (resume, at_end) = ((back.resume, on.resume), on.ended || anchor == Anchor::End);
        Ok(Found::Window { rows, at, resume, at_start: back.ended, at_end })
    }

    fn more(
        &mut self,
        archive: &Archive,
        sieve: &Sieve,
        direction: Direction,
        from: Key,
        count: usize,
    ) -> std::io::Result<Found> {
        let found = self.rows(archive, sieve, from, false, direction, count)?;
        let Stretch { mut rows, resume, ended } = self.with_context(archive, sieve, found, count)?;
        context::in_order(&mut rows);
        Ok(Found::More { direction, rows, resume, at_end: ended })
    }

    /// The same with the lines around them, in no order, as far as one answer can take them.
    fn with_context(
        &mut self,
        archive: &Archive,
        sieve: &Sieve,
        found: Stretch,
        count: usize,
    ) -> std::io::Result<Stretch> {
        let (rows, cut) = self.surround(archive, sieve, found.rows, count * AROUND)?;
        Ok(match cut {
            Some(resume) => Stretch { rows, resume, ended: false },
            None => Stretch { rows, ..found },
        })
    }

    /// Rows in the order in which they are found.
    fn rows(
        &mut self,
        archive: &Archive,
        sieve: &Sieve,
        from: Key,
        inclusive: bool,
        direction: Direction,
        count: usize,
    ) -> std::io::Result<Stretch> {
        let mut rows = Vec::new();
        let from = (from, inclusive);
        let (resume, ended) =
            self.hits.walk(&mut self.cache, archive, sieve, from, direction, |judge, key, line| {
                rows.extend(judge.row(sieve, key, line));
                rows.len() >= count
            })?;
        Ok(Stretch { rows, resume, ended })
    }

    fn find(&mut self, archive: &Archive, wanted: &Sieve, from: Key, direction: Direction) -> std::io::Result<Found> {
        let mut hit = None;
        let from = (from, false);
        let (resume, ended) =
            self.hits.walk(&mut self.cache, archive, wanted, from, direction, |judge, key, line| {
                if judge.passes(wanted, line) {
                    hit = Some(key);
                }
                hit.is_some()
            })?;
        Ok(Found::Line { key: hit, resume: (hit.is_none() && !ended).then_some(resume) })
    }

    fn moment(&mut self, archive: &Archive, ts: i64) -> std::io::Result<Found> {
        let all = Sieve::default();
        let (mut rows, mut from, mut inclusive) = (Vec::new(), Key::at(ts), true);
        loop {
            let mut over = false;
            let (resume, ended) = self.hits.walk(
                &mut self.cache,
                archive,
                &all,
                (from, inclusive),
                Direction::Forward,
                |judge, key, line| {
                    over = key.ts > ts;
                    if !over {
                        rows.extend(judge.row(&all, key, line));
                    }
                    over || rows.len() >= SAME
                },
            )?;
            if over || ended || rows.len() >= SAME {
                return Ok(Found::Moment(rows));
            }
            // The budget was used up before all of them were found.
            (from, inclusive) = (resume, false);
        }
    }

    fn tail(&mut self, archive: &Archive, sieve: &Sieve, since: Key, count: usize) -> std::io::Result<Found> {
        let mut rows: Vec<Row> = Vec::new();
        let (mut new, mut last) = (0, None);
        let (mut others, mut errors) = (0, 0);
        let mut reached = false;
        let (cache, from) = (&mut self.cache, (Key::LAST, true));
        let (_, ended) = self.hits.walk(cache, archive, sieve, from, Direction::Backward, |judge, key, line| {
            last = last.or(Some(key));
            let is_new = key > since;
            reached |= !is_new;
            if !is_new && rows.len() >= count {
                return true;
            }
            let Some(row) = judge.row(sieve, key, line) else {
                return false;
            };
            new += u64::from(is_new);
            let error = row.level >= Level::Error;
            // Up to half of the room is kept for errors; what is old fills what is left.
            let room = if error { errors < count / 2 || others + errors < count } else { others + errors < count };
            if room {
                (others, errors) = if error { (others, errors + 1) } else { (others + 1, errors) };
                rows.push(row);
            }
            false
        })?;
        if rows.len() > count {
            let mut surplus = rows.len() - count;
            // The oldest go.
            rows.reverse();
            rows.retain(|row| {
                let goes = surplus > 0 && row.level < Level::Error;
                surplus -= usize::from(goes);
                !goes
            });
            rows.reverse();
        }
        let (mut rows, _) = self.surround(archive, sieve, rows, count)?;
        context::in_order(&mut rows);
        Ok(Found::Tail { rows, new, more: !reached && !ended, last })
    }
}

/// Where a growing capture comes to this time: the first page that may hold it.
fn by_arrival(archive: &Archive, ts: i64) -> Key {
    for file in &archive.files {
        for (page, span) in file.spans.iter().enumerate() {
            if span.is_empty() || span.to >= ts {
                return Key { ts: 0, file: file.number, page: page as u32, line: 0 };
            }
        }
    }
    Key { ts: 0, ..Key::LAST }
}

/// The place behind a share of the lines, as exact as pages tell.
fn at_share(archive: &Archive, percent: f64) -> Key {
    let mut pages: Vec<_> = archive
        .files
        .iter()
        .flat_map(|file| {
            (0..file.pages.len()).map(move |page| (file.spans[page], file.number, page, file.lines[page].max(1)))
        })
        .collect();
    if archive.order == Order::Time {
        pages.sort_by_key(|(span, file, page, _)| (span.from, *file, *page));
    }
    let total: u64 = pages.iter().map(|page| page.3).sum();
    let mut left = (total as f64 * percent.clamp(0.0, 100.0) / 100.0) as u64;
    for (span, file, page, lines) in pages {
        if left < lines {
            if archive.order == Order::Arrival {
                return Key { ts: 0, file, page: page as u32, line: left as u32 };
            }
            let share = left as f64 / lines as f64;
            return Key::at(span.from + ((span.to - span.from) as f64 * share) as i64);
        }
        left -= lines;
    }
    Key::LAST
}
