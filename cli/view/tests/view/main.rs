//! The view without a terminal: states, what they show, and what reaches a terminal.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod baseline;
mod commands;
mod golden;
mod hostile;
mod keys;
mod reach;
mod world;
