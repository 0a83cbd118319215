//! One file of settings: sections of keys, read with the line of each.

use std::fmt;
use std::path::{Path, PathBuf};

use logtap_view::keymap::{Keymap, KeymapError};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::key::{IDLE, KEYS, Key, nearest};
use crate::args;
use crate::error::CliError;

/// Most bytes of a file; nobody writes more by hand.
const MOST: u64 = 1 << 20;

/// The section with the keys of the view.
pub(super) const VIEW_KEYS: &str = "keys";

/// The keys of the view, with those that were chosen.
pub(super) fn keymap(keys: &[(String, String)]) -> Result<Keymap, KeymapError> {
    Keymap::new(keys.iter().map(|(name, keys)| (name.as_str(), keys.as_str())))
}

/// A setting and where it stands.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What is set.
    pub(crate) key: &'static Key,
    /// To what; more than one only where the flag takes several.
    pub(crate) values: Vec<String>,
    /// The file.
    pub(crate) path: PathBuf,
    /// Line in it, from 1.
    pub(crate) line: u64,
}

/// Something in a file that cannot be used.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The file.
    pub(crate) path: PathBuf,
    /// Line in it, from 1; 0 if there is none to name.
    pub(crate) line: u64,
    /// What is wrong, and what would be right.
    pub(crate) message: String,
}

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(super) entries: Vec<Entry>,
    /// Keys of the view by action, apart by blanks.
    pub(super) keys: Vec<(String, String)>,
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Vec<String>,
}

impl Entry {
    /// File and line.
    pub(super) fn place(&self) -> String {
        format!("{} line {}", self.path.display(), self.line)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.line > 0 {
            write!(f, " line {}", self.line)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl File {
    /// Reads it; `None` if there is none.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, CliError> {
        let data = match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CliError::at(path, &error)),
            Ok(data) => data,
        };
        if !data.is_file() || data.len() > MOST {
            return Err(CliError::usage(format!("{} is no file of settings", path.display())));
        }
        let text = std::fs::read_to_string(path).map_err(|error| CliError::at(path, &error))?;
        Ok(Some(Self::parse(path, &text)))
    }

    /// Reads a text.
    pub(super) fn parse(path: &Path, text: &str) -> Self {
        let mut file = Self::default();
        let sections = match serde_saphyr::from_str::<Option<Map<Option<Spanned<Node>>>>>(text) {
            Ok(sections) => sections.unwrap_or_default(),
            Err(error) => {
                let line = error.location().map_or(0, |location| location.line());
                let text = error.without_snippet().to_string();
                let text = text.lines().next().unwrap_or_default();
                // What follows is for programmers.
                let text = text.split(", set DuplicateKeyPolicy").next().unwrap_or_default();
                let message = format!("is no YAML of settings: {text}");
                file.problems.push(Problem { path: path.to_owned(), line, message });
                return file;
            }
        };
        let definition = args::definition(None);
        for (section, node) in sections.0 {
            let line = section.referenced.line();
            match node.map(|node| node.value) {
                None => {}
                Some(Node::Keys(keys)) if section.value == VIEW_KEYS => file.take_keys(path, line, keys),
                Some(Node::Keys(keys)) => {
                    for (name, value) in keys.0 {
                        let line = name.referenced.line();
                        file.take(path, line, &definition, &format!("{}.{}", section.value, name.value), value);
                    }
                }
                Some(Node::Value(_))
                    if section.value == VIEW_KEYS || KEYS.iter().any(|key| key.parts().0 == section.value) =>
                {
                    let message = format!("{} takes keys, one to a line, indented below it", section.value);
                    file.problems.push(Problem { path: path.to_owned(), line, message });
                }
                Some(Node::Value(_)) => file.unknown(path, line, &definition, &section.value),
            }
        }
        file
    }

    /// Takes the keys of the view, unless they cannot be chosen so.
    fn take_keys(&mut self, path: &Path, section: u64, keys: Map<Option<Node>>) {
        let mut lines = Vec::new();
        for (name, node) in keys.0 {
            let line = name.referenced.line();
            let text = match node {
                None => String::new(),
                Some(Node::Value(values)) => values.all.join(" "),
                Some(Node::Keys(_)) => {
                    let message =
                        format!("{VIEW_KEYS}.{}: takes keys of the keyboard, not further settings", name.value);
                    self.problems.push(Problem { path: path.to_owned(), line, message });
                    continue;
                }
            };
            lines.push(line);
            self.keys.push((name.value, text));
        }
        if let Err(error) = keymap(&self.keys) {
            let message = error.to_string();
            // The last entry that it speaks of: what stands before it was good.
            let speaks = |(name, keys): &(String, String)| {
                message.contains(name.as_str()) || keys.split(' ').any(|key| message.starts_with(&format!("{key:?}")))
            };
            let of = self.keys.iter().zip(&lines).rev().find(|(entry, _)| speaks(entry)).map(|(_, line)| *line);
            let is_bool = ["\"true\"", "\"false\""].iter().any(|word| message.starts_with(word));
            let quotes = if is_bool { "; y and n stand in quotes, or YAML takes them for yes and no" } else { "" };
            let message = format!("{VIEW_KEYS}: {message}{quotes}");
            self.problems.push(Problem { path: path.to_owned(), line: of.unwrap_or(section), message });
            self.keys.clear();
        }
    }

    fn take(&mut self, path: &Path, line: u64, definition: &clap::Command, name: &str, node: Option<Node>) {
        let mut wrong = |message: String| {
            self.problems.push(Problem { path: path.to_owned(), line, message: format!("{name}: {message}") })
        };
        if let Some((_, why)) = IDLE.iter().find(|(idle, _)| *idle == name) {
            self.notes.push(format!("{} line {line}: {name} {why}", path.display()));
            return;
        }
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            return self.unknown(path, line, definition, name);
        };
        let Some(flag) = super::flag(definition, key) else { return };
        let values = match node {
            None => return,
            Some(Node::Value(values)) if values.is_list && flag.get_value_delimiter().is_none() => {
                return wrong("takes one value, not a list".to_owned());
            }
            Some(Node::Value(values)) if values.is_list => values.all,
            Some(Node::Value(values)) => values.all.iter().flat_map(|value| key.split(flag, value)).collect(),
            Some(Node::Keys(_)) => return wrong("takes a value, not further keys".to_owned()),
        };
        // As an empty variable of 1.x: not set.
        if values.iter().all(String::is_empty) {
            return;
        }
        match key.check(flag, &values) {
            Ok(()) => self.entries.push(Entry { key, values, path: path.to_owned(), line }),
            Err(reason) => wrong(reason),
        }
    }

    fn unknown(&mut self, path: &Path, line: u64, definition: &clap::Command, name: &str) {
        let meant = nearest(definition, name).map(|key| format!("; {key} is one")).unwrap_or_default();
        self.problems.push(Problem {
            path: path.to_owned(),
            line,
            message: format!("there is no setting {name}{meant}"),
        });
    }
}

/// Keys and what belongs to them, in order.
#[derive(Debug)]
struct Map<V>(Vec<(Spanned<String>, V)>);

/// What can stand behind a key.
#[derive(Debug)]
enum Node {
    Value(Values),
    Keys(Map<Option<Node>>),
}

#[derive(Debug)]
struct Values {
    all: Vec<String>,
    is_list: bool,
}

impl<V> Default for Map<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Map<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Pairs<V> {
            type Value = Map<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sections such as recv: and tap:, each with its keys")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Map<V>, A::Error> {
                pairs(map)
            }
        }
        deserializer.deserialize_map(Pairs(std::marker::PhantomData))
    }
}

fn pairs<'de, V: Deserialize<'de>, A: MapAccess<'de>>(mut map: A) -> Result<Map<V>, A::Error> {
    let mut all = Vec::new();
    while let Some(pair) = map.next_entry()? {
        all.push(pair);
    }
    Ok(Map(all))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl Node {
    fn one(value: impl ToString) -> Self {
        Self::Value(Values { all: vec![value.to_string()], is_list: false })
    }
}

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list of values, or keys")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::one(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::one(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::one(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::one(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::one(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::one(""))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(node) = seq.next_element()? {
            match node {
                Node::Value(values) if !values.is_list => all.extend(values.all),
                _ => return Err(A::Error::custom("a list of values holds another list, or keys")),
            }
        }
        Ok(Node::Value(Values { all, is_list: true }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Node, A::Error> {
        pairs(map).map(Node::Keys)
    }
}
