//! From masked messages to templates: which words are values after all. One
//! step over the distinct masked messages, whatever order they came in.
//!
//! Messages of the same build (words and separators in the same places) are
//! split by the place that has the fewest different words until only places
//! are left whose words vary like values do; then, upwards again, templates
//! that differ in one place only are joined if that place has enough
//! different words. A message begins with what it is about, so the first word
//! needs more; words in capitals name states and need more too.

use std::collections::{BTreeMap, BTreeSet};

use super::key::{END, SOFT, VALUE, WORD};

/// So many different words in one place of otherwise equal messages are values.
const MANY: usize = 5;
/// So many behind the word `user`: who it is about is a value.
const USERS: usize = 3;
/// The same for the first word and for words in capitals.
const VERY_MANY: usize = 16;
/// So many when other messages have a number or an id in that place.
const BESIDE_VALUES: usize = 1;
/// So many when several places vary at the same time.
const TOGETHER: usize = 6;

/// What stands for a value in a template.
pub const HOLE: &str = "<*>";

/// A masked message and which of its names were seen to change.
#[derive(Debug, Clone, Copy)]
pub struct Masked<'k> {
    /// As [`super::key::build`] made it.
    pub key: &'k [u8],
    /// Bit `n` is set if the `n`-th name had several spellings.
    pub varied: u8,
}

/// Names that never changed, by place.
type Names<'k> = Vec<(usize, &'k [u8])>;

/// A word in a place; `None` is a value.
type Word<'k> = Option<&'k [u8]>;

/// A message of a build: its words in order and who it is.
#[derive(Debug, Clone)]
struct Row<'k> {
    words: Vec<Word<'k>>,
    names: Names<'k>,
    members: Vec<usize>,
}

/// The template of each masked message, by position.
#[must_use]
pub fn templates(all: &[Masked<'_>]) -> Vec<String> {
    let mut builds: BTreeMap<Vec<u8>, Vec<Row<'_>>> = BTreeMap::new();
    for (at, masked) in all.iter().enumerate() {
        let (build, words, names) = parse(masked);
        builds.entry(build).or_default().push(Row { words, names, members: vec![at] });
    }
    let mut found = vec![String::new(); all.len()];
    for (build, mut rows) in builds {
        rows.sort_by(|a, b| a.words.cmp(&b.words));
        for row in joined(divide(rows)) {
            let template = render(&build, &row);
            for &member in &row.members {
                found[member].clone_from(&template);
            }
        }
    }
    found
}

/// The build of a masked message ([`WORD`] for each word), its words, its steady names.
fn parse<'k>(masked: &Masked<'k>) -> (Vec<u8>, Vec<Word<'k>>, Names<'k>) {
    let (mut build, mut words, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let mut key = masked.key;
    let mut seen = 0;
    while let Some((&first, rest)) = key.split_first() {
        key = rest;
        match first {
            WORD | SOFT => {
                let end = memchr::memchr(END, rest).unwrap_or(rest.len());
                if first == WORD {
                    words.push(Some(&rest[..end]));
                } else {
                    if masked.varied >> seen & 1 == 0 {
                        names.push((words.len(), &rest[..end]));
                    }
                    words.push(None);
                    seen += 1;
                }
                build.push(WORD);
                key = rest.get(end + 1..).unwrap_or_default();
            }
            VALUE => {
                words.push(None);
                build.push(WORD);
            }
            separator => build.push(separator),
        }
    }
    (build, words, names)
}

/// Words in one place.
struct Place<'k> {
    at: usize,
    words: BTreeSet<&'k [u8]>,
    values: usize,
    behind_user: bool,
}

impl Place<'_> {
    fn kinds(&self) -> usize {
        self.words.len() + usize::from(self.values > 0)
    }

    fn varies(&self, bound: usize) -> bool {
        let first = self.at == 0;
        let capitals = self.words.iter().all(|word| is_state(word));
        let bound = match (first || capitals, self.values > 0) {
            (true, _) => VERY_MANY,
            (false, true) => BESIDE_VALUES,
            _ if self.behind_user => USERS,
            (false, false) => bound,
        };
        self.words.len() >= bound
    }
}

/// True for words like `RUNNING`, `SETUP_DONE`.
fn is_state(word: &[u8]) -> bool {
    word.len() > 1 && word.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
}

/// Places where the rows differ, and the number of places where all have the same word.
fn places<'k>(rows: &[Row<'k>]) -> (Vec<Place<'k>>, usize) {
    let (mut open, mut anchors) = (Vec::new(), 0);
    let width = rows.first().map_or(0, |row| row.words.len());
    for at in 0..width {
        let behind_user = at > 0 && rows.iter().all(|row| row.words[at - 1] == Some(b"user"));
        let mut place = Place { at, words: BTreeSet::new(), values: 0, behind_user };
        for row in rows {
            match row.words[at] {
                Some(word) => drop(place.words.insert(word)),
                None => place.values += 1,
            }
        }
        match place.kinds() {
            1 => anchors += usize::from(place.values == 0),
            _ => open.push(place),
        }
    }
    (open, anchors)
}

/// Splits rows of one build until each part is one template.
fn divide(rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    if rows.len() < 2 {
        return rows;
    }
    let (open, anchors) = places(&rows);
    let Some(split) = open.iter().min_by_key(|place| (place.kinds(), place.at)) else {
        return vec![melt(rows)];
    };
    let bound = if open.len() == 1 { MANY } else { TOGETHER };
    if anchors >= open.len().max(1) && open.iter().all(|place| place.varies(bound)) {
        return vec![melt(rows)];
    }
    let at = split.at;
    let mut parts: BTreeMap<Word<'_>, Vec<Row<'_>>> = BTreeMap::new();
    for row in rows {
        parts.entry(row.words[at]).or_default().push(row);
    }
    parts.into_values().flat_map(divide).collect()
}

/// Joins rows that differ in one place whose words vary like values.
fn joined(mut rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    let width = rows.first().map_or(0, |row| row.words.len());
    loop {
        let before = rows.len();
        for at in 0..width {
            let mut alike: BTreeMap<Vec<Word<'_>>, Vec<Row<'_>>> = BTreeMap::new();
            for row in rows {
                let mut rest = row.words.clone();
                rest[at] = None;
                alike.entry(rest).or_default().push(row);
            }
            rows = alike
                .into_values()
                .flat_map(|group| {
                    let (open, anchors) = places(&group);
                    let [place] = &open[..] else { return group };
                    if anchors > 0 && place.varies(MANY) { vec![melt(group)] } else { group }
                })
                .collect();
        }
        if rows.len() == before {
            return rows;
        }
    }
}

/// One row out of many: words that differ become values.
fn melt(rows: Vec<Row<'_>>) -> Row<'_> {
    let mut rows = rows.into_iter();
    let Some(mut one) = rows.next() else { return Row { words: Vec::new(), names: Vec::new(), members: Vec::new() } };
    for row in rows {
        for (word, other) in one.words.iter_mut().zip(&row.words) {
            if word != other {
                *word = None;
            }
        }
        one.names.retain(|name| row.names.contains(name));
        one.members.extend(row.members);
    }
    one
}

fn render(build: &[u8], row: &Row<'_>) -> String {
    let mut out = Vec::new();
    let mut words = row.words.iter().enumerate();
    for &byte in build {
        if byte != WORD {
            out.push(byte);
            continue;
        }
        match words.next() {
            Some((_, Some(word))) => out.extend_from_slice(word),
            Some((at, None)) => match row.names.iter().find(|(place, _)| *place == at) {
                Some((_, name)) => out.extend_from_slice(name),
                None => out.extend_from_slice(HOLE.as_bytes()),
            },
            None => {}
        }
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
