//! The view at work: threads that read, one loop that changes the state and
//! draws. An input is drawn at once, what the capture brings at most thirty
//! times a second, and nothing at all while nothing changes.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossterm::event::{Event as Input, KeyEventKind};
use logtap_capture::chunk::Span;
use logtap_capture::reader::{Capture, OpenError};
use logtap_capture::summary::Timeline;
use signal_hook::consts::{SIGHUP, SIGTSTP};

use crate::difference::{Change, Compare};
use crate::draw::theme::{Depth, Theme};
use crate::filter::{FilterError, Kind, Sieve};
use crate::loader::{Reply, Request};
use crate::remembered::Remembered;
use crate::save::{self, SaveError};
use crate::state::{Options, State};
use crate::tally::{Count, Job};
use crate::update::{Effect, Leave, remembered};
use crate::watcher::{Moment, Watcher};

mod baseline;
mod screen;
mod signals;
mod workers;

pub use screen::{Painter, Screen};
use workers::Workers;

/// Time between looks at a growing capture.
const LOOK: Duration = Duration::from_millis(200);
/// How long a view may take to end before it is left to itself.
const PATIENCE: Duration = Duration::from_secs(1);
/// Least time between frames that no input asked for.
const FRAME: Duration = Duration::from_millis(33);

/// Why there is no view.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The capture cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A filter cannot be used.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The terminal cannot be used.
    #[error("cannot use the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// A bug; what it said.
    #[error("the view failed: {0}")]
    Panic(String),
}

/// What reaches the loop.
#[derive(Debug)]
pub enum Event {
    /// A key, a paste, another size.
    Input(Input),
    /// The terminal is gone.
    InputEnded,
    /// The loader has answered.
    Loaded(Reply),
    /// The capture has changed.
    Moved(Moment),
    /// A count has come further.
    Counted(Count),
    /// Lines were written, or not.
    Saved(PathBuf, Result<u64, SaveError>),
    /// What is known of the baseline's volume.
    Baseline(Vec<Arc<Timeline>>, Span),
    /// The comparison with the baseline has ended.
    Compared(Result<Vec<Change>, String>),
    /// A signal.
    Signal(i32),
    /// There is no more reason to show anything.
    Over,
}

/// How a view ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As the person asked.
    Left(Leave),
    /// The terminal went away.
    HungUp,
    /// INT or TERM.
    Signalled(i32),
    /// Whoever started the view said so.
    Over,
}

/// Shows a capture on the terminal until it is left, or `over` says that there is no more reason to.
/// `compare` is the baseline that the options name, if they name one, and what tells how it differs; `keep` gets
/// what the next view of the capture may begin with.
/// A terminal that nobody reads keeps the view from drawing, not from ending.
///
/// # Errors
/// See [`ViewError`]. The terminal is restored in any case.
pub fn run(
    capture: Capture,
    options: Options,
    compare: Option<(Capture, Compare)>,
    over: impl FnMut() -> bool,
    keep: impl FnOnce(Remembered) + Send + 'static,
) -> Result<End, ViewError> {
    run_watched(capture, options, compare, over, keep, |_| ())
}

/// As [`run`], with someone who sees each state before it is drawn.
///
/// # Errors
/// As [`run`].
pub fn run_watched(
    capture: Capture,
    options: Options,
    compare: Option<(Capture, Compare)>,
    mut over: impl FnMut() -> bool,
    keep: impl FnOnce(Remembered) + Send + 'static,
    watch: impl FnMut(&State) + Send + 'static,
) -> Result<End, ViewError> {
    let mut watcher = Watcher::open(capture)?;
    let moment = watcher.moment();
    let mut state = State::new(moment, options, crossterm::terminal::size()?);
    let plain = state.options.plain;
    let first = state.begin()?;
    let theme = Theme { depth: Depth::from_environment(|name| std::env::var(name).ok()) };
    let (events, inbox) = mpsc::channel();
    let signalled = Arc::new(AtomicI32::new(0));
    let signals = signals::listen(events.clone(), signalled.clone())?;
    let workers = Workers::start(watcher, &events)?;
    let comparison =
        compare.map(|(baseline, compare)| baseline::start(baseline, compare, events.clone())).transpose()?;
    let screen = Screen::enter(theme, plain)?;
    signals::read_input(events.clone())?;
    let (done, outcome) = mpsc::channel();
    let hook = std::panic::take_hook();
    // What a panic says belongs behind the restored screen, not onto it.
    let said = Arc::new(Mutex::new(String::new()));
    let note = said.clone();
    std::panic::set_hook(Box::new(move |panic| {
        *note.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string().replace('\n', " ");
    }));
    let own = events.clone();
    std::thread::Builder::new().name("view".to_owned()).spawn(move || {
        let turned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut looped = Looped { state, screen, workers, comparison, events: own, inbox, job: 0, watch };
            let end = looped.turn(first);
            let Looped { state, screen, .. } = looped;
            drop(screen);
            if end.is_ok() {
                keep(remembered(&state));
            }
            end
        }));
        // Nobody waits any more for a view that was too late.
        drop(
            done.send(turned.unwrap_or_else(|_| {
                Err(ViewError::Panic(said.lock().unwrap_or_else(PoisonError::into_inner).clone()))
            })),
        );
    })?;
    let mut patience = None;
    let ended = loop {
        match outcome.recv_timeout(LOOK) {
            Ok(outcome) => break outcome,
            Err(RecvTimeoutError::Disconnected) => break Err(ViewError::Panic("its thread is gone".to_owned())),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let signal = signalled.load(Ordering::Acquire);
        if patience.is_none() && (signal != 0 || over()) {
            patience = Some(Instant::now());
            drop(events.send(Event::Over));
        }
        if patience.is_some_and(|since| since.elapsed() > PATIENCE) {
            screen::cook();
            break Ok(match signal {
                0 => End::Over,
                SIGHUP => End::HungUp,
                signal => End::Signalled(signal),
            });
        }
    };
    std::panic::set_hook(hook);
    signals.close();
    ended
}

struct Looped<W> {
    state: State,
    screen: Screen,
    workers: Workers,
    comparison: Option<Sender<()>>,
    events: Sender<Event>,
    inbox: Receiver<Event>,
    job: u64,
    watch: W,
}

impl<W: FnMut(&State)> Looped<W> {
    fn turn(&mut self, first: Vec<Effect>) -> Result<End, ViewError> {
        if let Some(end) = self.carry_out(first)? {
            return Ok(end);
        }
        let mut drawn = Instant::now();
        let mut dirty = true;
        // A key waits for its frame.
        let mut asked = false;
        loop {
            let wait = match () {
                () if dirty && self.state.ready => FRAME.saturating_sub(drawn.elapsed()),
                () if self.state.play.since.is_some() => FRAME,
                () if self.state.live() => crate::state::IDLE,
                () => Duration::from_secs(3600),
            };
            let mut urgent = false;
            match self.inbox.recv_timeout(wait) {
                Ok(event) => {
                    asked |= matches!(event, Event::Input(_));
                    urgent = matches!(event, Event::Loaded(_));
                    if let Some(end) = self.take(event)? {
                        return Ok(end);
                    }
                    // What has come meanwhile is drawn in the same frame.
                    while let Ok(event) = self.inbox.try_recv() {
                        asked |= matches!(event, Event::Input(_));
                        if let Some(end) = self.take(event)? {
                            return Ok(end);
                        }
                    }
                    dirty = true;
                }
                Err(RecvTimeoutError::Timeout) => {
                    dirty |= self.state.live();
                    if let Some(effects) = self.state.play_on(Instant::now()) {
                        dirty = true;
                        if let Some(end) = self.carry_out(effects)? {
                            return Ok(end);
                        }
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(End::HungUp),
            }
            let more = self.state.refill();
            if let Some(end) = self.carry_out(more.into_iter().collect())? {
                return Ok(end);
            }
            if dirty
                && (urgent || asked || drawn.elapsed() >= FRAME)
                && (self.state.ready || drawn.elapsed() > FRAME * 2)
            {
                (self.watch)(&self.state);
                self.screen.draw(&self.state, asked)?;
                (drawn, dirty, asked) = (Instant::now(), false, false);
            }
        }
    }

    fn take(&mut self, event: Event) -> Result<Option<End>, ViewError> {
        let effects = match event {
            Event::Input(Input::Key(key)) if key.kind != KeyEventKind::Release => self.state.key(&key),
            Event::Input(Input::Paste(text)) => {
                self.state.paste(&text);
                Vec::new()
            }
            Event::Input(Input::Resize(columns, rows)) => {
                self.state.resized(columns, rows);
                Vec::new()
            }
            Event::Input(Input::Mouse(mouse)) => self.state.mouse(&mouse),
            Event::Input(_) => Vec::new(),
            Event::InputEnded => return Ok(Some(End::HungUp)),
            Event::Loaded(reply) => self.state.answered(reply),
            Event::Moved(moment) => self.state.moved_on(moment, Instant::now()),
            Event::Counted(count) => {
                self.counted(count);
                Vec::new()
            }
            Event::Saved(to, outcome) => {
                self.state.saved(&to, outcome);
                Vec::new()
            }
            Event::Baseline(timeline, span) => {
                if let Some(baseline) = &mut self.state.baseline {
                    (baseline.timeline, baseline.span) = (timeline, span);
                }
                Vec::new()
            }
            Event::Compared(outcome) => {
                self.state.compared(outcome);
                Vec::new()
            }
            Event::Signal(signal) if signal == SIGHUP => return Ok(Some(End::HungUp)),
            Event::Signal(signal) if signal == SIGTSTP => vec![Effect::Suspend],
            Event::Signal(signal) => return Ok(Some(End::Signalled(signal))),
            Event::Over => return Ok(Some(End::Over)),
        };
        self.carry_out(effects)
    }

    fn counted(&mut self, count: Count) {
        if count.id != self.job {
            return;
        }
        if let Some(passing) = &mut self.state.passing {
            *passing = (count.passing, count.done);
        }
        self.state.matched = (count.each, count.each_done);
        if let Some(search) = &mut self.state.search {
            (search.hits, search.done) = (count.hits, count.done);
            search.places.extend(count.places);
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<Option<End>, ViewError> {
        for effect in effects {
            match effect {
                Effect::Ask(id, ask) => {
                    let (archive, sieve) = (self.state.moment.archive.clone(), self.state.sieve.clone());
                    // A loader that has died of a panic leaves the view as it is.
                    drop(self.workers.loader.send(Request { id, archive, sieve, ask }));
                }
                Effect::Count => self.count(),
                Effect::Save(to) => self.save(to)?,
                // Without anyone who compares, the list stays as it is.
                Effect::Compare => drop(self.comparison.as_ref().map(|ask| ask.send(()))),
                Effect::Copy(text) => self.screen.copy(&text)?,
                Effect::End(leave) => return Ok(Some(End::Left(leave))),
                Effect::Mouse(on) => self.screen.take_mouse(on)?,
                Effect::Suspend => {
                    self.screen.suspend()?;
                    let (columns, rows) = crossterm::terminal::size()?;
                    self.state.resized(columns, rows);
                }
                Effect::Redraw => self.screen.forget(),
            }
        }
        Ok(None)
    }

    /// On a thread of its own: a large capture takes a while.
    fn save(&self, to: PathBuf) -> io::Result<()> {
        let (moment, sieve) = (self.state.moment.clone(), self.state.sieve.clone());
        let events = self.events.clone();
        std::thread::Builder::new().name("save".to_owned()).spawn(move || {
            let outcome = save::save(&moment.archive, &sieve, moment.metadata.as_deref(), &to);
            // The view may have been left meanwhile.
            drop(events.send(Event::Saved(to, outcome)));
        })?;
        Ok(())
    }

    fn count(&mut self) {
        self.job += 1;
        self.workers.newest.store(self.job, Ordering::Release);
        let state = &mut self.state;
        state.matched = (Vec::new(), false);
        if let Some(search) = &mut state.search {
            (search.hits, search.done) = (0, false);
            search.places.clear();
        }
        if state.search.is_none() && state.filters.is_empty() {
            return;
        }
        let search = state.search.as_ref().map(|search| {
            let mut both = state.sieve.and(&search.pattern);
            both.id = u64::MAX - self.job;
            Arc::new(both)
        });
        let each = Sieve::of_each(u64::MAX / 2, &state.filters, state.options.from, state.options.to);
        let same = matches!(&state.filters[..], [one] if one.on && one.kind != Kind::Hide);
        let (archive, sieve) = (state.moment.archive.clone(), state.sieve.clone());
        let job = Job { id: self.job, archive, sieve, search, each, same };
        drop(self.workers.tally.send(job));
    }
}
