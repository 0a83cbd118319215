//! Requests of ours taken apart: into halves where they are too large, and with marks in place of
//! lines that will never be taken. Their numbers stay what they are.
//!
//! Each stream message has its labels first, then its numbers, then nothing but entries, as
//! [`push_stream`] writes it; bodies of another form are left alone.

use logtap_push::encode::{Line, push_line, push_stream};
use logtap_push::sequence::{Gap, Mark, Sequence};

use crate::intake::{PIECE, gap_text};

/// Number of the field that holds a stream's numbers.
const SEQUENCE: u64 = 4001;

/// One stream of a request.
#[derive(Debug, Clone, Copy)]
struct Stream<'a> {
    /// All of it, its own head included.
    raw: &'a [u8],
    labels: &'a str,
    source: &'a str,
    first: u64,
    is_mark: bool,
    entries: &'a [u8],
}

/// How many records a request has; `None` where it is none of ours.
pub(super) fn records(plain: &[u8]) -> Option<u64> {
    streams(plain)?.iter().map(|stream| Some(entries(stream.entries)?.len() as u64)).sum()
}

/// The first half of the records and the second; `None` where there is only one.
pub(super) fn halves(plain: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let streams = streams(plain)?;
    let all = records(plain)?;
    if all < 2 {
        return None;
    }
    let mut left = usize::try_from(all / 2).ok()?;
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for stream in streams {
        let entries = entries(stream.entries)?;
        let here = left.min(entries.len());
        left -= here;
        if here == entries.len() {
            one.extend_from_slice(stream.raw);
        } else if here == 0 {
            two.extend_from_slice(stream.raw);
        } else {
            let (before, after) = stream.entries.split_at(entries[..here].iter().map(|entry| entry.len()).sum());
            for (out, first, entries) in
                [(&mut one, stream.first, before), (&mut two, stream.first + here as u64, after)]
            {
                let sequence = Sequence { source: stream.source, first, mark: None };
                push_stream(stream.labels, Some(&sequence), entries, out);
            }
        }
    }
    Some((one, two))
}

/// What takes the place of a request that will never be taken: a gap for the lines of each source,
/// and the marks as they were. Also how many lines are lost.
pub(super) fn replaced(plain: &[u8], reason: &'static str) -> Option<(Vec<u8>, u64)> {
    let (mut out, mut open, mut all): (Vec<u8>, Vec<Lost<'_>>, u64) = (Vec::new(), Vec::new(), 0);
    for stream in streams(plain)? {
        let at = open.iter().position(|lost| lost.source == stream.source);
        if stream.is_mark {
            if let Some(at) = at {
                open.remove(at).write(reason, &mut out);
            }
            out.extend_from_slice(stream.raw);
            continue;
        }
        for (at_entry, entry) in entries(stream.entries)?.into_iter().enumerate() {
            let (ns, begins) = time(entry)?;
            let at = open.iter().position(|lost| lost.source == stream.source).unwrap_or_else(|| {
                let first = stream.first + at_entry as u64;
                let (labels, source) = (stream.labels, stream.source);
                open.push(Lost { labels, source, first, numbers: 0, lines: 0, from: ns, to: ns });
                open.len() - 1
            });
            let lost = &mut open[at];
            // A piece alone is a line that is not whole any more.
            let counts = u64::from(begins || lost.numbers == 0);
            lost.numbers += 1;
            lost.lines += counts;
            all += counts;
            lost.to = ns;
        }
    }
    open.into_iter().for_each(|lost| lost.write(reason, &mut out));
    Some((out, all))
}

/// Lines of one source that will be missing.
#[derive(Debug)]
pub(super) struct Lost<'a> {
    /// Labels of its lines, as text.
    pub(super) labels: &'a str,
    pub(super) source: &'a str,
    pub(super) first: u64,
    pub(super) numbers: u64,
    pub(super) lines: u64,
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Lost<'_> {
    fn write(self, reason: &'static str, out: &mut Vec<u8>) {
        let lines = self.lines;
        self.write_count(Some(lines), reason, out);
    }

    /// Appends the mark; `lost` is the count, where it is known.
    pub(super) fn write_count(self, lost: Option<u64>, reason: &'static str, out: &mut Vec<u8>) {
        let gap = Gap { lost, reason, from: self.from, to: self.to, numbers: self.numbers };
        let sequence = Sequence { source: self.source, first: self.first, mark: Some(Mark::Gap(gap)) };
        let mut entry = Vec::new();
        push_line(&Line { ns: self.to, text: &gap_text(lost, reason), meta: &[] }, &mut entry);
        let base = self.labels.trim_end_matches('}');
        let comma = if base == "{" { "" } else { ", " };
        push_stream(&format!("{base}{comma}logtap=\"gap\"}}"), Some(&sequence), &entry, out);
    }
}

fn streams(plain: &[u8]) -> Option<Vec<Stream<'_>>> {
    let (mut all, mut rest) = (Vec::new(), plain);
    while !rest.is_empty() {
        let (raw, stream) = bytes(&mut rest, 1)?;
        let mut inner = stream;
        let (_, labels) = bytes(&mut inner, 1)?;
        let (_, mut sequence) = bytes(&mut inner, SEQUENCE)?;
        let (_, source) = bytes(&mut sequence, 1)?;
        let first = (varint(&mut sequence)? == 2 << 3).then(|| varint(&mut sequence))??;
        all.push(Stream {
            raw,
            labels: std::str::from_utf8(labels).ok()?,
            source: std::str::from_utf8(source).ok()?,
            first,
            is_mark: !sequence.is_empty(),
            entries: inner,
        });
    }
    Some(all)
}

/// The entries, each with its head.
fn entries(mut rest: &[u8]) -> Option<Vec<&[u8]>> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        all.push(bytes(&mut rest, 2)?.0);
    }
    Some(all)
}

/// The time of an entry, and whether a line begins in it.
fn time(mut entry: &[u8]) -> Option<(i64, bool)> {
    let (_, mut inner) = bytes(&mut entry, 2)?;
    let (_, mut stamp) = bytes(&mut inner, 1)?;
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    while !stamp.is_empty() {
        match varint(&mut stamp)? >> 3 {
            1 => seconds = varint(&mut stamp)?.cast_signed(),
            _ => nanos = varint(&mut stamp)?.cast_signed(),
        }
    }
    bytes(&mut inner, 2)?;
    let mut begins = true;
    while !inner.is_empty() {
        let (_, mut pair) = bytes(&mut inner, 3)?;
        let (name, value) = (bytes(&mut pair, 1)?.1, bytes(&mut pair, 2)?.1);
        begins &= name != PIECE.as_bytes() || value == b"1+";
    }
    Some((seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?, begins))
}

/// The next field, which has to have this number and hold bytes: all of it, and what it holds.
fn bytes<'a>(rest: &mut &'a [u8], number: u64) -> Option<(&'a [u8], &'a [u8])> {
    let all = *rest;
    if varint(rest)? != number << 3 | 2 {
        return None;
    }
    let len = usize::try_from(varint(rest)?).ok()?;
    let (value, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some((&all[..all.len() - after.len()], value))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for at in 0..10 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << (7 * at);
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
