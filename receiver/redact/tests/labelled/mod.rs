//! The labelled lines: files written by hand from the definitions of the rules, and generated ones.

use logtap_redact::{
    Builtin,
    corpus::{Labelled, parse},
};

/// The lines with values, by the rule that must find them.
pub(crate) fn positives() -> Result<Vec<(Builtin, Vec<Labelled>)>, String> {
    let files = [
        (Builtin::CreditCard, include_str!("../../corpus/credit_card.txt")),
        (Builtin::Email, include_str!("../../corpus/email.txt")),
        (Builtin::Jwt, include_str!("../../corpus/jwt.txt")),
        (Builtin::Bearer, include_str!("../../corpus/bearer.txt")),
        (Builtin::IpV4, include_str!("../../corpus/ip_v4.txt")),
        (Builtin::Ssn, include_str!("../../corpus/ssn.txt")),
        (Builtin::Phone, include_str!("../../corpus/phone.txt")),
    ];
    files.into_iter().map(|(rule, text)| Ok((rule, parse(text)?))).collect()
}

/// Lines without a value that look as if they had one.
pub(crate) fn negatives() -> Result<Vec<Labelled>, String> {
    parse(include_str!("../../corpus/negatives.txt"))
}

/// Generated lines: random cards of every brand and spelling, and random numbers that are no cards.
pub(crate) fn generated() -> Vec<(&'static str, Vec<Labelled>)> {
    let mut random = fastrand::Rng::with_seed(20_261_122);
    let mut cards = Vec::new();
    for &(prefix, len) in BRANDS {
        for spelling in 0..4 {
            cards.extend((0..100).filter_map(|_| card(&mut random, prefix, len, spelling)));
        }
    }
    let mut many = |line: fn(&mut fastrand::Rng) -> String| -> Vec<Labelled> {
        (0..10_000).map(|_| Labelled { text: line(&mut random), values: Vec::new() }).collect()
    };
    vec![
        ("random cards", cards),
        ("epoch ms", many(|r| format!("ts={} ok", r.u64(1_600_000_000_000..1_900_000_000_000)))),
        ("epoch ns", many(|r| format!("ts={} ok", r.u64(1_600_000_000_000_000_000..1_900_000_000_000_000_000)))),
        (
            "uuid",
            many(|r| {
                let x = format!("{:032x}", r.u128(..));
                format!("id={}-{}-{}-{}-{}", &x[..8], &x[8..12], &x[12..16], &x[16..20], &x[20..])
            }),
        ),
        ("hex ids of 16", many(|r| format!("span={:016x}", r.u64(..)))),
        ("hex ids of 32", many(|r| format!("trace={:032x}", r.u128(..)))),
        ("floats", many(|r| format!("{} {:e}", r.f64() * 10_000.0, r.f64() * 1e9))),
        ("random 63-bit ids", many(|r| format!("id={}", r.u64(..1 << 63)))),
        (
            "numbers in columns",
            many(|r| {
                format!("\"GET / HTTP/1.1\" {} {} {} {:.3}", r.u32(200..505), r.u32(..1000), r.u32(..10_000), r.f32())
            }),
        ),
        (
            "stamps",
            many(|r| {
                format!("2026{:02}{:02}{:02}{:02}{:02} x", r.u8(1..13), r.u8(1..29), r.u8(..24), r.u8(..60), r.u8(..60))
            }),
        ),
    ]
}

/// Issuer prefixes and lengths.
const BRANDS: &[(&str, usize)] = &[
    ("4", 13),
    ("4", 16),
    ("4", 19),
    ("51", 16),
    ("55", 16),
    ("2221", 16),
    ("2720", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("644", 16),
    ("65", 16),
    ("65", 19),
    ("3528", 16),
    ("3589", 16),
    ("300", 14),
    ("305", 14),
    ("36", 14),
    ("38", 14),
    ("62", 16),
    ("62", 17),
    ("62", 19),
];

fn card(random: &mut fastrand::Rng, prefix: &str, len: usize, spelling: usize) -> Option<Labelled> {
    let mut digits: String = prefix.into();
    while digits.len() < len - 1 {
        digits.push(char::from(b'0' + random.u8(..10)));
    }
    let last = (b'0'..=b'9').find(|&d| {
        let all = digits.bytes().chain([d]);
        let sum: u32 =
            (all.rev().enumerate()).map(|(i, d)| u32::from(d - b'0') << (i & 1)).map(|d| d / 10 + d % 10).sum();
        sum.is_multiple_of(10)
    })?;
    digits.push(char::from(last));
    let separator = ["", " ", "-", "%20"][spelling];
    let groups: &[usize] = match len {
        _ if spelling == 0 => &[],
        16 => &[4, 8, 12],
        15 | 14 => &[4, 10],
        19 => &[4, 8, 12, 16],
        _ => return None,
    };
    let mut value = String::new();
    for (i, d) in digits.chars().enumerate() {
        if groups.contains(&i) {
            value.push_str(separator);
        }
        value.push(d);
    }
    let start = "card=".len();
    let values = std::iter::once(start..start + value.len()).collect();
    Some(Labelled { text: format!("card={value} ok"), values })
}
