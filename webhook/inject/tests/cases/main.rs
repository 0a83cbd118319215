//! The edge cases of injection as far as they need neither server nor cluster. A test named
//! `case_017_…` is the case of that number in the test plan; the others guard what the plan does not list.
//!
//! Not here: 7 to 10, 16, 18, 19, 23 and 24 are about the HTTP server, 84 to 120 take a cluster, 121
//! to 132 are about certificates.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod conflicts;
mod explanations;
mod filter;
mod idempotence;
mod namespaces;
mod policy;
mod properties;
mod protocol;
mod registration;
mod resources;
mod selection;
mod shapes;
mod sidecar;
mod specs;
mod stage;
mod switches;
mod targets;
