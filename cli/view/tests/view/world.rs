//! Captures to look at, and a view whose loader answers at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use logtap_capture::audit::Event;
use logtap_capture::chunk::ChunkBuilder;
use logtap_capture::disk::RealDisk;
use logtap_capture::labels::LabelSet;
use logtap_capture::reader::Capture;
use logtap_capture::session::{Fsync, Options as Disk, Session, Tally};
use logtap_view::draw;
use logtap_view::draw::theme::{Depth, Theme};
use logtap_view::filter::{Kind, Sieve};
use logtap_view::loader::{Loader, Request};
use logtap_view::state::{Options, State};
use logtap_view::tally::{self, Job};
use logtap_view::update::Effect;
use logtap_view::watcher::Watcher;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

/// 2026-01-15T10:32:00Z
pub(crate) const START: i64 = 1_768_473_120_000_000_000;
/// In place of a service: the line is the mark of a gap.
pub(crate) const GAP: usize = usize::MAX;
const SERVICES: [&str; 4] = ["api", "cart", "payment", "search"];

/// Message number `n` of the usual capture: an error every 97 lines, a warning every 31.
pub(crate) fn message(n: u64) -> String {
    match n {
        n if n.is_multiple_of(97) => format!("level=error msg=\"ledger is broken\" page={n}"),
        n if n.is_multiple_of(31) => format!("{{\"level\":\"warn\",\"msg\":\"slow answer\",\"ms\":{n}}}"),
        n => format!("level=info msg=\"request completed\" status=200 n={n}"),
    }
}

/// Writes lines `(time, service, message)` in small files.
pub(crate) fn write(dir: &Path, lines: impl Iterator<Item = (i64, usize, String)>, max_file: u64) {
    let options = Disk { max_file, fsync: Fsync::Never, background: false, ..Disk::default() };
    let (session, mut writer, _) = Session::open(dir, options, Arc::new(RealDisk)).unwrap();
    let sets = SERVICES.map(|app| {
        let pairs = [("app", app), ("pod", "p-0")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        Arc::new(LabelSet::new(pairs))
    });
    let gap = Arc::new(LabelSet::new([("logtap".to_owned(), "gap".to_owned())]));
    let lines: Vec<_> = lines.collect();
    for part in lines.chunks(500) {
        let mut builder = ChunkBuilder::default();
        for (ts, service, text) in part {
            let set = if *service == GAP { &gap } else { &sets[service % 4] };
            builder.push(set, *ts, *ts, text, &[("trace", "t1"); 1]);
        }
        writer.append(&[&builder.finish()]).unwrap();
    }
    session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
}

/// The usual capture of `count` lines, ten a second, every third two seconds late in its file.
pub(crate) fn usual(count: u64) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let ts = |n: u64| START + n as i64 * 100_000_000 - if n.is_multiple_of(3) { 2_050_000_000 } else { 0 };
    write(&dir, (0..count).map(|n| (ts(n), n as usize, message(n))), 5_000);
    (folder, dir)
}

/// A view that is driven by hand.
pub(crate) struct Driver {
    pub(crate) state: State,
    pub(crate) loader: Loader,
    pub(crate) effects: Vec<Effect>,
}

impl Driver {
    pub(crate) fn open(dir: &Path, options: Options, size: (u16, u16)) -> Self {
        let mut watcher = Watcher::open(Capture::open(dir).unwrap()).unwrap();
        while watcher.count().unwrap() {}
        let options = Options { utc: true, ..options };
        let mut state = State::new(watcher.moment(), options, size);
        let first = state.begin().unwrap();
        let mut driver = Self { state, loader: Loader::default(), effects: Vec::new() };
        driver.settle(first);
        driver
    }

    /// Carries out effects until nothing is left to do.
    pub(crate) fn settle(&mut self, mut effects: Vec<Effect>) {
        loop {
            effects.extend(self.state.refill());
            if effects.is_empty() {
                return;
            }
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Ask(id, ask) => {
                        let (archive, sieve) = (self.state.moment.archive.clone(), self.state.sieve.clone());
                        let reply = self.loader.answer(&Request { id, archive, sieve, ask });
                        effects.extend(self.state.answered(reply));
                    }
                    other => self.effects.push(other),
                }
            }
        }
    }

    /// Types keys: characters, or names such as `<Esc>`.
    pub(crate) fn keys(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let (event, next) = match named.and_then(|(name, next)| Some((special(name)?, next))) {
                Some(found) => found,
                None => (KeyEvent::new(KeyCode::Char(first), KeyModifiers::NONE), &rest[first.len_utf8()..]),
            };
            rest = next;
            let effects = self.state.key(&event);
            self.settle(effects);
        }
    }

    /// What the screen shows.
    pub(crate) fn buffer(&self, depth: Depth) -> Buffer {
        let (width, height) = self.state.size;
        let mut buffer = Buffer::empty(Rect { x: 0, y: 0, width, height });
        draw::draw(&self.state, &Theme { depth }, &mut buffer);
        buffer
    }

    /// Its text, row by row.
    pub(crate) fn text(&self) -> String {
        rows(&self.buffer(Depth::Sixteen))
    }

    /// Counts to the end what passes and what is hit, and what each filter matches, which the view is told.
    pub(crate) fn count(&mut self) -> (u64, u64) {
        let (send, jobs) = mpsc::channel();
        let state = &self.state;
        let search = state.search.as_ref().map(|search| Arc::new(state.sieve.and(&search.pattern).numbered(9_999)));
        let same = matches!(&state.filters[..], [one] if one.on && one.kind != Kind::Hide);
        let each = Sieve::of_each(u64::MAX / 2, &state.filters, state.options.from, state.options.to);
        let job = Job { id: 1, archive: state.moment.archive.clone(), sieve: state.sieve.clone(), search, each, same };
        send.send(job).unwrap();
        drop(send);
        let last = std::cell::Cell::new((0, 0));
        let matched = std::cell::RefCell::new((Vec::new(), false));
        tally::serve(&jobs, &AtomicU64::new(1), |count| {
            last.set((count.passing, count.hits));
            matched.replace((count.each, count.each_done));
            true
        });
        self.state.matched = matched.into_inner();
        last.get()
    }
}

pub(crate) fn special(name: &str) -> Option<KeyEvent> {
    let plain = |code| Some(KeyEvent::new(code, KeyModifiers::NONE));
    let shift = |code| Some(KeyEvent::new(code, KeyModifiers::SHIFT));
    match name {
        "F2" => plain(KeyCode::F(2)),
        "Esc" => plain(KeyCode::Esc),
        "Enter" => plain(KeyCode::Enter),
        "Tab" => plain(KeyCode::Tab),
        "Space" => plain(KeyCode::Char(' ')),
        "Down" => plain(KeyCode::Down),
        "Up" => plain(KeyCode::Up),
        "Left" => plain(KeyCode::Left),
        "Right" => plain(KeyCode::Right),
        "Shift-Left" => shift(KeyCode::Left),
        "Shift-Right" => shift(KeyCode::Right),
        "PageDown" => plain(KeyCode::PageDown),
        "PageUp" => plain(KeyCode::PageUp),
        "Home" => plain(KeyCode::Home),
        "End" => plain(KeyCode::End),
        _ => {
            let letter = name.strip_prefix("Ctrl-")?.chars().next()?;
            Some(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
        }
    }
}

pub(crate) fn rows(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            x += (unicode_width::UnicodeWidthStr::width(symbol) as u16).max(1);
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}
