//! Where batches are posted: the URL that the annotation names, taken apart once.

use std::fmt;

use hyper::Uri;
use logtap_push::PUSH_PATH;

use crate::http::{Server, TrustError, trust};

/// A receiver, or anything else that takes Loki pushes.
#[derive(Debug)]
pub(crate) struct Target {
    pub(super) server: Server,
    pub(super) path: String,
}

/// Why a URL is no target.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("{0}")]
    Uri(#[from] hyper::http::uri::InvalidUri),
    #[error("it must begin with http:// or https://")]
    Scheme,
    #[error("it names no host")]
    Host,
    #[error("its certificate authority: {0}")]
    Trust(#[from] TrustError),
}

impl Target {
    /// The target at `url`; `ca` are the authorities of its certificate in place of the public ones.
    pub(crate) fn new(url: &str, ca: Option<&str>) -> Result<Self, TargetError> {
        let uri: Uri = url.parse()?;
        let tls = match uri.scheme_str() {
            Some("https") => Some(trust(ca)?),
            Some("http") => None,
            _ => return Err(TargetError::Scheme),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(TargetError::Host)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        Ok(Self { server: Server { host, port, tls }, path: path(&uri) })
    }

    /// What to connect to.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Whether a token may be shown to it.
    pub(super) fn is_private(&self) -> bool {
        self.server.tls.is_some()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_private() { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.server.authority())
    }
}

/// The push path below the URL's own, unless that is one already.
fn path(uri: &Uri) -> String {
    let base = uri.path().trim_end_matches('/');
    let path = if base.ends_with(PUSH_PATH) { base.to_owned() } else { format!("{base}{PUSH_PATH}") };
    match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (String, u16, bool, String) {
        let target = Target::new(url, None).unwrap();
        (target.server.authority(), target.server.port, target.is_private(), target.path)
    }

    #[test]
    fn urls_as_people_write_them() {
        let push = PUSH_PATH.to_owned();
        assert_eq!(parts("http://recv:3100"), ("recv:3100".into(), 3100, false, push.clone()));
        assert_eq!(parts("https://recv/"), ("recv:443".into(), 443, true, push.clone()));
        assert_eq!(parts("http://[fd00::1]:3100"), ("[fd00::1]:3100".into(), 3100, false, push.clone()));
        assert_eq!(parts("http://loki/loki/api/v1/push").3, push);
        assert_eq!(parts("http://gate/tenant/?x=1").3, format!("/tenant{push}?x=1"));
    }

    #[test]
    fn what_is_no_target_says_why() {
        assert!(matches!(Target::new("recv:3100", None), Err(TargetError::Scheme)));
        assert!(matches!(Target::new("ftp://recv", None), Err(TargetError::Scheme)));
        assert!(matches!(Target::new("https://recv", Some("nothing")), Err(TargetError::Trust(_))));
    }
}
