//! Three replicas share an authority without a leader: at each step every leaf that is served
//! verifies against every bundle that is published.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod cases;
mod races;
mod world;
