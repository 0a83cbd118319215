//! Where lines are pushed to: which texts are a receiver's URL.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest URL taken, in bytes.
pub(crate) const MAX_LEN: usize = 2048;
/// Longest host name, in bytes (RFC 1035).
pub(crate) const MAX_HOST: usize = 253;

/// A checked `http://` or `https://` URL without credentials and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: String,
    by_name: bool,
}

/// Why a text is no [`Target`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Neither `http://` nor `https://`.
    #[error("it must begin with http:// or https://")]
    Scheme,
    /// No host, or one that is neither a name nor an address.
    #[error("it names no valid host")]
    Host,
    /// A port that is no number from 1 to 65535.
    #[error("its port must be a number from 1 to 65535")]
    Port,
    /// A user or password.
    #[error("it must not hold credentials: annotations are readable by many")]
    Credentials,
    /// Blanks, control characters, a fragment, or other bytes that no URL has.
    #[error("it holds characters that no receiver's URL has")]
    Characters,
    /// More than 2048 bytes.
    #[error("it is longer than 2048 bytes")]
    Length,
}

impl Target {
    /// Checks a URL. Blanks around it are taken off; the rest is kept byte for byte.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let url = text.trim();
        if url.len() > MAX_LEN {
            return Err(TargetError::Length);
        }
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|scheme| url.get(..scheme.len()).filter(|head| head.eq_ignore_ascii_case(scheme)))
            .map(|head| &url[head.len()..])
            .ok_or(TargetError::Scheme)?;
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        if authority.contains('@') {
            return Err(TargetError::Credentials);
        }
        if !rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte)) {
            return Err(TargetError::Characters);
        }
        let (host, port) = split(authority)?;
        if port.is_some_and(|port| port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) || !fits(port)) {
            return Err(TargetError::Port);
        }
        let by_name = named(host)?;
        Ok(Self { url: url.to_owned(), by_name })
    }

    /// A text that means a URL, in templates.
    pub(crate) fn stand_in(url: String) -> Self {
        Self { url, by_name: true }
    }

    /// The URL, as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Whether the host is a name, so that reaching it takes DNS.
    #[must_use]
    pub fn needs_dns(&self) -> bool {
        self.by_name
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

fn fits(port: &str) -> bool {
    port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Host (brackets kept) and port.
fn split(authority: &str) -> Result<(&str, Option<&str>), TargetError> {
    if authority.starts_with('[') {
        let end = authority.find(']').ok_or(TargetError::Host)?;
        let (host, rest) = authority.split_at(end + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(TargetError::Host),
        };
    }
    Ok(authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))))
}

/// Whether the host is a name; an error when it is neither name nor address.
fn named(host: &str) -> Result<bool, TargetError> {
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().map(|_| false).map_err(|_| TargetError::Host);
    }
    if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return host.parse::<Ipv4Addr>().map(|_| false).map_err(|_| TargetError::Host);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let valid = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    if name.len() <= MAX_HOST && name.split('.').all(valid) { Ok(true) } else { Err(TargetError::Host) }
}
