//! The edge cases of injection, by number, as far as they need neither server nor cluster.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod conflicts;
mod explanations;
mod filter;
mod idempotence;
mod namespaces;
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
