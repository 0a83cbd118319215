//! What changed, when, where it began, and what speaks against it: the answer
//! to "what broke first". Deterministic; every figure can be traced to lines.

mod cascade;
pub mod change;
pub mod compare;
mod next;
mod origin;
mod quality;
pub mod rates;
pub mod report;
mod timeline;
pub mod window;

pub use quality::Facts;
pub use report::{Report, build};
