//! The webhook as a server: a real port, real TLS, real clocks unless said otherwise. What asks the
//! API server is asked of fakes, which are named so; a real one is asked by the cluster's tests.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod authority;
mod certificates;
mod crowds;
mod drain;
mod fake_api;
mod fakes;
mod granter;
mod namespaces;
mod program;
mod protocol;
mod reviews;
mod speed;
mod stage;
