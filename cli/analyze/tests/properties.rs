//! Templates do not depend on the order of lines, and a template fits its lines.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use logtap_analyze::pattern::key;
use logtap_analyze::pattern::merge::{self, Masked};
use proptest::prelude::*;

/// Hash, key, varied names and spelling of names of a masked message.
type Known = (u64, Box<[u8]>, u8, [u32; key::MAX_SOFT]);

/// The template of each line, by line.
fn templates(lines: &[String]) -> BTreeMap<String, String> {
    let mut keys: Vec<Known> = Vec::new();
    let mut places = Vec::new();
    for line in lines {
        let digest = key::digest(line.as_bytes());
        let place = keys.iter().position(|one| one.0 == digest.hash).unwrap_or_else(|| {
            keys.push((digest.hash, key::build(line.as_bytes()), 0, digest.soft));
            keys.len() - 1
        });
        for at in 0..key::MAX_SOFT {
            keys[place].2 |= u8::from(keys[place].3[at] != digest.soft[at]) << at;
        }
        places.push(place);
    }
    let masked: Vec<Masked<'_>> = keys.iter().map(|one| Masked { key: &one.1, varied: one.2 }).collect();
    let found = merge::templates(&masked);
    lines.iter().cloned().zip(places.into_iter().map(|place| found[place].clone())).collect()
}

fn line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("user".to_owned()),
        Just("root".to_owned()),
        Just("opened".to_owned()),
        Just("closed".to_owned()),
        Just("from".to_owned()),
        Just("=".to_owned()),
        Just("eth0".to_owned()),
        Just("eth1".to_owned()),
        Just("10.0.0.1:80".to_owned()),
        Just("/a/b".to_owned()),
        Just("{\"msg\":\"x 1\"}".to_owned()),
        "[a-z]{1,5}",
        "[0-9]{1,4}",
        "[ -~]{1,8}",
        "\\PC{1,3}",
    ];
    proptest::collection::vec(word, 0..8).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn order_is_nothing(lines in proptest::collection::vec(line(), 1..60), seed in any::<u64>()) {
        let mut shuffled = lines.clone();
        let mut state = seed | 1;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, (state >> 33) as usize % (at + 1));
        }
        prop_assert_eq!(templates(&lines), templates(&shuffled));
    }

    #[test]
    fn a_template_fits_its_line(lines in proptest::collection::vec("[a-c ]{0,3}[a-z]{1,4} [a-z]{1,4}[=:(][a-z0-9]{1,5}[) ][0-9]{1,4}", 1..40)) {
        for (line, template) in templates(&lines) {
            let blanks = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let line = blanks(&line);
            let mut rest = line.as_str();
            for (at, piece) in template.split("<*>").enumerate() {
                let place = rest.find(piece);
                prop_assert!(place.is_some() && (at > 0 || place == Some(0)), "{line:?} is not {template:?}");
                rest = &rest[place.unwrap() + piece.len()..];
            }
        }
    }
}
