//! Any bytes as a message: masking never panics, stays within its bounds, and
//! the key that is hashed is the key that is built.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logtap_analyze::mine::{Miner, Options};
use logtap_analyze::pattern::merge::{self, Masked};
use logtap_analyze::pattern::{fold, key, message, token};

fuzz_target!(|data: &[u8]| {
    let (left, right) = data.split_at(data.len() / 2);
    let keys = [left, right, data].map(|text| (key::digest(text), key::build(text)));
    for (digest, built) in &keys {
        assert!(built.len() <= 4 * (token::MAX_BYTES + token::MAX_TOKENS));
        for (other, other_built) in &keys {
            if built == other_built {
                assert_eq!(digest.hash, other.hash);
            }
        }
    }
    let masked: Vec<Masked<'_>> = keys.iter().map(|(_, key)| Masked { key, varied: 0 }).collect();
    assert_eq!(merge::templates(&masked).len(), masked.len());
    let mut scratch = Vec::new();
    if let Some(fields) = message::fields(data, &mut scratch) {
        let _ = (fields.digest(), fields.build());
    }
    let mut mode = fold::Mode::default();
    for line in String::from_utf8_lossy(data).lines() {
        let _ = fold::place(line, &mut mode);
    }
    let _ = Miner::new(Options::default()).lines(data);
});
