//! What the tests on a real cluster stand on: kubectl, a namespace for each test, a receiver in it,
//! pods as the webhook leaves them, the webhook itself, and servers that stand in for it.
//!
//! The cluster is the one that kubectl finds. Its node needs the images that `manifests/images` and
//! `tests/cluster/build` make; `tests/run cluster` sees to all of it.

mod command;
pub mod component;
mod fake;
pub mod idle;
mod kubectl;
mod local_receiver;
mod namespace;
pub mod node;
pub mod noise;
pub mod observer;
mod pods;
mod policy;
pub mod processes;
mod receiver;
mod snapshot;
pub mod stream;
pub mod verdict;
mod webhook;
mod writer;

pub use command::{Ran, logtap, logtap_binary};
pub use fake::{Answer, Asked, Fake};
pub use kubectl::{kubectl, until};
pub use local_receiver::LocalReceiver;
pub use namespace::Namespace;
pub use pods::{app_pod, bare_pod, injected, is_injected, job, workload};
pub use policy::{Outcome, Space, Table, config, in_force};
pub use receiver::{Receiver, Stored};
pub use snapshot::settled;
pub use webhook::Webhook;
pub use writer::Writer;
