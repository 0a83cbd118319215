//! Patterns: messages that differ only in values share a template.

pub mod key;
pub mod merge;
pub mod token;
mod word;
