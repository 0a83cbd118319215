//! Telephone numbers.
//!
//! **Matches** three spellings.
//! - International: `+`, a country code that does not start with 0, and 9 to 15 digits in all, or 8 to
//!   15 in groups separated by one space, dash, full stop or slash, with parentheses around one group
//!   allowed (`+44 (0)20 7946 0958`). Numbers of country code 1 have 11 digits. A space ends the
//!   number once it has ten digits, so that a number behind it is not taken along.
//! - Area code in parentheses: three digits, then 3 and 4 digits, together or separated; or two to five
//!   digits starting with 0, or two digits and a dash in what follows, for 9 to 11 digits in all.
//! - North American groups 3-3-4 with a dash or full stop in at least one place, optionally `1` and a
//!   separator in front. With spaces only, one of the words of [`PHONE_WORDS`] must stand within 32
//!   bytes before, or a quote on both sides: `200 512 1234` is what access logs are made of.
//!
//! An extension `x123` or ` ext. 123` (to five digits) belongs to the number.
//!
//! **Excludes** numbers glued to a letter, digit or underscore, and by a dash or full stop to more of an
//! identifier; offsets of time zones (`+1000 12345678`); decimal numbers with a sign; groups with
//! full stops after a word for versions; all runs of digits without any of the above.

use super::ip::versioned;
use crate::view::{View, is_word};

/// Words that announce a number written with spaces only, in small letters.
pub const PHONE_WORDS: [&str; 10] =
    ["phone", "tel", "mobile", "cell", "call", "fax", "sms", "contact", "msisdn", "number"];

/// The number that starts with the `+` or `(` at `at`, before which the rest of it may stand.
pub(crate) fn after_lead(view: &View<'_>, at: usize) -> Option<(usize, usize)> {
    if view.at(at) == b'+' {
        return international(view, at);
    }
    let end = parenthesised(view, at)?;
    let start = with_trunk(view, at);
    finish(view, start, end)
}

/// The number of groups 3-3-4 that starts at `at`.
pub(crate) fn grouped(view: &View<'_>, at: usize) -> Option<(usize, usize)> {
    let (first, second) = (view.at(at + 3), view.at(at + 7));
    let separator = |b| matches!(b, b' ' | b'-' | b'.');
    if !separator(first) || !separator(second) || view.at(at + 12).is_ascii_digit() {
        return None;
    }
    let start = with_trunk(view, at);
    let (start, end) = finish(view, start, at + 12)?;
    let told = match (first, second) {
        (b' ', b' ') => announced(view, start, end),
        (b'.', b'.') => !versioned(view, start),
        _ => true,
    };
    told.then_some((start, end))
}

fn international(view: &View<'_>, at: usize) -> Option<(usize, usize)> {
    if view.at(at + 1) == b'0' || is_word(view.left(at)) || view.left(at) == b'+' {
        return None;
    }
    let north_american = view.at(at + 1) == b'1';
    let (mut end, mut digits, mut groups, mut dots) = (at + 1, 0, 0, 0);
    let mut best = None;
    loop {
        let len = view.run(end, 16, |b| b.is_ascii_digit());
        if len == 0 || digits + len > 15 {
            break;
        }
        if groups == 0 && len == 4 && is_zone(view, end) {
            return None;
        }
        end += len;
        digits += len;
        groups += 1;
        let enough = match (north_american, groups) {
            (true, _) => digits == 11,
            (false, 1) => digits >= 9,
            (false, _) => digits >= 8 && !(dots == 1 && groups == 2),
        };
        if enough && view.number_may_end(end) {
            best = Some(end);
        }
        let (gap, spaced) = separator(view, end);
        if gap == 0 || (spaced && digits >= 10) {
            break;
        }
        dots += usize::from(view.at(end) == b'.');
        end += gap;
    }
    best.and_then(|end| finish(view, at, end))
}

/// Whether the four digits at `at` are the hours and minutes of an offset from universal time.
fn is_zone(view: &View<'_>, at: usize) -> bool {
    let minutes = [view.at(at + 2), view.at(at + 3)];
    view.at(at) == b'1' && view.at(at + 1) <= b'4' && matches!(&minutes, b"00" | b"30" | b"45")
}

/// Length of what separates two groups at `at`, 0 for nothing, and whether there is a space in it.
fn separator(view: &View<'_>, at: usize) -> (usize, bool) {
    let run = view.run(at, 3, |b| matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')'));
    let known: &[&[u8]] = &[b" ", b"-", b".", b"/", b" (", b"-(", b"(", b")", b") ", b")-"];
    let text = view.bytes.get(at..at + run).unwrap_or_default();
    if known.contains(&text) { (run, text.contains(&b' ')) } else { (0, false) }
}

fn parenthesised(view: &View<'_>, at: usize) -> Option<usize> {
    let area = view.run(at + 1, 6, |b| b.is_ascii_digit());
    let close = at + 1 + area;
    if view.at(close) != b')' {
        return None;
    }
    let mut end = close + 1;
    end += usize::from(matches!(view.at(end), b' ' | b'-' | b'.'));
    let mut groups = [0; 3];
    let mut dashes = 0;
    let (mut last, mut total) = (end, area);
    for group in &mut groups {
        *group = view.run(end, 10, |b| b.is_ascii_digit());
        if *group == 0 {
            break;
        }
        last = end + *group;
        total += *group;
        if total >= 10 || !matches!(view.at(last), b' ' | b'-' | b'.') {
            break;
        }
        dashes += usize::from(view.at(last) == b'-');
        end = last + 1;
    }
    if area == 3 && groups[0] == 7 {
        return Some(close + 1 + usize::from(!view.at(close + 1).is_ascii_digit()) + 7);
    }
    if area == 3 && groups[0] == 3 && groups[1] == 4 {
        let first = close + 1 + usize::from(!view.at(close + 1).is_ascii_digit());
        return Some(first + 8);
    }
    let trunk = (2..=5).contains(&area) && view.at(at + 1) == b'0';
    let dashed = area == 2 && dashes > 0 && groups[1] == 4;
    ((trunk || dashed) && (9..=11).contains(&total)).then_some(last)
}

/// `at`, or the place of a `1` and a separator before it.
fn with_trunk(view: &View<'_>, at: usize) -> usize {
    let one = matches!(view.before(at, 1), b' ' | b'-' | b'.') && view.before(at, 2) == b'1';
    if one && view.number_may_start(at - 2) { at - 2 } else { at }
}

/// The number with its extension, if it stands alone.
fn finish(view: &View<'_>, start: usize, end: usize) -> Option<(usize, usize)> {
    let extended = with_extension(view, end);
    let ends = extended > end || view.number_may_end(end);
    (view.number_may_start(start) && ends).then_some((start, extended))
}

fn with_extension(view: &View<'_>, end: usize) -> usize {
    let words: [&[u8]; 7] = [b"x", b" x", b" ext ", b" ext. ", b" ext", b"ext", b";ext="];
    words
        .iter()
        .filter(|word| view.has(end, word))
        .map(|word| (end + word.len(), view.run(end + word.len(), 6, |b| b.is_ascii_digit())))
        .find(|&(from, len)| {
            let after = from + len;
            let ends = view.number_may_end(after) || view.at(after) == b'-';
            (1..=5).contains(&len) && ends && view.at(after) != b'@'
        })
        .map_or(end, |(from, len)| from + len)
}

/// Whether something beside the number says that it is a telephone number.
fn announced(view: &View<'_>, start: usize, end: usize) -> bool {
    let quote = view.before(start, 1);
    if matches!(quote, b'"' | b'\'') && (view.at(end) == quote || view.has(end, b"\\\"")) {
        return true;
    }
    view.announced(start, &PHONE_WORDS)
}
