//! What is on the disk: the live state that programs see, and the durable state under it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Loss;

/// The disk and its two taps.
#[derive(Debug, Default)]
pub(super) struct Disk {
    state: Mutex<State>,
    pub(super) changes: Gate,
    pub(super) syncs: Gate,
}

impl Disk {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets requests through, or holds them up.
#[derive(Debug, Default)]
pub(super) struct Gate {
    closed: Mutex<bool>,
    moved: Condvar,
}

impl Gate {
    pub(super) fn close(&self, closed: bool) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = closed;
        self.moved.notify_all();
    }

    pub(super) fn pass(&self) {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.moved.wait_while(closed, |closed| *closed));
    }
}

/// Content of a file.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) live: Vec<u8>,
    durable: Vec<u8>,
}

/// Files by number, and names of them.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) nodes: HashMap<u64, Node>,
    pub(super) names: BTreeMap<OsString, u64>,
    durable_names: BTreeMap<OsString, u64>,
    made: u64,
}

/// Number of the folder itself.
pub(super) const ROOT: u64 = 1;

impl State {
    pub(super) fn create(&mut self, name: OsString) -> u64 {
        self.made += 1;
        let number = ROOT + self.made;
        self.nodes.insert(number, Node::default());
        self.names.insert(name, number);
        number
    }

    pub(super) fn write(&mut self, number: u64, offset: usize, bytes: &[u8]) -> bool {
        let Some(node) = self.nodes.get_mut(&number) else {
            return false;
        };
        let end = offset + bytes.len();
        if node.live.len() < end {
            node.live.resize(end, 0);
        }
        node.live[offset..end].copy_from_slice(bytes);
        true
    }

    pub(super) fn sync(&mut self, number: u64) {
        if number == ROOT {
            self.durable_names = self.names.clone();
        } else if let Some(node) = self.nodes.get_mut(&number) {
            node.durable.clone_from(&node.live);
        }
    }

    pub(super) fn lose(&mut self, loss: Loss) {
        match loss {
            Loss::Everything => self.names = self.durable_names.clone(),
            Loss::Content(_) => self.durable_names = self.names.clone(),
        }
        let kept = &self.names;
        self.nodes.retain(|number, _| kept.values().any(|named| named == number));
        for (number, node) in &mut self.nodes {
            let mut left = std::mem::take(&mut node.durable);
            if let Loss::Content(seed) = loss
                && node.live.starts_with(&left)
            {
                let grown = node.live.len() - left.len();
                let there = (seed.wrapping_mul(*number) % (grown as u64 + 1)) as usize;
                let length = node.live.len();
                left.extend_from_slice(&node.live[left.len()..][..there]);
                left.resize(length, 0);
            }
            node.live.clone_from(&left);
            node.durable = left;
        }
    }
}
