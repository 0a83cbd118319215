//! Follows one container through its lives.
//!
//! One round: open the present log from the cursor on; read what is left of the life before, if there
//! may be something; read the present log until its stream ends. In this order nothing can come
//! between the two: a line's time tells whether it was read, whichever life it is from.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::client::{LogStream, Query};
use super::cursor::Cursor;
use super::lines::{Event, Lines};
use super::pod::Life;
use super::{ApiError, Container, LAST_PAUSE, Pods};
use crate::http::HttpError;
use crate::intake::{Intake, Mark, Record};
use crate::report::Report;

/// Shortest and longest pause before a container is read again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));
/// Longest pause in an outage of the API server or the kubelet: what is put aside meanwhile is out of reach.
const OUTAGE: Duration = Duration::from_secs(2);
/// Longest pause before a container that does not run is looked at again.
const RESTING: Duration = Duration::from_secs(5);
/// How long the pause stays the shortest after the last line of a pod that may end: the kubelet tells of
/// an end after a second or two, and a Job may wait for us.
const SOON: Duration = Duration::from_secs(4);
/// How long a followed stream may be silent once it has to end. The container itself ended before.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// How long a stream may be silent before another takes its place, and how old it may become.
const IDLE: Duration = Duration::from_secs(60);
const LIFE: Duration = Duration::from_secs(3600);
/// How long reading may have to wait for room before the stream is not trusted any more: the kubelet's
/// own reader stands still as well then, and passes over a file that is put aside meanwhile. It looks
/// for files to put aside every 10 s.
const STALL: Duration = Duration::from_secs(5);
/// A line that was written so long before another stream took over should have come by the first one.
const LATE: Duration = Duration::from_secs(2);
/// How old what is known about the pod may be, where an end has to be understood.
const RECENT: Duration = Duration::from_millis(500);
/// How long a node that cannot watch its files is asked again and again instead, and how often.
const POLLING: (Duration, Duration) = (Duration::from_secs(600), Duration::from_millis(1500));
/// What such a node says, as text in the log.
const NO_WATCH: &str = "failed to create fsnotify watcher";

/// Follows one container.
pub(super) struct Follower {
    pods: Rc<Pods>,
    container: Container,
    intake: Rc<Intake>,
    stop: watch::Receiver<bool>,
    report: Rc<Report>,
    cursor: Cursor,
    /// Lines that are missing before the next one, and why.
    missing: Option<&'static str>,
    /// Whether there may be lines of the life before that were not read.
    unsure: bool,
    /// Whether the last stream ended by itself.
    clean: bool,
    /// The life that was read to its end after it was over.
    drained: Option<u64>,
    polling: Option<Instant>,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// By itself.
    Over,
    /// Another one has to take its place.
    Stale,
    /// Another one has to take its place, and show what is missing.
    Stalled,
    /// The process has to end.
    Stopped,
}

impl Follower {
    pub(super) fn new(
        pods: Rc<Pods>,
        container: Container,
        intake: Rc<Intake>,
        stop: watch::Receiver<bool>,
        report: Rc<Report>,
    ) -> Self {
        let cursor = Cursor::decode(&intake.position(&container.name));
        let unsure = cursor.at.is_some();
        let (missing, clean, drained, polling) = (None, false, None, None);
        Self { pods, container, intake, stop, report, cursor, missing, unsure, clean, drained, polling }
    }

    /// Reads until the container is over or the process has to end, and then to the end of the log.
    pub(super) async fn run(mut self) {
        let mut pause = PAUSE.0;
        let (mut read, mut may_end) = (Instant::now(), false);
        while !*self.stop.borrow() {
            let before = self.cursor.clone();
            let mut longest = RESTING;
            if self.may_have_more().await {
                match self.round().await {
                    Ok(()) => {}
                    Err(error) if error.is_absence() => {}
                    Err(error) => {
                        longest = if error.is_outage() { OUTAGE } else { PAUSE.1 };
                        self.complain(&error);
                    }
                }
            }
            if *self.stop.borrow() {
                break;
            }
            match self.pods.fresh(Duration::ZERO).await {
                Ok(pod) if pod.is_over(&self.container.name) => break,
                // Until it lives again there is nothing to read.
                Ok(pod) => {
                    may_end = pod.may_end();
                    let quiet = self.clean && self.cursor == before && self.polling.is_none();
                    let life = pod.life(&self.container.name).filter(|life| quiet && !life.runs);
                    // Another life may have come and gone meanwhile.
                    let read = life.map(|life| life.restarts).filter(|life| self.cursor.life == Some(*life));
                    self.drained = read.or(self.drained);
                }
                Err(error) => self.complain(&error),
            }
            if self.cursor != before {
                (pause, read) = (PAUSE.0, Instant::now());
            }
            if self.polling.is_some() {
                pause = POLLING.1;
            }
            self.rest(pause).await;
            let is_soon = may_end && self.clean && read.elapsed() < SOON;
            pause = if is_soon { PAUSE.0 } else { (pause * 2).min(longest) };
        }
        while let Err(error) = self.finish().await {
            if error.is_absence() {
                break;
            }
            self.complain(&error);
            self.rest(PAUSE.1).await;
        }
        self.say_end();
    }

    fn say_end(&self) {
        let name = &self.container.name;
        if let Some(last) = self.cursor.last().filter(|_| !self.intake.has_ended(name)) {
            self.intake.mark(name, Mark::End(last));
            self.intake.commit(name, self.cursor.encode());
        }
    }

    /// Whether the container lives, or has lived since it was read to its end.
    async fn may_have_more(&self) -> bool {
        let Some(drained) = self.drained else { return true };
        self.life(RECENT).await.is_none_or(|life| life.runs || life.restarts != drained)
    }

    async fn life(&self, age: Duration) -> Option<Life> {
        self.pods.fresh(age).await.ok()?.life(&self.container.name)
    }

    /// One stream, from its opening to its end.
    async fn round(&mut self) -> Result<(), ApiError> {
        self.polling = self.polling.filter(|since| since.elapsed() < POLLING.0);
        let follow = self.polling.is_none();
        let asked = now();
        let mut stream = self.open(follow, false).await?;
        let life = self.pods.fresh(Duration::ZERO).await?.life(&self.container.name);
        self.catch_up(life).await?;
        let mut lines = Lines::new(self.cursor.resume(true)).following(asked);
        self.unsure = true;
        self.clean = false;
        loop {
            match self.read(&mut stream, &mut lines).await? {
                End::Stale => {
                    // The new one is there before the old one goes, so that nothing is between them.
                    let asked = now();
                    let next = self.open(follow, false).await?;
                    let opened = Instant::now();
                    let vouched = now() - nanos_of(LATE);
                    while opened.elapsed() < LATE
                        && self.intake.has_room()
                        && let Ok(Ok(Some(bytes))) = timeout(LATE / 20, stream.next()).await
                    {
                        self.take(&mut lines, &bytes);
                    }
                    stream = next;
                    let resume = self.cursor.resume(true);
                    let resume = if lines.is_lost() { resume } else { resume.vouched(vouched) };
                    lines = Lines::new(resume).following(asked);
                }
                End::Stalled => {
                    let asked = now();
                    stream = self.open(follow, false).await?;
                    lines = Lines::new(self.cursor.resume(true)).following(asked);
                }
                End::Over => {
                    self.hand_over(|_, mut sink| lines.last_words(&mut sink));
                    self.clean = true;
                    return Ok(());
                }
                End::Stopped => {
                    self.unsure = false;
                    return Ok(());
                }
            }
        }
    }

    /// Reads what is left of the life before, where there may be something.
    async fn catch_up(&mut self, life: Option<Life>) -> Result<(), ApiError> {
        let Some(Life { restarts: now, waits, .. }) = life else { return Ok(()) };
        let known = self.cursor.life.unwrap_or(now);
        let is_read = self.drained == Some(known);
        if self.cursor.at.is_none() && self.cursor.life.is_none() {
            // A state that knows nothing: everything there is.
            self.cursor.enter(now.saturating_sub(1));
        } else if now > known + 1 {
            if now > known + 2 || waits || !self.clean {
                self.missing = Some("restarts");
            }
            self.cursor.enter(now - 1);
        } else {
            self.cursor.enter(known);
        }
        if now > known || self.unsure || self.cursor.life != Some(now) {
            match self.open(false, true).await {
                Ok(mut stream) => {
                    let is_begun = self.cursor.begun;
                    let mut lines = Lines::new(self.cursor.resume(!is_read));
                    while let Some(bytes) = stream.next().await? {
                        self.intake.room().await;
                        self.take(&mut lines, &bytes);
                    }
                    self.end(&mut lines);
                    if now == known && is_begun && lines.met_cursor() {
                        // What the pod shows is late: the life that was read is the one before already.
                        self.unsure = false;
                        self.cursor.enter(now + 1);
                        return Ok(());
                    }
                }
                Err(error) if error.is_absence() => {
                    if now > known && !(self.clean && now == known + 1) {
                        self.missing = Some("restarts");
                    }
                }
                Err(error) => return Err(error),
            }
        }
        self.unsure = false;
        self.cursor.enter(now);
        Ok(())
    }

    /// Reads until the stream ends, or has to.
    async fn read(&mut self, stream: &mut LogStream, lines: &mut Lines) -> Result<End, HttpError> {
        let began = Instant::now();
        let longest = LIFE.mul_f64(0.9 + fastrand::f64() / 5.0);
        let mut stalled = Duration::ZERO;
        loop {
            let stopping = *self.stop.borrow();
            if !stopping {
                let full = Instant::now();
                tokio::select! {
                    () = self.intake.room() => stalled += full.elapsed(),
                    _ = self.stop.changed() => continue,
                }
            }
            if stalled > STALL {
                return Ok(End::Stalled);
            }
            let patience = if stopping { LAST_WORDS } else { IDLE };
            let bytes = tokio::select! {
                bytes = timeout(patience, stream.next()) => bytes,
                _ = self.stop.changed(), if !stopping => continue,
            };
            match bytes {
                Ok(bytes) => match bytes? {
                    Some(bytes) => self.take(lines, &bytes),
                    None if lines.is_lost() => return Ok(End::Stalled),
                    None => return Ok(End::Over),
                },
                // What is not in this stream yet is in the reading to the end.
                Err(_) if stopping => return Ok(End::Stopped),
                Err(_) => return Ok(End::Stale),
            }
            if lines.is_lost() {
                return Ok(End::Stalled);
            }
            if began.elapsed() > longest {
                return Ok(End::Stale);
            }
        }
    }

    /// Reads the log to its present end, which is its last.
    async fn finish(&mut self) -> Result<(), ApiError> {
        let known = self.cursor.life.map(|restarts| Life { restarts, runs: false, waits: false });
        let life = self.life(RECENT).await.or(known);
        let mut stream = self.open(false, false).await?;
        self.catch_up(life).await?;
        let mut lines = Lines::new(self.cursor.resume(true));
        while let Some(bytes) = stream.next().await? {
            self.intake.room().await;
            self.take(&mut lines, &bytes);
        }
        self.end(&mut lines);
        Ok(())
    }

    async fn open(&self, follow: bool, previous: bool) -> Result<LogStream, ApiError> {
        let query = Query { since: self.cursor.since(), follow, previous };
        self.pods.api.log(&self.container.name, query).await
    }

    fn take(&mut self, lines: &mut Lines, bytes: &[u8]) {
        lines.come(now());
        self.hand_over(|cursor, mut sink| lines.push(bytes, cursor, &mut sink));
    }

    /// Nothing will be added to what was read.
    fn end(&mut self, lines: &mut Lines) {
        self.hand_over(|cursor, mut sink| lines.finish(cursor, &mut sink));
    }

    fn hand_over(&mut self, read: impl FnOnce(&mut Cursor, &mut dyn FnMut(Event<'_>))) {
        let (name, intake) = (&self.container.name, &self.intake);
        let last = self.cursor.last();
        let (missing, mut foreign, mut any) = (&mut self.missing, Vec::new(), false);
        read(&mut self.cursor, &mut |event| match event {
            Event::Hole { .. } => *missing = missing.or(Some("rotated")),
            Event::Text { ns, text, piece } => {
                any = true;
                if let Some(reason) = missing.take() {
                    // The cursor has moved within these bytes only where nothing was missing.
                    intake.mark(name, Mark::Gap { lost: None, reason, from: last.unwrap_or(ns), to: ns });
                }
                intake.line(name, Record { ns, text, std: None, piece });
            }
            Event::Again => intake.figures.again.add(1),
            Event::Foreign(text) => foreign.push(text),
        });
        if any {
            self.intake.commit(name, self.cursor.encode());
        }
        for text in foreign {
            if text.contains(NO_WATCH) {
                self.polling = Some(Instant::now());
            }
            self.report.seldom("foreign", &format!("container {name}: the log API says: {text}"));
        }
    }

    /// Waits about that long; hardly at all once there is an end to meet.
    async fn rest(&mut self, pause: Duration) {
        if *self.stop.borrow() {
            return sleep(LAST_PAUSE).await;
        }
        tokio::select! {
            () = sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)) => {}
            // An error means that nobody can stop us any more: the process ends.
            _ = self.stop.changed() => {}
        }
    }

    fn complain(&self, error: &ApiError) {
        self.report.seldom(error.kind(), &format!("container {}: {error}", self.container.name));
    }
}

/// Nanoseconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, nanos_of)
}

fn nanos_of(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
