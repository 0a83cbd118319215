//! The text of a log stream as lines with their time.
//!
//! With `timestamps=true` each line is a time in RFC 3339, one blank, the text, a newline. The text
//! may hold any byte. A line without a time is the kubelet's own and not the container's.

use jiff::Timestamp;

use super::cursor::{Begun, Cursor, Fate, Resume};
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
    /// A message of the kubelet.
    Foreign(String),
}

/// Splits a stream, from a cursor on.
#[derive(Debug)]
pub(super) struct Lines {
    resume: Resume,
    state: State,
}

#[derive(Debug)]
enum State {
    /// In the time of a line.
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
        Self { resume, state: State::Head(Vec::new()) }
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
            State::Head(text) | State::Foreign(text) if !text.is_empty() => sink(foreign(&text)),
            _ => {}
        }
    }

    /// A part of a line, and whether it is the last one.
    fn part(&mut self, mut line: &[u8], ends: bool, cursor: &mut Cursor, sink: &mut impl FnMut(Event<'_>)) {
        if let State::Head(head) = &mut self.state {
            let blank = line.iter().position(|byte| *byte == b' ');
            let here = blank.unwrap_or(line.len());
            let taken = here.min(MAX_HEAD - head.len());
            head.extend_from_slice(&line[..taken]);
            if blank.is_none() && !ends && head.len() < MAX_HEAD {
                return;
            }
            let time = blank.filter(|_| taken == here).and_then(|_| time(head));
            line = &line[taken..];
            self.state = match time {
                None => State::Foreign(std::mem::take(head)),
                Some(ns) => {
                    line = &line[1..];
                    let (fate, hole) = self.resume.line(ns);
                    if hole {
                        cursor.open = None;
                        sink(Event::Hole { to: ns });
                    }
                    match fate {
                        Fate::Known => State::Known,
                        Fate::Read(Begun { pieces, bytes, .. }) => {
                            State::Text(Open { ns, before: pieces, text: Vec::new() }, bytes)
                        }
                    }
                }
            };
        }
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
