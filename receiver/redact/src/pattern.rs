//! The file of patterns of the user's own: a YAML list of `name`, `pattern`, `replacement`.
//!
//! Files of logtap 1 work as they are. Anything doubtful is an error, never a pattern left out: a
//! pattern that silently does nothing puts secrets on disk.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};

use crate::{RedactError, custom};

/// A pattern of the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomPattern {
    /// Name, for counts and messages. The matches of one named `credit_card` must also pass Luhn.
    pub name: String,
    /// Regular expression in the syntax of the `regex` crate, which reads that of Go's `regexp` except
    /// `\Q…\E` and `\C`. Classes such as `\d` and `\b` know all of Unicode, not only ASCII.
    pub pattern: String,
    /// What replaces a match: `$1` and `${name}` stand for groups, `$$` for a dollar sign.
    pub replacement: String,
}

type Entry = BTreeMap<String, String>;

/// A list of entries, at the top or under the key `patterns`.
struct File(Vec<Entry>);

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = File;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of patterns, or the key `patterns` with one")
            }

            fn visit_unit<E>(self) -> Result<File, E> {
                Ok(File(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<File, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = seq.next_element()? {
                    entries.push(entry);
                }
                Ok(File(entries))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File, A::Error> {
                let mut entries = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "patterns" {
                        return Err(A::Error::custom(format_args!("unknown key `{key}`, expected `patterns`")));
                    }
                    entries = Some(map.next_value()?);
                }
                Ok(File(entries.unwrap_or_default()))
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

/// Reads a pattern file. `replacement` may be left out and is then `[REDACTED:<name>]`.
///
/// # Errors
/// Not YAML, not a list, an empty list, an unknown or missing key, a name used twice, an expression
/// that does not compile or that matches the empty string. All but the first two name the entry.
pub fn parse_patterns(yaml: &str) -> Result<Vec<CustomPattern>, RedactError> {
    if yaml.trim().is_empty() {
        return Err(RedactError::NoPatterns);
    }
    let File(entries) =
        serde_saphyr::from_str(yaml).map_err(|error| RedactError::Yaml { reason: error.to_string() })?;
    if entries.is_empty() {
        return Err(RedactError::NoPatterns);
    }
    let patterns = (1..).zip(entries).map(pattern).collect::<Result<Vec<_>, _>>()?;
    for pattern in &patterns {
        custom::compile(pattern)?;
    }
    custom::check_names(&patterns)?;
    Ok(patterns)
}

fn pattern((place, mut entry): (usize, Entry)) -> Result<CustomPattern, RedactError> {
    let label = match entry.get("name") {
        Some(name) if !name.is_empty() => format!("{name:?}"),
        _ => format!("number {place}"),
    };
    let mut take = |key: &'static str| {
        entry
            .remove(key)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| RedactError::MissingKey { entry: label.clone(), key })
    };
    let name = take("name")?;
    let pattern = take("pattern")?;
    let replacement = entry.remove("replacement").unwrap_or_else(|| format!("[REDACTED:{}]", name.replace('$', "$$")));
    match entry.into_keys().next() {
        Some(key) => Err(RedactError::UnknownKey { entry: label, key }),
        None => Ok(CustomPattern { name, pattern, replacement }),
    }
}
