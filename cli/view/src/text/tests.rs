//! No log text acts on a terminal or on a shell.

use proptest::prelude::*;

use super::*;

#[test]
fn controls_are_shown_by_number() {
    assert_eq!(plain("a\u{202e}b\u{200b}c\x1b]0;t\x07\r\n\u{9b}2J"), "a<202E>b<200B>c<1B>]0;t<07><0D><0A><9B>2J");
    assert_eq!(plain("a\tb"), "a       b");
    assert_eq!(plain("e\u{301}\u{301}\u{301}\u{301}"), "e\u{301}\u{301}\u{301}<301>");
    assert_eq!(plain("\u{301}"), "<301>");
    assert_eq!(plain("日本 👩\u{200d}🚀"), "日本 👩<200D>🚀");
}

#[test]
fn colours_become_styles() {
    let safe = safe("\x1b[31mred\x1b[0m \x1b[1;38;5;200mx\x1b[2J", 100);
    assert_eq!(safe.text, "red x<1B>[2J");
    assert_eq!(safe.runs.iter().map(|run| run.0).collect::<Vec<_>>(), [0, 3, 4]);
}

fn shell(shell: &str, word: &str) -> Option<Vec<u8>> {
    let script = format!("printf %s {word}");
    std::process::Command::new(shell).args(["-c", &script]).output().ok().map(|output| output.stdout)
}

#[test]
fn quoted_words_come_back_from_shells() {
    let words = [
        "a b",
        "it's",
        "$(reboot)",
        "`x`",
        "a\\b",
        "\\",
        "'",
        "''\\'",
        "\x1b[31m",
        "a\nb",
        "\u{202e}x",
        "~",
        "*",
        "!",
        "#",
        "日本",
        "\"",
        "%d%s",
        "",
        "-",
        "a\x1b",
        "\u{301}",
        "{a,b}",
    ];
    for word in words {
        for name in ["sh", "fish"] {
            if let Some(output) = shell(name, &quote(word)) {
                assert_eq!(String::from_utf8_lossy(&output), word, "{name}: {}", quote(word));
            }
        }
    }
}

proptest! {
    #[test]
    fn nothing_acts(raw in "(\\PC|[\\x00-\\x1f\\x7f-\\x9f]|\\x1b\\[[0-9;]{0,4}[a-zA-Z]|[\u{200b}-\u{202f}]){0,60}") {
        let text = safe(&raw, 1000);
        for character in text.text.chars() {
            prop_assert!(!is_hidden(character), "{character:?}");
        }
        for (at, _) in &text.runs {
            prop_assert!(text.text.is_char_boundary(*at));
        }
    }

    #[test]
    fn quoting_hides_nothing(word in "\\PC{0,20}|[\\x01-\\x7f]{0,12}") {
        let quoted = quote(&word);
        let lines: Vec<String> = quoted.split('\n').map(plain).collect();
        prop_assert_eq!(lines.join("\n"), quoted.clone());
        if let Some(output) = shell("sh", &quoted) {
            prop_assert_eq!(String::from_utf8_lossy(&output), word);
        }
    }
}
