//! A line taken apart: labels, metadata, and the fields of a JSON or logfmt message.

use serde_json::Value;

use crate::filter::Kind;
use crate::row::Row;

/// Where a field stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the labels.
    Label,
    /// In the metadata.
    Meta,
    /// In the message.
    Message,
}

/// One field of a line; raw text from a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Where it stands.
    pub place: Place,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its value as it is written in the message.
    raw: String,
}

impl Field {
    /// The filter that keeps lines with this field.
    #[must_use]
    pub fn keep(&self) -> (Kind, String) {
        match self.place {
            Place::Label => (Kind::Label, format!("{}={}", self.name, self.value)),
            Place::Meta | Place::Message => (Kind::Keep, self.pattern()),
        }
    }

    /// The filter that hides them.
    #[must_use]
    pub fn hide(&self) -> (Kind, String) {
        match self.place {
            Place::Label => (Kind::Label, format!("{}!={}", self.name, self.value)),
            Place::Meta | Place::Message => (Kind::Hide, self.pattern()),
        }
    }

    fn pattern(&self) -> String {
        if self.raw.is_empty() { regex::escape(&self.value) } else { regex::escape(&self.raw) }
    }
}

/// The fields of a line, labels first.
#[must_use]
pub fn fields(row: &Row) -> Vec<Field> {
    let of_labels = row.labels.pairs().iter().map(|(name, value)| Field {
        place: Place::Label,
        name: name.clone(),
        value: value.clone(),
        raw: String::new(),
    });
    let mut all: Vec<Field> = of_labels.collect();
    let meta = row.meta.as_deref().and_then(|meta| serde_json::from_str::<serde_json::Map<String, Value>>(meta).ok());
    for (name, value) in meta.into_iter().flatten() {
        all.push(Field { place: Place::Meta, name, value: shown(&value), raw: String::new() });
    }
    match serde_json::from_str::<serde_json::Map<String, Value>>(row.message.trim()) {
        Ok(object) => all.extend(object.into_iter().map(|(name, value)| {
            let written = format!("{}:{value}", Value::from(name.as_str()));
            let raw = if row.message.contains(&written) { written } else { String::new() };
            Field { place: Place::Message, name, value: shown(&value), raw }
        })),
        Err(_) => all.extend(logfmt(&row.message)),
    }
    all
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `name=value` and `name="quoted value"` anywhere in a message.
fn logfmt(message: &str) -> Vec<Field> {
    let mut found = Vec::new();
    let mut rest = message;
    while let Some(equals) = rest.find('=') {
        let name_at = rest[..equals]
            .rfind(|c: char| !(c.is_alphanumeric() || "_.-".contains(c)))
            .map_or(0, |at| at + rest[at..].chars().next().map_or(1, char::len_utf8));
        let name = &rest[name_at..equals];
        let value = &rest[equals + 1..];
        let length = match value.strip_prefix('"') {
            Some(inner) => closing_quote(inner).map_or(value.len(), |end| end + 2),
            None => value.find(char::is_whitespace).unwrap_or(value.len()),
        };
        if !name.is_empty() && length > 0 {
            found.push(Field {
                place: Place::Message,
                name: name.to_owned(),
                value: value[..length].trim_matches('"').to_owned(),
                raw: rest[name_at..equals + 1 + length].to_owned(),
            });
        }
        rest = &value[length..];
    }
    found
}

fn closing_quote(inner: &str) -> Option<usize> {
    let mut escaped = false;
    inner.char_indices().find_map(|(at, character)| {
        let closes = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        closes.then_some(at)
    })
}
