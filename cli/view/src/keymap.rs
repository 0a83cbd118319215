//! Which keys lead to an action: those of the table, or others that the person has chosen.

use std::collections::BTreeMap;

use crate::keys::{Action, Binding, KEYMAP, bindings};

/// Keys that have a name of more than one letter.
const NAMED: [&str; 16] = [
    "Space",
    "Enter",
    "Tab",
    "BackTab",
    "Esc",
    "Backspace",
    "Delete",
    "Insert",
    "Home",
    "End",
    "PageUp",
    "PageDown",
    "Up",
    "Down",
    "Left",
    "Right",
];
/// Always ends the view, whatever else is chosen.
const FIXED: &str = "Ctrl-c";

/// The keys in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keymap {
    /// Chosen keys, apart by blanks, where they are others than those of the table.
    chosen: BTreeMap<Action, String>,
}

/// Why keys cannot be chosen so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// No such action.
    #[error("there is no action {0:?}; the file that `logtap init` writes lists them")]
    NoAction(String),
    /// No such key.
    #[error(
        "{0:?} is no key: write a letter or sign, two for a sequence, Space, Enter, Tab, F1, Ctrl-x, Shift-Left and the like"
    )]
    NoKey(String),
    /// A key that cannot be chosen.
    #[error("{0} cannot be chosen: digits count, and Ctrl-c always ends the view")]
    Taken(String),
    /// One key for two actions.
    #[error("{key} would be {one} and {other}")]
    Twice {
        /// The key.
        key: String,
        /// What it is.
        one: String,
        /// What it is, too.
        other: String,
    },
}

/// The name of an action in the configuration: `next-error`.
#[must_use]
pub fn name_of(action: Action) -> String {
    let mut name = String::new();
    for letter in format!("{action:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

impl Keymap {
    /// The table with other keys for some actions: names of actions, and their keys apart by blanks or commas.
    ///
    /// # Errors
    /// If there is no such action or key, or a key would mean two things.
    pub fn new<'c>(changes: impl IntoIterator<Item = (&'c str, &'c str)>) -> Result<Self, KeymapError> {
        let mut chosen = BTreeMap::new();
        for (name, keys) in changes {
            let action = KEYMAP.iter().map(|binding| binding.action).find(|action| name_of(*action) == name);
            let action = action.ok_or_else(|| KeymapError::NoAction(name.to_owned()))?;
            let keys: Vec<&str> = keys.split([' ', ',']).filter(|key| !key.is_empty()).collect();
            keys.iter().try_for_each(|key| check(key))?;
            if action == Action::QuitNow && !keys.contains(&FIXED) {
                return Err(KeymapError::Taken(FIXED.to_owned()));
            }
            chosen.insert(action, keys.join(" "));
        }
        let keymap = Self { chosen };
        for live in [true, false] {
            keymap.each_key_once(live)?;
        }
        Ok(keymap)
    }

    fn each_key_once(&self, live: bool) -> Result<(), KeymapError> {
        let mut known: BTreeMap<&str, Action> = BTreeMap::new();
        let all = || bindings(live).flat_map(|binding| self.keys(binding).split(' ').map(|key| (key, binding.action)));
        for (key, action) in all().filter(|(key, _)| !key.is_empty()) {
            // The first key of a sequence waits for the second.
            let begins = all()
                .find(|(other, _)| is_sequence(other) && other.strip_prefix(key).is_some_and(|rest| !rest.is_empty()));
            let other = known.insert(key, action).or(begins.map(|(_, other)| other));
            if let Some(other) = other.filter(|other| *other != action || begins.is_some()) {
                return Err(KeymapError::Twice { key: key.to_owned(), one: name_of(action), other: name_of(other) });
            }
        }
        Ok(())
    }

    /// The keys of an entry, apart by blanks; empty if it has none.
    #[must_use]
    pub fn keys<'k>(&'k self, binding: &'k Binding) -> &'k str {
        self.chosen.get(&binding.action).map_or(binding.keys, String::as_str)
    }

    /// The first key of an action, as hints name it; none if it has none.
    #[must_use]
    pub fn key_of(&self, action: Action) -> Option<&str> {
        let binding = KEYMAP.iter().find(|binding| binding.action == action)?;
        self.keys(binding).split(' ').next().filter(|key| !key.is_empty())
    }

    /// The action of keys typed so far; `Some(None)` if they begin a sequence.
    #[must_use]
    pub fn find(&self, typed: &str, live: bool) -> Option<Option<Action>> {
        let keys = || bindings(live).flat_map(|binding| self.keys(binding).split(' ').map(|key| (key, binding.action)));
        if let Some((_, action)) = keys().find(|(key, _)| *key == typed) {
            return Some(Some(action));
        }
        keys().any(|(key, _)| is_sequence(key) && key.starts_with(typed)).then_some(None)
    }
}

/// A key that has a name, without modifiers.
fn is_named(key: &str) -> bool {
    let function = key.strip_prefix('F').and_then(|number| number.parse::<u8>().ok());
    NAMED.contains(&key) || function.is_some_and(|number| (1..=12).contains(&number))
}

/// Two letters or signs, one after the other.
fn is_sequence(key: &str) -> bool {
    key.chars().count() == 2 && key.chars().all(|letter| letter.is_ascii_graphic()) && !is_named(key)
}

fn check(key: &str) -> Result<(), KeymapError> {
    let bare = key.strip_prefix("Ctrl-").unwrap_or(key);
    let (bare, shifted) = bare.strip_prefix("Shift-").map_or((bare, false), |bare| (bare, true));
    let mut letters = bare.chars();
    let single = matches!((letters.next(), letters.next()), (Some(letter), None) if !letter.is_control());
    // Letters are shifted as they are written.
    if !(is_named(bare) || (single && !shifted) || is_sequence(key)) {
        return Err(KeymapError::NoKey(key.to_owned()));
    }
    if key.starts_with(|letter: char| letter.is_ascii_digit() && letter != '0') {
        return Err(KeymapError::Taken(key.to_owned()));
    }
    Ok(())
}
