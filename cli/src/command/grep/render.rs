//! How a found line is printed.

use logtap_capture::labels::LabelSet;
use logtap_capture::line::{self, RawLine};
use logtap_capture::time::Formatter;

use crate::output::push_visible;

/// Bytes of a time with milliseconds, `2026-01-15T10:32:01.123Z`; behind it
/// stands a blank, or `-` on context lines.
const TIME: usize = 24;

/// Renders lines; one per thread.
#[derive(Debug, Default)]
pub(crate) struct Renderer {
    formatter: Formatter,
    scratch: Vec<u8>,
}

impl Renderer {
    /// Appends a line for people.
    pub(crate) fn text(&mut self, out: &mut Vec<u8>, parts: &RawLine<'_>, labels: &LabelSet) {
        match parts.ts {
            Some(ts) => {
                out.extend_from_slice(&self.formatter.format(ts)[..TIME - 1]);
                out.push(b'Z');
            }
            None => out.extend_from_slice(&[b'?'; TIME]),
        }
        out.extend_from_slice(b" [");
        let pod = labels.get("pod").filter(|pod| *pod != &**labels.service());
        push_visible(out, labels.service());
        if let Some(pod) = pod {
            if !labels.service().is_empty() {
                out.push(b'/');
            }
            push_visible(out, pod);
        }
        out.extend_from_slice(b"] ");
        push_visible(out, &line::decode(&parts.message, &mut self.scratch));
        out.push(b'\n');
    }

    /// Appends a line for programs: as it is stored.
    pub(crate) fn json(out: &mut Vec<u8>, stored: &[u8]) {
        out.extend_from_slice(stored.trim_ascii());
        out.push(b'\n');
    }
}

/// Marks a rendered line as context.
pub(super) fn mark(text: &mut Vec<u8>, place: &'static str, json: bool) {
    if json {
        while text.last().is_some_and(|byte| byte.is_ascii_whitespace()) {
            text.pop();
        }
        text.pop();
        text.extend_from_slice(b",\"context\":\"");
        text.extend_from_slice(place.as_bytes());
        text.extend_from_slice(b"\"}\n");
    } else if let Some(mark) = text.get_mut(TIME) {
        *mark = b'-';
    }
}
