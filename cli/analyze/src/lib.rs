//! What a capture says. Pure: lines in, report structs out; nothing here
//! prints, reads a clock or draws at random, and no figure depends on the
//! order in which files or threads come.
//!
//! ```text
//! line ─► pattern::token ─► pattern::key ─► pattern::table      per thread, merged by content
//!                          mine::Miner          └─► pattern::merge ─► templates
//! mine::Mined ─► triage::{window, change, origin, quality} ─► triage::Report
//! ```

pub mod mine;
pub mod pattern;
pub mod triage;
