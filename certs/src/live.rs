//! The leaf in force. Handshakes take the newest; connections that run keep theirs.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::mint::Leaf;

/// A place for one leaf, empty at first: handshakes fail until there is one.
#[derive(Debug, Default)]
pub struct Live(ArcSwapOption<CertifiedKey>);

impl Live {
    /// Puts a leaf in force.
    pub fn serve(&self, leaf: &Leaf) {
        self.0.store(Some(leaf.key()));
    }
}

impl ResolvesServerCert for Live {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }
}
