//! What the fuzz targets reach: bytes from outside, and from a disk.

pub use crate::journal::fuzz as journal;
pub use crate::source::api::fuzz as log;
pub use crate::source::node::fuzz as file;
