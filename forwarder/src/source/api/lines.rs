//! The text of a log stream as lines with their time.
//!
//! With `timestamps=true` each line is a time in RFC 3339, one blank, the text, a newline. The text
//! may hold any byte. A line without a time is the kubelet's own and not the container's.

use jiff::Timestamp;

use super::cursor::{Begun, Cursor, Fate, Resume};
use super::lag::Lag;
use super::replay::{Replay, START};
use crate::intake::Piece;
use crate::source::pieces::{MAX_TEXT, Open};

/// Bytes that are enough for every time with nanoseconds and an offset.
const MAX_HEAD: usize = 64;
/// Most bytes that are kept of a line that is not the container's.
const MAX_FOREIGN: usize = 256;

/// What a stream holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// A line of the container, or a piece of one.
    Text { ns: i64, text: &'a [u8], piece: Piece },
    /// Lines are missing before the line at this time, which comes next.
    Hole { to: i64 },
    /// A line that the stream brought before.
    Again,
    /// A message of the kubelet.
    Foreign(String),
}

/// Splits a stream, from a cursor on.
#[derive(Debug)]
pub(super) struct Lines {
    resume: Resume,
    replay: Replay,
    /// For a stream that follows.
    lag: Option<Lag>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// In the time of a line or the beginning of its text.
    Head(Vec<u8>),
    /// In a line that is not the container's.
    Foreign(Vec<u8>),
    /// In the text of a line that was read before.
    Known,
    /// In the text of a line, behind so many bytes that were handed on before.
    Text(Open, u64),
}

impl Lines {
    pub(super) fn new(resume: Resume) -> Self {
        Self { resume, replay: Replay::default(), lag: None, state: State::Head(Vec::new()) }
    }

    /// The stream follows its container, and was asked for at this time: nanoseconds since 1970.
    pub(super) fn following(self, asked: i64) -> Self {
        Self { lag: Some(Lag::new(asked)), ..self }
    }

    /// What is pushed next has come at this time.
    pub(super) fn come(&mut self, now: i64) {
        if let Some(lag) = &mut self.lag {
            lag.now = now;
        }
    }

    /// Whether a file may have been passed over. What the stream brings from there on is not taken.
    pub(super) fn is_lost(&self) -> bool {
        self.lag.as_ref().is_some_and(|lag| lag.lost)
    }

    /// Takes bytes as they come, hands on what is new and moves the cursor behind it.
    pub(super) fn push(&mut self, bytes: &[u8], cursor: &mut Cursor, sink: &mut impl FnMut(Event<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let line = end.map_or(rest, |end| &rest[..end]);
            rest = end.map_or(&[], |end| &rest[end + 1..]);
            self.part(line, end.is_some(), cursor, sink);
        }
    }

    /// Whether the line at the cursor was there.
    pub(super) fn met_cursor(&self) -> bool {
        self.resume.met()
    }

    /// Hands on a message of the kubelet that ended the stream: it has no newline.
    pub(super) fn last_words(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if let State::Foreign(text) = &self.state {
            sink(foreign(text));
        }
    }

    /// Hands on what is left of a log to which nothing will be added.
    pub(super) fn finish(&mut self, cursor: &mut Cursor, sink: &mut impl FnMut(Event<'_>)) {
        match std::mem::replace(&mut self.state, State::Head(Vec::new())) {
            State::Text(mut open, 0) if open.before > 0 || !open.text.is_empty() => end(&mut open, cursor, sink),
            State::Head(head) if !head.is_empty() => self.part(&head, true, cursor, sink),
            State::Foreign(text) if !text.is_empty() => sink(foreign(&text)),
            _ => {}
        }
    }

    /// A part of a line, and whether it is the last one.
    fn part(&mut self, mut line: &[u8], ends: bool, cursor: &mut Cursor, sink: &mut impl FnMut(Event<'_>)) {
        if let State::Head(head) = &mut self.state {
            if head.is_empty() && (ends || line.len() >= MAX_HEAD + START) {
                let taken = self.begin(line, cursor, sink);
                line = &line[taken..];
            } else {
                // Byte by byte as many as the decision needs, so that it does not depend on how they come.
                while !line.is_empty() && missing(head) > 0 {
                    let (more, rest) = line.split_at(missing(head).min(line.len()));
                    head.extend_from_slice(more);
                    line = rest;
                }
                if missing(head) > 0 && !ends {
                    return;
                }
                let head = std::mem::take(head);
                let taken = self.begin(&head, cursor, sink);
                let is_all = ends && line.is_empty();
                self.rest(&head[taken..], is_all, cursor, sink);
                if is_all {
                    return;
                }
            }
        }
        self.rest(line, ends, cursor, sink);
    }

    /// Decides what becomes of a line by its beginning. How many bytes stand before its text.
    fn begin(&mut self, head: &[u8], cursor: &mut Cursor, sink: &mut impl FnMut(Event<'_>)) -> usize {
        let blank = blank(head);
        let Some((blank, ns)) = blank.and_then(|at| Some((at, time(&head[..at])?))) else {
            self.state = State::Foreign(Vec::new());
            return 0;
        };
        let text = &head[blank + 1..];
        self.state = State::Known;
        if self.replay.is_known(ns, &text[..text.len().min(START)]) {
            sink(Event::Again);
            return blank + 1;
        }
        if self.is_lost() {
            return blank + 1;
        }
        let (fate, hole) = self.resume.line(ns);
        if fate != Fate::Known && self.lag.as_mut().is_some_and(|lag| !lag.follows(ns)) {
            return blank + 1;
        }
        if hole {
            cursor.open = None;
            sink(Event::Hole { to: ns });
        }
        if let Fate::Read(Begun { pieces, bytes, .. }) = fate {
            self.state = State::Text(Open { ns, before: pieces, text: Vec::new() }, bytes);
        }
        blank + 1
    }

    /// A part of what a line holds, and whether it is the last one.
    fn rest(&mut self, mut line: &[u8], ends: bool, cursor: &mut Cursor, sink: &mut impl FnMut(Event<'_>)) {
        match &mut self.state {
            State::Head(_) | State::Known => {}
            State::Foreign(text) => {
                text.extend_from_slice(&line[..line.len().min(MAX_FOREIGN.saturating_sub(text.len()))]);
                if ends {
                    sink(foreign(text));
                }
            }
            State::Text(open, skip) => {
                let known = usize::try_from(*skip).unwrap_or(usize::MAX).min(line.len());
                *skip -= known as u64;
                line = &line[known..];
                if ends && open.text.is_empty() && line.len() <= MAX_TEXT {
                    let piece = Piece { before: open.before, more: false };
                    sink(Event::Text { ns: open.ns, text: line, piece });
                    cursor.line(open.ns);
                } else {
                    let ns = open.ns;
                    open.push(line, |text, piece| {
                        sink(Event::Text { ns, text, piece });
                        cursor.piece(ns, text.len());
                    });
                    if ends {
                        end(open, cursor, sink);
                    }
                }
            }
        }
        if ends {
            self.state = State::Head(Vec::new());
        }
    }
}

/// Where the blank behind a time is.
fn blank(head: &[u8]) -> Option<usize> {
    head.iter().take(MAX_HEAD).position(|byte| *byte == b' ')
}

/// How many more bytes of a line are needed before its fate can be decided.
fn missing(head: &[u8]) -> usize {
    match blank(head) {
        Some(at) if time(&head[..at]).is_some() => (at + 1 + START).saturating_sub(head.len()),
        Some(_) => 0,
        None if head.len() >= MAX_HEAD => 0,
        None => 1,
    }
}

fn end(open: &mut Open, cursor: &mut Cursor, sink: &mut impl FnMut(Event<'_>)) {
    let ns = open.ns;
    open.finish(|text, piece| sink(Event::Text { ns, text, piece }));
    cursor.line(ns);
}

fn foreign(text: &[u8]) -> Event<'static> {
    Event::Foreign(String::from_utf8_lossy(text).into_owned())
}

fn time(head: &[u8]) -> Option<i64> {
    let time: Timestamp = std::str::from_utf8(head).ok()?.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests;
