//! Any bytes as text from a log: what is made of them holds nothing that a
//! terminal or a shell would act on, and says the same however often it is made.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logtap_view::text::{plain, quote, safe};

/// Characters that order, hide or command.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0xAD | 0x61C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xE0000..=0xE0FFF)
}

fuzz_target!(|data: &[u8]| {
    let raw = String::from_utf8_lossy(data);
    let limit = data.first().map_or(0, |byte| usize::from(*byte));
    for made in [safe(&raw, usize::MAX), safe(&raw, limit)] {
        assert!(!made.text.contains(acts), "{:?}", made.text);
        assert!(made.runs.iter().all(|(at, style)| made.text.is_char_boundary(*at) && style.bg.is_none()));
        assert!(made.runs.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert_eq!(plain(&made.text), made.text, "what is safe stays as it is");
    }
    let quoted = quote(&raw);
    assert!(!quoted.chars().any(|character| character != '\n' && acts(character)), "{quoted:?}");
    // Outside of single quotes nothing stands but what quoting itself writes.
    let (mut inside, mut rest) = (false, quoted.as_str());
    while let Some(first) = rest.chars().next() {
        let skip = match first {
            '\'' => {
                inside = !inside;
                1
            }
            _ if inside => first.len_utf8(),
            '"' if rest.starts_with("\"'\"") => 3,
            '"' => {
                let body = rest.strip_prefix("\"$(printf '").expect("only printf is run");
                let end = body.find("')\"").expect("and it ends");
                assert!(body[..end].bytes().all(|byte| byte == b'\\' || byte.is_ascii_digit()));
                "\"$(printf '".len() + end + 3
            }
            '\\' => {
                assert!(rest.starts_with("\\\\"));
                2
            }
            bare => {
                assert!(bare.is_ascii_alphanumeric() || "-_./:=,+@".contains(bare), "{quoted:?}");
                1
            }
        };
        rest = &rest[skip..];
    }
    assert!(!inside);
});
