//! The receiver as a whole, in this process: real sockets, real directories,
//! and disks that fail on command.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod accept;
mod disk;
mod identity;
mod numbered;
mod overload;
mod redaction;
mod slow;
mod stream;
mod support;
mod transport;
