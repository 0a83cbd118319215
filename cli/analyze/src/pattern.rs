//! Patterns: messages that differ only in values share a template.

pub mod assign;
pub mod fold;
pub mod key;
pub mod merge;
pub mod message;
pub mod token;
mod word;
