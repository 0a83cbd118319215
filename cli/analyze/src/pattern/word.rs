//! What a word with digits or joints in it is: text, a name that may be a
//! value, a value, or text with a value behind it.

use super::token::{self, CLASS, DIGIT, INNER, LETTER, Sink, WORD};

/// Names with at most this many digits may be part of a pattern.
const SOFT_DIGITS: usize = 2;

const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// True for the name of a day before a month's, and of a month before a number.
pub(super) fn begins_date(word: &[u8], rest: &[u8]) -> bool {
    if !word[0].is_ascii_uppercase() {
        return false;
    }
    let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
    if MONTHS.contains(&word) {
        return rest.first().is_some_and(u8::is_ascii_digit);
    }
    DAYS.contains(&word)
        && (rest.first().is_some_and(u8::is_ascii_digit) || rest.get(..3).is_some_and(|next| MONTHS.contains(&next)))
}

/// End of a time of day, of a date with one, or of an address of groups of hex
/// digits (`00:1e:4f:…`) that begins with the word `start..end`.
#[inline]
pub(super) fn clock(text: &[u8], start: usize, end: usize, flags: u8) -> Option<usize> {
    if text.get(end) != Some(&b':') || flags & DIGIT == 0 || !text.get(end + 1)?.is_ascii_hexdigit() {
        return None;
    }
    let first = &text[start..end];
    if first.len() <= 4 && first.iter().all(u8::is_ascii_hexdigit) {
        let (mut at, mut groups) = (end, 1);
        while text.get(at) == Some(&b':') {
            let length = hex_digits(&text[at + 1..]);
            if length == 0 || length > 4 {
                break;
            }
            at += 1 + length;
            groups += 1;
        }
        let minutes =
            at == end + 3 && first.len() <= 2 && text[start..at].iter().all(|b| b.is_ascii_digit() || *b == b':');
        return (groups >= 3 || (groups == 2 && minutes)).then(|| fraction(text, at));
    }
    let [.., joint, ten, one] = first else { return None };
    let dated = matches!(joint, b'T' | b't' | b'_' | b'-' | b'/') && ten.is_ascii_digit() && one.is_ascii_digit();
    if !dated || !first[0].is_ascii_digit() {
        return None;
    }
    let mut at = end;
    while text.get(at) == Some(&b':') && hex_digits(&text[at + 1..]) == 2 {
        at += 3;
    }
    (at > end).then(|| fraction(text, at))
}

fn hex_digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count()
}

/// Passes over a fraction of a second and a zone.
fn fraction(text: &[u8], mut at: usize) -> usize {
    let digits = |at: usize| text[at.min(text.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if matches!(text.get(at), Some(b'.' | b',')) && digits(at + 1) > 0 {
        at += 1 + digits(at + 1);
    }
    match text.get(at) {
        Some(b'Z') => at + 1,
        Some(b'+' | b'-') if digits(at + 1) == 4 => at + 5,
        Some(b'+' | b'-') if digits(at + 1) == 2 && text.get(at + 3) == Some(&b':') => at + 4 + digits(at + 4),
        _ => at,
    }
}

/// Feeds the tokens of the word `start..end` to `sink`; where to go on.
#[inline]
pub(super) fn classify<S: Sink>(text: &[u8], start: usize, end: usize, flags: u8, sink: &mut S) -> usize {
    let word = &text[start..end];
    if flags == LETTER | DIGIT && word[0].is_ascii_digit() || flags == DIGIT {
        sink.value();
        return end;
    }
    if text.get(end) == Some(&b'=') && CLASS[word[0] as usize] == LETTER {
        sink.word(word);
        return end;
    }
    if flags & INNER != 0
        && text.get(end) == Some(&b':')
        && text.get(end + 1).is_some_and(u8::is_ascii_digit)
        && is_host(word)
    {
        sink.value();
        return end;
    }
    if flags & INNER == 0 {
        name(word, sink);
        return end;
    }
    if word[0] == b'/' && word.len() > 1 && CLASS[word[1] as usize] != INNER {
        sink.value();
        if text.get(end) == Some(&b'?') {
            return end + token::address(&text[end..]);
        }
        let tail = word.iter().rev().take_while(|byte| matches!(byte, b'.' | b'-')).count();
        word[word.len() - tail..].iter().for_each(|byte| sink.punct(*byte));
        return end;
    }
    joined(word, sink);
    end
}

/// True for the name of a host: at least three labels in lower case.
fn is_host(word: &[u8]) -> bool {
    let of_label = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    word.iter().all(of_label)
        && word.split(|byte| *byte == b'.').all(|label| !label.is_empty())
        && memchr::memchr_iter(b'.', word).count() > 1
}

/// Length of a unit of size behind a number, with the space between: ` KB`, ` MiB`.
#[inline]
pub(super) fn size_unit(rest: &[u8]) -> usize {
    let [b' ', b'K' | b'k' | b'M' | b'G' | b'T', tail @ ..] = rest else { return 0 };
    let length = if tail.starts_with(b"iB") { 4 } else { 3 };
    let whole = (tail.starts_with(b"B") || length == 4)
        && rest.get(length).is_none_or(|byte| CLASS[*byte as usize] & (LETTER | DIGIT) == 0);
    if whole { length } else { 0 }
}

/// A word of letters and digits only.
fn name<S: Sink>(word: &[u8], sink: &mut S) {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        sink.word(word);
    } else if digits <= SOFT_DIGITS && !word[0].is_ascii_digit() {
        sink.soft(word);
    } else {
        sink.value();
    }
}

/// A word with joints in it.
fn joined<S: Sink>(word: &[u8], sink: &mut S) {
    let inner = |byte: &u8| CLASS[*byte as usize] == INNER;
    let lead = word.iter().take_while(|byte| inner(byte)).count();
    let negative = lead == 1 && word[0] == b'-' && word.len() > 1 && word[1].is_ascii_digit();
    if !negative && lead > 0 {
        word[..lead].iter().for_each(|byte| sink.punct(*byte));
    }
    let word = if negative { word } else { &word[lead..] };
    let tail = word.iter().rev().take_while(|byte| inner(byte)).count();
    let (core, tail) = word.split_at(word.len() - tail);
    // A row of dots or dashes is a line drawn, not a joint.
    if let Some(at) = row(core, usize::from(negative)) {
        let length = core[at..].iter().take_while(|byte| inner(byte)).count();
        joined(&core[..at], sink);
        core[at..at + length].iter().for_each(|byte| sink.punct(*byte));
        joined(&core[at + length..], sink);
    } else if !core.is_empty() {
        core_of(core, sink);
    }
    tail.iter().for_each(|byte| sink.punct(*byte));
}

/// Where two joints follow each other, from a place on.
#[inline]
fn row(core: &[u8], from: usize) -> Option<usize> {
    let mut before = 0;
    for (at, byte) in core.iter().enumerate().skip(from) {
        let class = CLASS[*byte as usize];
        if before & class & INNER != 0 {
            return Some(at - 1);
        }
        before = class;
    }
    None
}

/// A word that begins and ends with a letter or digit, or with the sign of a number.
fn core_of<S: Sink>(word: &[u8], sink: &mut S) {
    if word[0].is_ascii_digit() && !word.contains(&b'/') {
        return sink.value();
    }
    let (mut slashes, mut back, mut has_digit) = (0, 0, false);
    for byte in word {
        slashes += usize::from(*byte == b'/');
        back += usize::from(*byte == b'\\');
        has_digit |= byte.is_ascii_digit();
    }
    if slashes > 2 || slashes > 1 && has_digit || back > 1 {
        sink.value();
    } else if !has_digit {
        sink.word(word);
    } else if let Some(at) = word.iter().position(|byte| *byte == b'/') {
        core_of(&word[..at], sink);
        sink.punct(b'/');
        core_of(&word[at + 1..], sink);
    } else if CLASS[word[0] as usize] != LETTER {
        sink.value();
    } else {
        prefixed(word, sink);
    }
}

/// A word that begins with a letter, has a digit and no slash.
fn prefixed<S: Sink>(word: &[u8], sink: &mut S) {
    let Some(joint) = word.iter().position(|byte| CLASS[*byte as usize] == INNER) else {
        return name(word, sink);
    };
    if let Some(prefix) = pod(word) {
        sink.word(&word[..prefix]);
        sink.punct(b'-');
        return sink.value();
    }
    let (head, rest) = (&word[..joint], &word[joint + 1..]);
    let numbered =
        |rest: &[u8]| rest.split(|byte| CLASS[*byte as usize] == INNER).all(|part| part.iter().any(u8::is_ascii_digit));
    let tail_is_number = if word[joint] == b'.' { rest[0].is_ascii_digit() } else { true };
    if head.len() > 1 && head.iter().all(u8::is_ascii_alphabetic) && tail_is_number && numbered(rest) {
        sink.word(head);
        sink.punct(word[joint]);
        return if rest.iter().any(|byte| CLASS[*byte as usize] & WORD == INNER)
            || rest[0].is_ascii_digit() && rest.len() > SOFT_DIGITS
        {
            sink.value();
        } else {
            name_or_number(rest, sink);
        };
    }
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits <= SOFT_DIGITS && !rest[0].is_ascii_digit() { sink.soft(word) } else { sink.value() }
}

fn name_or_number<S: Sink>(word: &[u8], sink: &mut S) {
    if word.iter().filter(|byte| byte.is_ascii_digit()).count() <= SOFT_DIGITS { sink.soft(word) } else { sink.value() }
}

/// Length of a workload's name in the name of one of its pods
/// (`api-7d9c5b8f4-x2x9z`, `api-x2x9z` is left alone).
fn pod(word: &[u8]) -> Option<usize> {
    let of_hash = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    let end = word.len().checked_sub(6).filter(|at| word[*at] == b'-' && word[at + 1..].iter().all(of_hash))?;
    let start = memchr::memrchr(b'-', &word[..end])?;
    let hash = &word[start + 1..end];
    let hashed = (6..=10).contains(&hash.len()) && hash.iter().all(of_hash) && hash.iter().any(u8::is_ascii_digit);
    (hashed && start > 1).then_some(start)
}
