//! The receiver as a whole, in this process: real sockets, real directories,
//! and disks that fail on command.

mod accept;
mod disk;
mod overload;
mod redaction;
mod support;
mod transport;
