//! The view without a terminal: states, what they show, and what reaches a terminal.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod around;
mod baseline;
mod chosen;
mod commands;
mod failing;
mod golden;
mod hostile;
mod keys;
mod live;
mod reach;
#[allow(dead_code, reason = "the command line's tests use all of it")]
#[path = "../../../../tests/cli/terminal.rs"]
mod terminal;
mod world;
