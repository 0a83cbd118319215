//! Personal data to plant: made up, valid in form, and every value reported with its place.

use super::rng::Rng;
use super::values::{hex, number, padded};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const FIRST: [&str; 12] =
    ["anna", "ben", "carla", "david", "elena", "farid", "grace", "hugo", "ines", "jonas", "kim", "lena"];
const LAST: [&str; 12] = [
    "almeida", "brandt", "costa", "dubois", "eriksen", "fischer", "garcia", "haas", "ivanova", "jansen", "kowalski",
    "lindgren",
];
const DOMAINS: [&str; 6] =
    ["example.com", "example.org", "mail.example.net", "corp.example.co.uk", "shop-kunden.example.de", "example.io"];

/// What kind of personal data a value is; the built-in rule that must find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A card number with an issuer's prefix and a valid check digit.
    CreditCard,
    /// An email address.
    Email,
    /// A signed JSON web token in compact form.
    Jwt,
    /// The opaque token after `Bearer `.
    Bearer,
    /// An IPv4 address outside private ranges.
    IpV4,
    /// A United States social security number with dashes.
    Ssn,
    /// A telephone number with `+`, parentheses or separators.
    Phone,
}

/// A planted value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// What it is.
    pub rule: Rule,
    /// The value as it stands in the line.
    pub value: String,
    /// Byte offset of its first byte in the line.
    pub start: usize,
    /// Byte offset after its last byte.
    pub end: usize,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 7] =
        [Self::CreditCard, Self::Email, Self::Jwt, Self::Bearer, Self::IpV4, Self::Ssn, Self::Phone];

    /// The rule's name on logtap's command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CreditCard => "credit_card",
            Self::Email => "email",
            Self::Jwt => "jwt",
            Self::Bearer => "bearer",
            Self::IpV4 => "ip_v4",
            Self::Ssn => "ssn",
            Self::Phone => "phone",
        }
    }

    /// Words that stand before the value in a sentence.
    pub(super) fn phrase(self, rng: &mut Rng) -> &'static str {
        rng.pick(match self {
            Self::CreditCard => &[" card ", " pan=", " card_number: "],
            Self::Email => &[" email ", " customer=", " sent to "],
            Self::Jwt => &[" token ", " id_token=", " session "],
            Self::Bearer => &[" Authorization: Bearer ", " auth=Bearer ", " header Bearer "],
            Self::IpV4 => &[" client ", " remote_addr=", " from "],
            Self::Ssn => &[" ssn ", " ssn=", " tax id "],
            Self::Phone => &[" phone ", " tel: ", " callback "],
        })
    }

    /// Appends a made-up value.
    pub fn write(self, rng: &mut Rng, out: &mut String) {
        match self {
            Self::CreditCard => card(rng, out),
            Self::Email => email(rng, out),
            Self::Jwt => jwt(rng, out),
            Self::Bearer => hex(40, rng, out),
            Self::IpV4 => address(rng, out),
            Self::Ssn => ssn(rng, out),
            Self::Phone => phone(rng, out),
        }
    }
}

fn card(rng: &mut Rng, out: &mut String) {
    let (prefix, length) = rng.pick(&[
        ("4", 16),
        ("4", 16),
        ("51", 16),
        ("55", 16),
        ("2221", 16),
        ("34", 15),
        ("37", 15),
        ("6011", 16),
        ("3530", 16),
        ("36", 14),
    ]);
    let mut digits: Vec<u8> = prefix.bytes().map(|byte| byte - b'0').collect();
    while digits.len() < length - 1 {
        digits.push(rng.below(10) as u8);
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, &digit)| {
            let value = if at % 2 == 0 { digit * 2 } else { digit };
            u32::from(if value > 9 { value - 9 } else { value })
        })
        .sum();
    digits.push(((10 - sum % 10) % 10) as u8);
    let separator = rng.pick(&["", "", "-", " "]);
    for (at, digit) in digits.iter().enumerate() {
        let group = match length {
            16 => at % 4 == 0,
            _ => at == 4 || at == 10,
        };
        if group && at > 0 {
            out.push_str(separator);
        }
        out.push(char::from(b'0' + digit));
    }
}

fn email(rng: &mut Rng, out: &mut String) {
    out.push_str(rng.pick(&FIRST));
    out.push_str(rng.pick(&[".", "_", "-", "+"]));
    out.push_str(rng.pick(&LAST));
    if rng.below(2) == 0 {
        number(rng.below(100), out);
    }
    out.push('@');
    out.push_str(rng.pick(&DOMAINS));
}

fn jwt(rng: &mut Rng, out: &mut String) {
    base64(b"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", out);
    out.push('.');
    let expiry = 1_795_000_000 + rng.below(1_000_000);
    let claims = format!("{{\"sub\":\"user-{}\",\"exp\":{expiry}}}", rng.below(100_000));
    base64(claims.as_bytes(), out);
    out.push('.');
    let signature: Vec<u8> = (0..32).map(|_| rng.next_u64() as u8).collect();
    base64(&signature, out);
}

/// Base64 for URLs, without padding.
fn base64(bytes: &[u8], out: &mut String) {
    for chunk in bytes.chunks(3) {
        let mut bits = 0_u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0));
        }
        for at in 0..=chunk.len() {
            out.push(char::from(BASE64[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
}

/// From ranges that are neither private nor reserved.
fn address(rng: &mut Rng, out: &mut String) {
    number(rng.pick(&[31, 46, 62, 78, 81, 91, 93, 185, 193, 212]), out);
    for _ in 0..3 {
        out.push('.');
        number(1 + rng.below(254), out);
    }
}

/// Areas 001 to 899 without 666, group and serial never zero.
fn ssn(rng: &mut Rng, out: &mut String) {
    let area = 1 + rng.below(898);
    padded(if area == 666 { 667 } else { area }, 3, out);
    out.push('-');
    padded(1 + rng.below(99), 2, out);
    out.push('-');
    padded(1 + rng.below(9_999), 4, out);
}

fn phone(rng: &mut Rng, out: &mut String) {
    let area = rng.pick(&[212, 305, 312, 415, 503, 617, 713, 818]);
    let line = 100 + rng.below(100);
    let (first, second, third) = match rng.below(6) {
        0 => ("(", ") 555-0", ""),
        1 => ("", "-555-0", ""),
        2 => ("+1-", "-555-0", ""),
        3 => ("+1 (", ") 555-0", ""),
        4 => {
            out.push_str("+44 20 7946 0");
            padded(line + 300, 3, out);
            return;
        }
        _ => {
            out.push_str("+49 30 23125 ");
            padded(line, 3, out);
            return;
        }
    };
    out.push_str(first);
    number(area, out);
    out.push_str(second);
    padded(line, 3, out);
    out.push_str(third);
}
