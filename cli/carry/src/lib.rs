//! Carries captures elsewhere: cuts, joins, converts and packs them.
//!
//! ```text
//! source ──► pick (filter, one per thread) ──► slice ───────────────► capture
//!                     └──► order (by time, spilling) ──► merge ──────► capture
//!                                   └──► export ──► JSON lines, CSV, Parquet
//! ```
//!
//! Threads and iterators; nothing here prints or knows a command line. What is about bytes of the capture
//! format is `logtap_capture`'s, above all `derive` and `target`.

mod account;
mod control;
mod error;
pub mod export;
pub mod filter;
pub mod merge;
mod order;
mod pack;
mod pick;
pub mod slice;
pub mod snapshot;
mod source;

pub use account::Account;
pub use control::Control;
pub use error::CarryError;
pub use source::Source;
