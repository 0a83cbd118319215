//! Lines before and after matches, per stream, across pieces and files.

use std::collections::{HashMap, VecDeque};

use logtap_capture::labels::Labels;

use super::Around;

/// A line that is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its time.
    pub(super) ts: i64,
    /// Rendered.
    pub(super) text: Vec<u8>,
    /// `before` or `after` a match; `None` for a match.
    pub(super) place: Option<&'static str>,
}

/// Remembers of each stream the last lines and how many lines a match is still owed.
#[derive(Debug)]
pub(super) struct Context {
    around: Around,
    streams: HashMap<Labels, Stream>,
    /// Lines still owed, over all streams.
    owed: usize,
}

#[derive(Debug, Default)]
struct Stream {
    before: VecDeque<(i64, Vec<u8>)>,
    owed: usize,
}

impl Context {
    /// Nothing seen yet.
    pub(super) fn new(around: Around) -> Self {
        Self { around, streams: HashMap::new(), owed: 0 }
    }

    /// True if no line is owed to a match.
    pub(super) fn is_settled(&self) -> bool {
        self.owed == 0
    }

    /// Takes the next line and hands out what is to be printed because of it.
    pub(super) fn add(&mut self, labels: &Labels, ts: i64, text: &[u8], hit: bool, mut each: impl FnMut(Line)) {
        if !self.streams.contains_key(labels) {
            self.streams.insert(labels.clone(), Stream::default());
        }
        let Some(stream) = self.streams.get_mut(labels) else { return };
        if hit {
            for (ts, text) in stream.before.drain(..) {
                each(Line { ts, text, place: Some("before") });
            }
            each(Line { ts, text: text.to_vec(), place: None });
            self.owed += self.around.after - stream.owed;
            stream.owed = self.around.after;
        } else if stream.owed > 0 {
            stream.owed -= 1;
            self.owed -= 1;
            each(Line { ts, text: text.to_vec(), place: Some("after") });
        } else if self.around.before > 0 {
            if stream.before.len() == self.around.before {
                stream.before.pop_front();
            }
            stream.before.push_back((ts, text.to_vec()));
        }
    }
}
