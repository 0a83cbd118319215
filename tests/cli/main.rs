//! The command line as a user sees it: the real binary, in a world of its own.

#![allow(clippy::unwrap_used, reason = "tests")]

mod archive;
mod baseline;
mod carry;
mod catalog;
mod citizen;
mod cluster;
mod completion;
mod config;
mod context;
mod exits;
mod gc;
mod grep;
mod help;
mod honest;
mod inputs;
mod inspect;
mod oracle;
mod page;
mod readme;
mod recv;
mod remembered;
mod schemas;
mod sign;
mod skill;
mod terminal;
mod understand;
mod view;
mod views;
mod watch;
mod world;
