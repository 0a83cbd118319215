//! logtap-certs
