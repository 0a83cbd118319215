//! A bounded number of connections in which the newest always finds room: the oldest is asked to go.
//!
//! A bound that lets newcomers wait would let whoever holds many connections open keep the API server
//! out; one that turns away the oldest costs an honest client no more than opening a new connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Everyone who is in.
#[derive(Debug)]
pub(crate) struct Crowd {
    places: usize,
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    next: u64,
    asked_to_go: BTreeMap<u64, Arc<Notify>>,
}

/// One place; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    crowd: Arc<Crowd>,
    number: u64,
    go: Arc<Notify>,
}

impl Crowd {
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { places, members: Mutex::default() })
    }

    /// Takes a place, if need be the oldest member's.
    pub(crate) fn join(self: &Arc<Self>) -> Member {
        let go = Arc::new(Notify::new());
        let mut members = self.lock();
        if members.asked_to_go.len() >= self.places
            && let Some((_, oldest)) = members.asked_to_go.pop_first()
        {
            oldest.notify_one();
        }
        let number = members.next;
        members.next += 1;
        members.asked_to_go.insert(number, go.clone());
        drop(members);
        Member { crowd: self.clone(), number, go }
    }

    /// How many are in.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.lock().asked_to_go.len()
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Waits until the place is wanted for somebody else.
    pub(crate) async fn asked_to_go(&self) {
        self.go.notified().await;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.crowd.lock().asked_to_go.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_oldest_makes_room() {
        let crowd = Crowd::new(2);
        let first = crowd.join();
        let second = crowd.join();
        let third = crowd.join();
        assert_eq!(crowd.len(), 2);
        first.asked_to_go().await;
        drop(first);
        assert_eq!(crowd.len(), 2);
        for member in [&second, &third] {
            assert!(tokio::time::timeout(Duration::from_millis(10), member.asked_to_go()).await.is_err());
        }
        drop(second);
        assert_eq!(crowd.len(), 1);
    }
}
