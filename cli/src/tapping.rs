//! What tap and untap share: the right that forwarders need, writing a workload and taking it back,
//! following its rollout, and telling what became of it.

mod follow;
mod grant;
mod report;
mod write;

pub(crate) use follow::{Followed, Outcome, follow};
pub(crate) use grant::{MANAGED_BY_CLI, grant, withdraw};
pub(crate) use report::{Report, Told, print_changes, print_namespace};
pub(crate) use write::{Written, known, session, take_back, unblock};
