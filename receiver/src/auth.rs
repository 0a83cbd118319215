//! Bearer tokens, compared without telling by timing how much of one is right.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The accepted tokens.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    digests: Vec<Vec<u8>>,
    key: [u8; 32],
}

impl Tokens {
    pub(crate) fn new(tokens: &[String]) -> Self {
        use std::hash::{BuildHasher, RandomState};
        let mut key = [0; 32];
        for part in key.chunks_mut(8) {
            part.copy_from_slice(&RandomState::new().hash_one(0u8).to_le_bytes());
        }
        let mut made = Self { digests: Vec::new(), key };
        made.digests = tokens.iter().map(|token| made.digest(token.as_bytes())).collect();
        made
    }

    /// True if there are tokens to present.
    pub(crate) fn some(&self) -> bool {
        !self.digests.is_empty()
    }

    /// True if no token is asked for or the request carries a right one.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        if self.digests.is_empty() {
            return true;
        }
        let Some(token) = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes())) else {
            return false;
        };
        let digest = self.digest(token);
        self.digests.iter().fold(false, |found, known| found | (*known == digest))
    }

    /// Comparing keyed digests tells nothing about the token itself.
    fn digest(&self, token: &[u8]) -> Vec<u8> {
        match Hmac::<Sha256>::new_from_slice(&self.key) {
            Ok(mut mac) => {
                mac.update(token);
                mac.finalize().into_bytes().to_vec()
            }
            Err(_) => Vec::new(),
        }
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn only_the_right_token() {
        let tokens = Tokens::new(&["s3cret".to_owned(), "other".to_owned()]);
        assert!(tokens.allow(&headers("Bearer s3cret")));
        assert!(tokens.allow(&headers("bearer  other")));
        for wrong in ["Bearer s3cre", "Bearer ", "Basic s3cret", "s3cret", "Bearer s3cret2"] {
            assert!(!tokens.allow(&headers(wrong)), "{wrong}");
        }
        assert!(!tokens.allow(&HeaderMap::new()));
        assert!(Tokens::new(&[]).allow(&HeaderMap::new()));
    }
}
