//! No text makes the redactor panic, and redacting its output again changes nothing.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use logtap_redact::{Builtin, Config, Redactor};

static REDACTORS: LazyLock<[Redactor; 2]> = LazyLock::new(|| {
    [None, Some([7; 32])].map(|hash_key| {
        let config = Config { builtins: Builtin::ALL.to_vec(), patterns: Vec::new(), hash_key };
        Redactor::new(config).expect("built-in rules are valid")
    })
});

fuzz_target!(|text: &str| {
    for redactor in &*REDACTORS {
        let (mut once, mut twice) = (String::new(), String::new());
        let mut hits = [0; 7];
        let changed = redactor.redact(text, &mut once, &mut hits);
        assert_eq!(changed, hits.iter().sum::<u64>() > 0);
        if changed {
            assert!(!redactor.redact(&once, &mut twice, &mut hits), "{once:?} became {twice:?}");
        } else {
            assert!(once.is_empty());
        }
    }
});
