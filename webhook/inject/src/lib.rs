//! Who gets a log forwarder, and the JSON patch that adds it.
//!
//! Raw JSON in, JSON out: a review is never decoded into types, so that fields newer than this
//! program survive. No input or output, no clock, no randomness: the same review, namespace settings
//! and configuration give the same bytes.
//!
//! ```text
//! bytes ─ Review::parse ─► Review ─ decide ─► Decision ─ patch ─► operations ─ respond ─► answer
//!                                     ▲
//!             NamespaceSettings, Config
//! ```
//!
//! - [`vocabulary`] has every name shared with a cluster.
//! - [`decide()`] takes the first of all reasons against a forwarder; [`Skip`] lists them.
//! - [`sidecar`] is the template of what is added, [`patch()`] the only place that says how a pod changes.
//! - [`mirror()`] makes a namespace's annotation its label.
//! - [`policy()`] says all of it once more in CEL, for API servers that do without the webhook.
//! - [`respond()`] never says no to a pod: log capture must not stop an app.

mod app;
mod config;
mod decide;
mod mirror;
mod namespace;
mod patch;
mod placement;
mod plan;
mod pod;
mod policy;
mod qos;
mod quantity;
mod registration;
mod resources;
mod respond;
mod review;
mod settings;
pub mod sidecar;
mod skip;
mod switch;
pub mod tap;
mod target;
pub mod vocabulary;
mod warnings;

pub use config::{Config, DefaultTarget, Mode, NativeSidecars, PodSecurity, ResourceDefaults};
pub use decide::{Decision, Verdict, decide, decide_pod};
pub use mirror::{Mirror, mirror};
pub use namespace::{NamespaceSettings, NamespaceSwitch};
pub use patch::{Operation, Repair, patch, repair};
pub use plan::{OptIn, Plan, Source, User};
pub use policy::policy;
pub use quantity::Quantity;
pub use registration::webhooks;
pub use resources::Resources;
pub use respond::{AUDIT_EXPLANATION, AUDIT_REASON, Answer, handle, respond};
pub use review::{API_VERSION, Review, ReviewError};
pub use skip::Skip;
pub use switch::Switch;
pub use target::{Target, TargetError};
pub use warnings::Warnings;
