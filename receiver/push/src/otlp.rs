//! OTLP logs: both encodings are read into one model of a record, then handed over in one way.
//!
//! Labels are the resource attributes that Loki makes labels of by default; everything else a line
//! carries becomes metadata. Names are made like Loki makes them, so that queries look the same.

pub(crate) mod json;
pub(crate) mod proto;

mod any;
mod record;
