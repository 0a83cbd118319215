//! Receivers in the cluster: the objects that make one up, which of them are whose, and how the
//! capture of one lands on this machine.
//!
//! ```text
//! tapped pods ──TLS──► Service ──► pod: logtap recv ──► spool (emptyDir, redacted, bounded)
//!                                   127.0.0.1:3101 ◄── port-forward ◄── pull ──► capture on this machine
//! ```
//!
//! A receiver is a Job, which owns everything else: a process that nobody reads from any more ends by
//! itself, the Job is done, and the cluster removes it with all that it owns. Nothing in the cluster
//! needs a right for that.

mod find;
mod local;
mod make;
mod objects;
mod pull;
mod remove;

pub(crate) use find::{Receiver, all, find, owner_title, taps_to};
pub(crate) use local::Local;
pub(crate) use make::{make, until_ready};
pub(crate) use objects::{Wanted, file};
pub(crate) use pull::{Goal, Pull, Pulled, state};
pub(crate) use remove::remove;
