//! Certificates of logtap's servers.
//!
//! - [`Reloading`]: files that somebody else writes, taken up again when they change.
//! - [`Lifecycle`]: an authority and leaves of our own, which several replicas share without electing
//!   a leader. [`Keyring`] is what they share, [`Bundle`] what clients trust, [`Authority`] mints.
//! - [`Live`]: the leaf in force, swapped under running connections.
//!
//! Clocks and all reading and writing beside [`Reloading`] are the caller's.

mod bundle;
mod files;
mod keyring;
mod lifecycle;
mod live;
mod mint;
mod tls;
mod x509;

pub use bundle::Bundle;
pub use files::{CertError, Reloading};
pub use keyring::{Data, Keyring};
pub use lifecycle::{Change, Decision, Lifecycle, NotReady, Policy, Published, Stored};
pub use live::Live;
pub use mint::{Authority, Leaf, MintError};
pub use tls::server_config;
pub use x509::{Certificate, Unreadable};
