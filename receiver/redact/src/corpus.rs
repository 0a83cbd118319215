//! Measures both ways to be wrong on labelled lines: values left in, and harmless text taken out.
//!
//! A labelled line is text in which every value that must go stands between `«` and `»`. A line without
//! them is a hard negative. Empty lines and lines starting with `#` are left out. The marks are taken
//! away before the text is redacted.

use std::ops::Range;

use crate::{Builtin, Redactor};

/// A line with the byte ranges of the values in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The text without marks.
    pub text: String,
    /// The values, from left to right.
    pub values: Vec<Range<usize>>,
}

/// Counts over labelled lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Values that had to go.
    pub positives: usize,
    /// Values of which at least one byte stayed.
    pub leaks: usize,
    /// Lines without a value.
    pub negatives: usize,
    /// Lines without a value in which something was taken out.
    pub over: usize,
    /// Lines with a value in which other text was taken out too.
    pub over_beside: usize,
    /// The lines behind the last three counts.
    pub wrong: Vec<String>,
}

impl Rates {
    /// Leaks per value, 0 to 1.
    pub fn leak_rate(&self) -> f64 {
        self.leaks as f64 / self.positives.max(1) as f64
    }

    /// Over-redactions per line without a value, 0 to 1.
    pub fn over_rate(&self) -> f64 {
        self.over as f64 / self.negatives.max(1) as f64
    }
}

/// Reads labelled lines.
///
/// # Errors
/// The first line whose marks do not pair up.
pub fn parse(corpus: &str) -> Result<Vec<Labelled>, String> {
    let lines = corpus.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| label(line).ok_or_else(|| format!("marks do not pair up: {line}"))).collect()
}

fn label(line: &str) -> Option<Labelled> {
    let mut text = String::new();
    let mut values = Vec::new();
    let mut rest = line;
    while let Some((before, tail)) = rest.split_once('«') {
        let (value, after) = tail.split_once('»')?;
        text.push_str(before);
        values.push(text.len()..text.len() + value.len());
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    (!text.contains(['«', '»'])).then_some(Labelled { text, values })
}

/// Counts what `redactor` does to `lines`. A value is safe when every byte of it is replaced; text is
/// spared when no byte outside the values is. With `rule`, only that rule's replacements count.
pub fn measure(redactor: &Redactor, lines: &[Labelled], rule: Option<Builtin>) -> Rates {
    let mut rates = Rates::default();
    for line in lines {
        let found: Vec<_> =
            redactor.spans(&line.text).into_iter().filter(|span| rule.is_none_or(|rule| rule == span.rule)).collect();
        let leaks = (line.values.iter())
            .filter(|value| !found.iter().any(|s| s.start <= value.start && value.end <= s.end))
            .count();
        let beside =
            found.iter().any(|s| !line.values.iter().any(|value| value.start <= s.start && s.end <= value.end));
        rates.positives += line.values.len();
        rates.leaks += leaks;
        if line.values.is_empty() {
            rates.negatives += 1;
            rates.over += usize::from(beside);
        } else {
            rates.over_beside += usize::from(beside);
        }
        if leaks > 0 || beside {
            rates.wrong.push(line.text.clone());
        }
    }
    rates
}
