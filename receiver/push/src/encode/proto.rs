//! `PushRequest` in protobuf, plain and as the snappy block that Loki takes. The fields are listed
//! with the decoder.

use super::{Stream, label_text};
use crate::sequence::{FIELD, Mark, Sequence};

/// The request as a snappy block: post it as `application/x-protobuf`.
///
/// # Panics
/// When the request is 4 GiB or more, which a snappy block cannot hold.
#[must_use]
pub fn snappy(streams: &[Stream<'_>]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&protobuf(streams)).expect("a push request is smaller than 4 GiB")
}

/// The request without snappy.
#[must_use]
pub fn protobuf(streams: &[Stream<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut entries = Vec::new();
    for stream in streams {
        entries.clear();
        for line in stream.lines {
            push_line(line, &mut entries);
        }
        push_stream(&label_text(stream.labels), stream.sequence.as_ref(), &entries, &mut out);
    }
    out
}

/// Appends a stream message whose entries [`push_line`] wrote, for senders that encode while they read.
/// `labels` is what [`label_text`] gives.
pub fn push_stream(labels: &str, sequence: Option<&Sequence<'_>>, entries: &[u8], out: &mut Vec<u8>) {
    let sequence = sequence.map(numbers).unwrap_or_default();
    head(1, framed(labels.len()) + sequence.len() + entries.len(), out);
    bytes(1, labels.as_bytes(), out);
    out.extend_from_slice(&sequence);
    out.extend_from_slice(entries);
}

/// The field that numbers a stream's entries. It stands before them.
fn numbers(sequence: &Sequence<'_>) -> Vec<u8> {
    let mut inner = Vec::new();
    bytes(1, sequence.source.as_bytes(), &mut inner);
    number(2, sequence.first, &mut inner);
    if let Some(mark) = &sequence.mark {
        let mut told = Vec::new();
        match mark {
            Mark::Gap(gap) => {
                number(1, 1, &mut told);
                if let Some(lost) = gap.lost {
                    number(2, lost, &mut told);
                }
                bytes(3, gap.reason.as_bytes(), &mut told);
                number(4, gap.from.cast_unsigned(), &mut told);
                number(5, gap.to.cast_unsigned(), &mut told);
                if gap.numbers != 1 {
                    number(6, gap.numbers, &mut told);
                }
            }
            Mark::End => number(1, 2, &mut told),
        }
        bytes(3, &told, &mut inner);
    }
    let mut out = Vec::new();
    varint(u64::from(FIELD) << 3 | 2, &mut out);
    varint(inner.len() as u64, &mut out);
    out.extend_from_slice(&inner);
    out
}

fn number(field: u8, value: u64, out: &mut Vec<u8>) {
    out.push(field << 3);
    varint(value, out);
}

/// Appends the entry of one line.
pub fn push_line(line: &super::Line<'_>, out: &mut Vec<u8>) {
    head(2, entry_len(line), out);
    let (seconds, nanos) = split(line.ns);
    head(1, stamp_len(line.ns), out);
    if seconds != 0 {
        out.push(1 << 3);
        varint(seconds.cast_unsigned(), out);
    }
    if nanos != 0 {
        out.push(2 << 3);
        varint(nanos, out);
    }
    bytes(2, line.text.as_bytes(), out);
    for (name, value) in line.meta {
        head(3, framed(name.len()) + framed(value.len()), out);
        bytes(1, name.as_bytes(), out);
        bytes(2, value.as_bytes(), out);
    }
}

fn entry_len(line: &super::Line<'_>) -> usize {
    let pair = |(name, value): &(&str, &str)| framed(framed(name.len()) + framed(value.len()));
    let meta: usize = line.meta.iter().map(pair).sum();
    framed(stamp_len(line.ns)) + framed(line.text.len()) + meta
}

fn stamp_len(ns: i64) -> usize {
    let (seconds, nanos) = split(ns);
    let part = |value: u64| if value == 0 { 0 } else { 1 + varint_len(value) };
    part(seconds.cast_unsigned()) + part(nanos)
}

/// Seconds, rounded down, and the nanoseconds above them.
fn split(ns: i64) -> (i64, u64) {
    const SECOND: i64 = 1_000_000_000;
    (ns.div_euclid(SECOND), ns.rem_euclid(SECOND).cast_unsigned())
}

/// The size of a length-delimited field with a one-byte tag.
fn framed(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

fn head(number: u8, len: usize, out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    varint(len as u64, out);
}

fn bytes(number: u8, value: &[u8], out: &mut Vec<u8>) {
    head(number, value.len(), out);
    out.extend_from_slice(value);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
