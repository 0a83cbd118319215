//! What the tests on a real cluster stand on: kubectl, a namespace for each test, a receiver in it,
//! and pods as the webhook leaves them.
//!
//! The cluster is the one that kubectl finds. Its node needs the images that `manifests/images` and
//! `tests/cluster/build` make; `tests/run cluster` sees to all of it.

mod kubectl;
mod namespace;
mod pods;
mod policy;
mod receiver;

pub use kubectl::{kubectl, until};
pub use namespace::Namespace;
pub use pods::{app_pod, injected};
pub use policy::{Outcome, Space, Table, config, in_force};
pub use receiver::{Receiver, Stored};
