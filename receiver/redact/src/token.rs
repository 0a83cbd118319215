//! What stands in place of a value.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Builtin;

/// Writes tokens, with or without a keyed hash of the value.
#[derive(Clone)]
pub(crate) struct Tokens {
    keyed: Option<Hmac<Sha256>>,
}

impl Tokens {
    pub(crate) fn new(key: Option<&[u8; 32]>) -> Self {
        let keyed = key.map(|key| Hmac::new_from_slice(key).expect("HMAC takes keys of every length"));
        Tokens { keyed }
    }

    /// Appends the token for `value` to `out`.
    pub(crate) fn write(&self, rule: Builtin, value: &str, out: &mut String) {
        out.push_str("[REDACTED:");
        out.push_str(rule.label());
        if let Some(keyed) = &self.keyed {
            let mut mac = keyed.clone();
            normalise(rule, value, |part| mac.update(part));
            out.push(':');
            for byte in &mac.finalize().into_bytes()[..4] {
                for nibble in [byte >> 4, byte & 15] {
                    out.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
                }
            }
        }
        out.push(']');
    }
}

/// Feeds `value` without what only its spelling adds: separators of numbers, the case of addresses.
fn normalise(rule: Builtin, value: &str, mut feed: impl FnMut(&[u8])) {
    match rule {
        Builtin::CreditCard | Builtin::Ssn | Builtin::Phone => {
            let plain = value.replace("%20", "");
            for digit in plain.bytes().filter(u8::is_ascii_digit) {
                feed(&[digit]);
            }
        }
        Builtin::Email => feed(value.to_lowercase().replacen("%40", "@", 1).as_bytes()),
        Builtin::Jwt | Builtin::Bearer | Builtin::IpV4 => feed(value.as_bytes()),
    }
}
