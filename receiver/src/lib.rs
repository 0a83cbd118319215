//! logtap-receiver
