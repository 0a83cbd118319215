//! All that the view knows and shows. Changed by `update` alone, drawn by `draw`.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtap_capture::query::Pattern;

use crate::archive::{Direction, Key};
use crate::difference::Baseline;
use crate::filter::{Filter, Sieve};
use crate::keymap::Keymap;
use crate::keys::Action;
use crate::loader::Anchor;
use crate::remembered::Place;
use crate::row::Row;
use crate::watcher::Moment;

pub mod time;

/// How the view was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Earliest and latest time, inclusive, nanoseconds.
    pub from: Option<i64>,
    /// Latest time.
    pub to: Option<i64>,
    /// Filters to begin with.
    pub filters: Vec<Filter>,
    /// Lines shown before and behind each that passes.
    pub context: u16,
    /// Search to begin with.
    pub search: Option<String>,
    /// Where to begin: time, lines behind its first.
    pub at: Option<(i64, u32)>,
    /// Row of the screen that the line stands in.
    pub row: u16,
    /// Plays at this speed from the start; `f64::INFINITY` as fast as it can be shown.
    pub speed: Option<f64>,
    /// Times are shown in UTC.
    pub utc: bool,
    /// Long lines are wrapped.
    pub wrap: bool,
    /// Columns that are out of sight on the left.
    pub sideways: u16,
    /// The detail of the line is open.
    pub detail: bool,
    /// The field that is chosen in it.
    pub field: usize,
    /// Times are shown since this one.
    pub delta: Option<i64>,
    /// What the histogram shows, if not everything.
    pub zoom: Option<(i64, i64)>,
    /// Lines of text instead of a screen.
    pub plain: bool,
    /// Lanes are shown.
    pub lanes: bool,
    /// The histogram is not shown.
    pub no_histogram: bool,
    /// The capture to compare with.
    pub baseline: Option<PathBuf>,
    /// Keys in force.
    pub keymap: Keymap,
    /// Lines pinned to begin with.
    pub pins: Vec<Place>,
    /// Marks to begin with.
    pub marks: BTreeMap<char, Place>,
    /// The view is the one that was left, which is said.
    pub restored: bool,
    /// Address the receiver listens on, where this view started it.
    pub listen: Option<String>,
    /// This view started the receiver.
    pub owner: bool,
}

/// What is typed at the foot of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What it is for.
    pub kind: PromptKind,
    /// Typed so far.
    pub text: String,
    /// The filter that it takes the place of.
    pub replaces: Option<usize>,
}

/// What a prompt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after the actions that open them")]
pub enum PromptKind {
    Search,
    Hide,
    Keep,
    Label,
    Time,
    Palette,
    Save,
}

/// What lies over the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// Help, scrolled so far.
    Help(u16),
    /// What differs from the baseline, with this one chosen.
    Changes(usize),
    /// The filter stack, with this one chosen.
    Filters(usize),
    /// Stop the receiver, or leave it?
    Leave,
}

/// A search and what is known of its hits.
#[derive(Debug, Clone)]
pub struct Search {
    /// As typed.
    pub text: String,
    /// Compiled.
    pub pattern: Pattern,
    /// Hits counted so far, and whether that is all.
    pub hits: u64,
    /// Every line has been looked at.
    pub done: bool,
    /// Places of the hits, as many as are kept, in order.
    pub places: Vec<Key>,
}

/// A search for a line that is under way.
#[derive(Debug, Clone)]
pub struct Seeking {
    /// Which way.
    pub direction: Direction,
    /// What the line must pass.
    pub sieve: Arc<Sieve>,
    /// In words.
    pub what: &'static str,
    /// Where to go if there is none, and what is said there.
    pub otherwise: Option<(Anchor, String)>,
}

/// A line that stays on the screen.
#[derive(Debug, Clone)]
pub struct Pin {
    /// Where it is; none while that is not known.
    pub place: Option<Place>,
    /// The line; none until it is read.
    pub row: Option<Row>,
}

/// A line that a letter leads to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// Where it is.
    pub anchor: Anchor,
    /// The same, for the next view; none for a line without a time.
    pub place: Option<Place>,
}

/// Replay in motion.
#[derive(Debug, Clone, Copy)]
pub struct Play {
    /// Time of the capture per time of the clock; infinite: a screen a frame.
    pub speed: f64,
    /// In motion since, at this time of the capture.
    pub since: Option<(Instant, i64)>,
}

/// The view.
#[derive(Debug, Clone)]
pub struct State {
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// The capture as known.
    pub moment: Moment,
    /// How the view was asked for.
    pub options: Options,
    /// Lines in memory, in order.
    pub rows: VecDeque<Row>,
    /// First line on the screen.
    pub top: usize,
    /// The line that keys act on.
    pub cursor: usize,
    /// Nothing before the first of `rows`, nothing behind the last.
    pub ends: (bool, bool),
    /// Where reading goes on at both ends of `rows`.
    pub resume: (Key, Key),
    /// Number of the last request, and whether it is open.
    pub request: u64,
    /// A request is open.
    pub waiting: bool,
    /// The place that it asks for, if it asks for one.
    pub pending: Option<Anchor>,
    /// The first lines have been read.
    pub ready: bool,
    /// New lines are shown as they come.
    pub follow: bool,
    /// Lines that came since the view stopped following; per second while it follows.
    pub new_lines: u64,
    /// There are more new lines than were counted.
    pub more_new: bool,
    /// What is shown of what came, while there is more than the screen can show.
    pub sampled: Option<(u64, u64)>,
    /// The newest line that was shown.
    pub newest: Key,
    /// Frozen by hand.
    pub frozen: bool,
    /// The filter stack, oldest first.
    pub filters: Vec<Filter>,
    /// The stack, compiled.
    pub sieve: Arc<Sieve>,
    /// Lines shown before and behind each that passes.
    pub context: u16,
    /// Lines that each filter matches, counted so far, and whether that is all.
    pub matched: (Vec<u64>, bool),
    /// Lines that pass, counted so far, and whether that is all; `None` without filters.
    pub passing: Option<(u64, bool)>,
    /// The search.
    pub search: Option<Search>,
    /// A line that is looked for.
    pub seeking: Option<Seeking>,
    /// What is typed.
    pub prompt: Option<Prompt>,
    /// What lies over the lines.
    pub overlay: Option<Overlay>,
    /// The detail of the line is open, with this field chosen.
    pub detail: Option<usize>,
    /// Marks.
    pub marks: BTreeMap<char, Mark>,
    /// Lines that stay above the others, oldest first.
    pub pins: Vec<Pin>,
    /// Where the selection begins that ends at the current line.
    pub selected: Option<Key>,
    /// The mouse is the view's.
    pub mouse: bool,
    /// Long lines are wrapped.
    pub wrap: bool,
    /// Columns out of sight on the left.
    pub sideways: u16,
    /// Times in UTC.
    pub utc: bool,
    /// Times are shown since this one.
    pub delta: Option<i64>,
    /// The histogram is shown.
    pub histogram: bool,
    /// What the histogram shows, if not everything.
    pub zoom: Option<(i64, i64)>,
    /// Lanes are shown.
    pub lanes: bool,
    /// Replay.
    pub play: Play,
    /// The capture to compare with, and what differs.
    pub baseline: Option<Baseline>,
    /// What is said at the foot of the screen.
    pub message: Option<String>,
    /// Typed keys that are not yet an action: a count, a first letter, a key that wants a letter.
    pub typed: String,
    /// Lines and bytes per second, from the metadata.
    pub rate: Rate,
    /// A key was pressed.
    pub touched: bool,
    /// The receiver is being stopped.
    pub stopping: bool,
    /// Where looking for a line goes on, forwards and backwards.
    pub(crate) resume_search: (Key, Key),
    /// The change of volume that the view stands at.
    pub(crate) changed: Option<i64>,
    /// Steps that lead behind the lines that have been read.
    pub(crate) owed: i64,
    /// Row of the screen that the next place looked up will stand in.
    pub(crate) anchor_row: usize,
    /// Sieves made so far.
    pub(crate) sieves: u64,
}

/// How fast the totals grow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rate {
    /// When the totals last changed, and what they were.
    pub last: Option<(Instant, u64, u64)>,
    /// Lines per second.
    pub lines: f64,
    /// Bytes per second.
    pub bytes: f64,
}

impl Mark {
    fn at(place: Place) -> Self {
        Self { anchor: Anchor::Time(place.ts, place.skip), place: Some(place) }
    }
}

/// Slowest redraw of a live view that nothing happens in.
pub const IDLE: Duration = Duration::from_secs(1);

impl State {
    /// The view as it is opened.
    #[must_use]
    pub fn new(moment: Moment, options: Options, size: (u16, u16)) -> Self {
        Self {
            size,
            rows: VecDeque::new(),
            top: 0,
            cursor: 0,
            ends: (false, false),
            resume: (Key::LAST, Key::FIRST),
            request: 0,
            waiting: false,
            pending: None,
            ready: false,
            follow: moment.live && options.at.is_none(),
            new_lines: 0,
            more_new: false,
            sampled: None,
            newest: Key::FIRST,
            frozen: false,
            filters: options.filters.clone(),
            sieve: Arc::default(),
            context: options.context,
            matched: (Vec::new(), false),
            passing: None,
            search: None,
            seeking: None,
            prompt: None,
            overlay: None,
            detail: options.detail.then_some(options.field),
            marks: options.marks.iter().map(|(letter, place)| (*letter, Mark::at(*place))).collect(),
            pins: options.pins.iter().map(|place| Pin { place: Some(*place), row: None }).collect(),
            selected: None,
            mouse: false,
            wrap: options.wrap,
            sideways: options.sideways,
            utc: options.utc,
            delta: options.delta,
            histogram: !options.no_histogram,
            zoom: options.zoom,
            lanes: options.lanes,
            play: Play { speed: options.speed.unwrap_or(1.0), since: None },
            baseline: options.baseline.clone().map(Baseline::new),
            message: options.restored.then(|| "the view as it was left; `open --fresh` begins anew".to_owned()),
            typed: String::new(),
            rate: Rate::default(),
            touched: false,
            stopping: false,
            resume_search: (Key::FIRST, Key::FIRST),
            changed: None,
            owed: 0,
            anchor_row: 0,
            sieves: 1,
            moment,
            options,
        }
    }

    /// A receiver writes to the capture.
    #[must_use]
    pub fn live(&self) -> bool {
        self.moment.live
    }

    /// The line that keys act on.
    #[must_use]
    pub fn current(&self) -> Option<&Row> {
        self.rows.get(self.cursor)
    }

    /// Where a fresh view begins.
    #[must_use]
    pub fn first_anchor(&self) -> Anchor {
        match self.options.at {
            Some((ts, skip)) => Anchor::Time(ts, skip),
            None if self.live() || !self.moment.complete && self.moment.archive.lines() == 0 => Anchor::End,
            None => Anchor::Start,
        }
    }

    /// The key of an action as hints name it; the palette leads to those that have none.
    #[must_use]
    pub fn key_name(&self, action: Action) -> &str {
        self.options.keymap.key_of(action).unwrap_or(":")
    }

    /// Rows of the screen for lines.
    #[must_use]
    pub fn height(&self) -> usize {
        usize::from(crate::draw::layout(self).pane.height).max(1)
    }
}
