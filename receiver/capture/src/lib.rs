//! The capture directory: the only crate that knows a byte on disk.
//!
//! ```text
//! chunk ──► frame ──► writer ──► (rotation) ──► keeper: seal, evict, metadata
//!   lines as JSON        one owner of the open file      one owner of the directory
//! reader ◄── block_index, walk ◄── folder: files or archive    repair: what a crash left
//! ```
//!
//! Everything that changes the file system goes through [`disk`], so that the
//! promises of this crate can be tested at every step.

pub mod archive;
pub mod audit;
pub mod block_index;
pub mod chunk;
pub mod decode;
pub mod derive;
pub mod discard;
pub mod disk;
pub mod folder;
pub mod frame;
pub mod grams;
pub mod index;
mod keeper;
pub mod labels;
pub mod level;
pub mod line;
mod literals;
pub mod lock;
pub mod lost;
pub mod matchers;
pub mod metadata;
pub mod name;
pub mod numbered;
mod options;
pub mod origin;
pub mod pages;
mod pieces;
pub mod pipe;
pub mod published;
pub mod query;
pub mod read_at;
pub mod reader;
pub mod repair;
mod salvage;
pub mod scan;
mod seal;
pub mod seek_table;
pub mod select;
pub mod sequence;
pub mod session;
pub mod stream;
pub mod summary;
pub mod survey;
pub mod tail;
pub mod target;
pub mod text;
pub mod time;
pub mod walk;
pub mod when;
pub mod writer;
