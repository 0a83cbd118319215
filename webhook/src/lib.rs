//! The admission webhook: adds log forwarders to pods that opted in.
//!
//! ```text
//! server ─► routes ─► handler ─► logtap_inject::respond
//!   ▲                   │  ▲
//! logtap_certs      granter namespaces ◄─ cluster::watch
//!   ▲                   │
//! authority ──────► cluster (the Kubernetes API)
//! ```
//!
//! Nothing between a request and its answer asks the Kubernetes API: what an answer needs of it is in
//! memory ([`namespaces`]), and what follows from an answer happens beside it ([`granter`]).

pub mod admin;
pub mod args;
pub mod authority;
mod body;
mod cluster;
mod crowd;
pub mod granter;
pub mod handler;
pub mod metrics;
pub mod namespaces;
pub mod routes;
pub mod run;
pub mod server;
pub mod shutdown;

pub use body::MAX_BODY;
pub use cluster::ClusterError;
