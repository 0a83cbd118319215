//! logtap
fn main() {}
