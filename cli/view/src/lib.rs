//! The terminal view of a capture: one that grows and one that is finished.
//!
//! ```text
//! archive (pages, order) ◄── watcher: growth, counts        text: what logs may show
//!      ▲                          │ Moment
//!   loader ── Reply ──► state ◄── update ◄── keys (data) ◄── terminal
//!      ▲                  │                                     ▲
//!      └──── Request ─────┴── draw: state into a buffer ────────┘
//! ```
//!
//! The view only reads. It can fail, be suspended or stay undrawn without
//! anyone who writes the capture noticing.

pub mod archive;
pub mod difference;
pub mod draw;
pub mod filter;
pub mod keymap;
pub mod keys;
pub mod loader;
pub mod remembered;
pub mod row;
pub mod run;
pub mod save;
pub mod state;
pub mod tally;
pub mod text;
pub mod update;
pub mod watcher;
