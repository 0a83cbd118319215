//! Which namespaces get the RoleBinding that lets forwarders read logs, and when it goes again.
//!
//! Beside the request path: a forwarder that is refused at first tries again. Replicas do the same
//! work side by side; creating what is there and deleting what is gone are no errors.

mod plan;
mod task;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

pub use plan::{Binding, Grants, Upkeep};
pub use task::{Bindings, Pace, run};

/// Namespaces in which a pod was injected, each once, until the granter takes them.
#[derive(Debug, Default)]
pub struct Inbox {
    namespaces: Mutex<BTreeSet<String>>,
    wake: Notify,
}

impl Inbox {
    /// A pod was injected in a namespace.
    pub fn injected(&self, namespace: &str) {
        let mut namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        if !namespaces.contains(namespace) {
            namespaces.insert(namespace.to_owned());
        }
        drop(namespaces);
        self.wake.notify_one();
    }

    fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.namespaces.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
