//! The crate's tests, in one program: bodies as senders write them, in; lines and counts, out.

mod support;

mod agents;
mod encodings;
mod labels;
mod libraries;
mod loki;
mod otlp;
mod properties;
mod raw;
mod sequence;
mod timestamps;
mod traps;
mod truncation;
