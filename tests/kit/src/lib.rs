//! logtap-testkit
