//! Labels in both forms: no panic, sorted, each name once, no NUL.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logtap_push::{LabelForm, Labels};

fuzz_target!(|data: &[u8]| {
    for form in [LabelForm::Json, LabelForm::Text] {
        let parsed = Labels::new(form, data).parse();
        assert!(parsed.pairs.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(
            parsed
                .pairs
                .iter()
                .all(|(name, value)| !name.contains('\0') && !value.contains('\0'))
        );
    }
});
