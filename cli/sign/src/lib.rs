//! Proves what a capture consists of. A capture that is signed has three files more:
//!
//! ```text
//! manifest.sha256      sum of every file, as sha256sum writes and reads it   (files.rs)
//! statement.json       in-toto statement: the same files, and what the       (statement.rs)
//!                      capture says of its lines, losses and redaction
//! statement.json.sig   signature of the statement: by an SSH key             (ssh.rs),
//! statement.json.minisig        or by minisign's                             (minisign.rs),
//! statement.json.sigstore.json  or by one in PEM, as a Sigstore bundle       (sigstore.rs)
//! ```
//!
//! Only the statement is signed; it names the manifest like every other file. What is there is compared
//! with it in check.rs; place.rs puts them there. Nothing here trusts a key that lies in the capture.

pub mod check;
pub mod files;
pub mod minisign;
pub mod place;
pub mod signers;
pub mod sigstore;
pub mod ssh;
pub mod statement;

/// The files that hold signatures, one of each kind; a capture has one of them.
pub const SIGNATURES: [&str; 3] = [ssh::SIGNATURE, minisign::SIGNATURE, sigstore::SIGNATURE];
