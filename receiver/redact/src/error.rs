//! What can be wrong with a redaction configuration.

use thiserror::Error;

/// Why a configuration was refused. Nothing is redacted with half a configuration: every one of
/// these must stop the program before it accepts a line.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RedactError {
    /// The selection names a rule that does not exist.
    #[error("unknown redaction rule {name:?}: use true, false or any of {known}")]
    UnknownRule {
        /// The name as given.
        name: String,
        /// Every name that exists, separated by commas.
        known: String,
    },
    /// The pattern file is not YAML of the expected shape.
    #[error("pattern file cannot be read as a list of {{name, pattern, replacement}}: {reason}")]
    Yaml {
        /// What the YAML reader said, with line and column.
        reason: String,
    },
    /// The pattern file holds no pattern.
    #[error("pattern file holds no pattern: add at least one entry or drop the option")]
    NoPatterns,
    /// An entry has a key that is not `name`, `pattern` or `replacement`.
    #[error("pattern {entry} has the unknown key {key:?}: use name, pattern and replacement")]
    UnknownKey {
        /// Name or place of the entry.
        entry: String,
        /// The key as given.
        key: String,
    },
    /// An entry lacks a key, or has it empty.
    #[error("pattern {entry} has no {key}: give it one")]
    MissingKey {
        /// Name or place of the entry.
        entry: String,
        /// The key that is missing.
        key: &'static str,
    },
    /// Two entries share a name, so their counts could not be told apart.
    #[error("pattern name {name:?} is used twice: give every pattern its own name")]
    DuplicateName {
        /// The shared name.
        name: String,
    },
    /// The expression of an entry does not compile.
    #[error("pattern {entry} is not a valid regular expression: {reason}")]
    BadRegex {
        /// Name of the entry.
        entry: String,
        /// What the compiler said.
        reason: String,
    },
    /// The expression of an entry matches the empty string, and so between any two characters.
    #[error("pattern {entry} matches the empty string: make it need at least one character")]
    MatchesEmpty {
        /// Name of the entry.
        entry: String,
    },
}
