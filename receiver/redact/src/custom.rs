//! Runs the patterns of the user: compiled, and skipped when a text cannot match.
//!
//! Running every expression over every line costs more than all built-in rules together. So each is
//! gated by literals of which a match must contain one (see [`gate`]); one automaton looks for the
//! literals of all patterns at once, in any case, and only the patterns it finds are run.

mod gate;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::HashSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;

use crate::{CustomPattern, RedactError, rules::card};
use gate::literals;

/// The patterns of a configuration, ready to run.
pub(crate) struct CustomRules {
    rules: Vec<Rule>,
    /// Finds the gates; `None` when no pattern has one.
    gates: Option<AhoCorasick>,
    /// The rule of each literal of `gates`.
    owners: Vec<usize>,
    /// Rules without a gate, which always run.
    always: Vec<bool>,
}

struct Rule {
    regex: Regex,
    replacement: String,
    luhn: bool,
}

impl CustomRules {
    pub(crate) fn new(patterns: &[CustomPattern]) -> Result<Self, RedactError> {
        check_names(patterns)?;
        let mut rules = Vec::with_capacity(patterns.len());
        let (mut needles, mut owners, mut always) = (Vec::new(), Vec::new(), Vec::new());
        for pattern in patterns {
            let (regex, gate) = compile(pattern)?;
            always.push(gate.is_none());
            for literal in gate.unwrap_or_default() {
                needles.push(literal);
                owners.push(rules.len());
            }
            rules.push(Rule { regex, replacement: pattern.replacement.clone(), luhn: pattern.name == "credit_card" });
        }
        let gates = if needles.is_empty() {
            None
        } else {
            // The fastest automaton, unless literals are so many that it would be large.
            let total: usize = needles.iter().map(String::len).sum();
            let kind = (total < 4096).then_some(AhoCorasickKind::DFA);
            AhoCorasick::builder().ascii_case_insensitive(true).kind(kind).build(&needles).ok()
        };
        if gates.is_none() {
            always.fill(true);
        }
        Ok(CustomRules { rules, gates, owners, always })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Applies the rules in order to `out` when `changed`, else to `text`, and leaves the result in
    /// `out`. Returns whether `out` holds a changed text.
    pub(crate) fn apply(&self, text: &str, changed: bool, out: &mut String, hits: &mut [u64]) -> bool {
        let mut changed = changed;
        let mut open = None;
        for (i, rule) in self.rules.iter().enumerate() {
            let current = if changed { out.as_str() } else { text };
            if !self.always[i] {
                // What an earlier rule wrote may open a gate, so `open` is made anew after a change.
                let open = open.get_or_insert_with(|| self.open_gates(current));
                if !open.contains(i) {
                    continue;
                }
            }
            let (replaced, count) = rule.replace(current);
            if let Cow::Owned(replaced) = replaced {
                *out = replaced;
                changed = true;
                open = None;
                if let Some(hits) = hits.get_mut(i) {
                    *hits += count;
                }
            }
        }
        changed
    }

    fn open_gates(&self, text: &str) -> Open {
        let mut open = Open::default();
        let Some(gates) = &self.gates else {
            return open;
        };
        for found in gates.find_overlapping_iter(text) {
            open.insert(self.owners[found.pattern().as_usize()]);
        }
        open
    }
}

impl Rule {
    /// The text with every match replaced, and how many there were; borrowed when there was none.
    fn replace<'t>(&self, text: &'t str) -> (Cow<'t, str>, u64) {
        let mut out = String::new();
        let (mut copied, mut count) = (0, 0);
        if !self.regex.is_match(text) {
            return (Cow::Borrowed(text), 0);
        }
        for groups in self.regex.captures_iter(text) {
            let whole = groups.get_match();
            if self.luhn && !card::is_luhn(whole.as_str()) {
                continue;
            }
            out.push_str(&text[copied..whole.start()]);
            groups.expand(&self.replacement, &mut out);
            copied = whole.end();
            count += 1;
        }
        if count == 0 {
            return (Cow::Borrowed(text), 0);
        }
        out.push_str(&text[copied..]);
        (Cow::Owned(out), count)
    }
}

/// A set of rules by number. Numbers from 256 on are always in it.
#[derive(Default)]
struct Open([u64; 4]);

impl Open {
    fn insert(&mut self, rule: usize) {
        if let Some(word) = self.0.get_mut(rule / 64) {
            *word |= 1 << (rule % 64);
        }
    }

    fn contains(&self, rule: usize) -> bool {
        self.0.get(rule / 64).is_none_or(|word| word >> (rule % 64) & 1 == 1)
    }
}

/// Compiles `pattern`; the second part is its gate, if it has one.
pub(crate) fn compile(pattern: &CustomPattern) -> Result<(Regex, Option<Vec<String>>), RedactError> {
    let entry = || format!("{:?}", pattern.name);
    let bad = |reason: String| RedactError::BadRegex { entry: entry(), reason };
    let hir = regex_syntax::parse(&pattern.pattern).map_err(|error| bad(error.to_string()))?;
    if hir.properties().minimum_len() == Some(0) {
        return Err(RedactError::MatchesEmpty { entry: entry() });
    }
    let regex = Regex::new(&pattern.pattern).map_err(|error| bad(error.to_string()))?;
    Ok((regex, literals(&hir)))
}

/// Refuses a name that two patterns share.
pub(crate) fn check_names(patterns: &[CustomPattern]) -> Result<(), RedactError> {
    let mut seen = HashSet::new();
    match patterns.iter().find(|pattern| !seen.insert(&pattern.name)) {
        Some(twice) => Err(RedactError::DuplicateName { name: twice.name.clone() }),
        None => Ok(()),
    }
}
