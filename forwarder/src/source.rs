//! Where lines come from: the API server's log streams, or the kubelet's files on the node.

pub(crate) mod api;
pub(crate) mod node;
mod pieces;
