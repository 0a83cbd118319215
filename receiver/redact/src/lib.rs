//! Finds and replaces secrets and personal data in log text.
//!
//! This crate owns the answer to one question: which bytes of a log line must not reach a capture.
//! It takes text and returns text, and does no input or output of its own.
//!
//! Seven rules are built in ([`Builtin`]). Each is a definition, not only a pattern: issuer prefixes
//! and a check digit for cards, impossible areas for social security numbers, version strings that
//! look like addresses. The definitions are in the documentation of the modules under [`rules`].
//! Patterns of the user's own ([`CustomPattern`]) run after them, in order.
//!
//! # Policy
//! - A value is replaced by a token such as `[REDACTED:email]`; with a hash key by
//!   `[REDACTED:email:3f9a1c2b]`, which is the same for the same value.
//! - Redacting the output of the built-in rules again changes nothing.
//! - Text outside the values is kept byte for byte.
//! - Where a spelling is shared by a secret and by an everyday log value and nothing in the line
//!   tells them apart, the module of the rule says which way it decides.
//! - The work is linear in the length of the text, whatever the text is.
//!
//! # Speed
//! A line is read once, 48 bytes at a time, into bit masks; shifts of those masks find the few
//! places where a value could start, and only there a validator looks at bytes. See [`Redactor`].

mod builtin;
pub mod corpus;
mod custom;
mod error;
mod pattern;
mod redactor;
pub mod rules;
mod scan;
mod token;
mod view;

pub use builtin::{Builtin, parse_selection};
pub use error::RedactError;
pub use pattern::{CustomPattern, parse_patterns};
pub use redactor::{Config, Redactor};
pub use scan::Span;
