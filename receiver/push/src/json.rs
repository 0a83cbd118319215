//! JSON as log senders write it, read by a scanner that borrows strings and survives bad ones.

pub(crate) mod push;
pub(crate) mod raw;
pub(crate) mod scan;
pub(crate) mod unescape;
pub(crate) mod value;

mod entry;

/// The bytes after a UTF-8 byte order mark, if there is one.
pub(crate) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
