//! The one place where text from logs becomes text for a terminal or a shell.
//! SGR sequences become styles, tabs are expanded, and every other control,
//! bidi and invisible character is shown as its number, `<202E>`.

use std::fmt::Write;
use std::sync::LazyLock;

use ratatui_core::style::Style;
use regex::Regex;
use unicode_width::UnicodeWidthChar;

mod sgr;

/// Columns between tab stops.
const TAB: usize = 8;
/// Marks that may stand on one character; more of them would paint over neighbouring lines.
const MAX_MARKS: usize = 3;

/// Text that can be written to a terminal, in runs of one style.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Safe {
    /// The text: no control, no bidi, no invisible characters.
    pub text: String,
    /// Byte offset and style of each run; the first starts at 0 if there is any.
    pub runs: Vec<(usize, Style)>,
}

/// Makes text from a log safe. At most `limit` characters of it are looked at.
#[must_use]
pub fn safe(raw: &str, limit: usize) -> Safe {
    let mut out = Safe { text: String::with_capacity(raw.len().min(limit)), runs: Vec::new() };
    let (mut column, mut marks, mut style) = (0, MAX_MARKS, Style::new());
    let mut rest = raw;
    let mut left = limit;
    while let Some(character) = rest.chars().next() {
        if left == 0 {
            out.text.push('…');
            break;
        }
        left -= 1;
        if character == '\x1b'
            && let Some((length, next)) = sgr::parse(rest, style)
        {
            rest = &rest[length..];
            style = next;
            out.runs.push((out.text.len(), style));
            continue;
        }
        rest = &rest[character.len_utf8()..];
        match (character, character.width()) {
            ('\t', _) => {
                let blanks = TAB - column % TAB;
                out.text.extend(std::iter::repeat_n(' ', blanks));
                (column, marks) = (column + blanks, 0);
            }
            (_, Some(width @ 1..)) if !is_hidden(character) => {
                out.text.push(character);
                (column, marks) = (column + width, 0);
            }
            (_, Some(0)) if marks < MAX_MARKS && is_mark(character) => {
                out.text.push(character);
                marks += 1;
            }
            _ => {
                let before = out.text.len();
                push_number(&mut out.text, character);
                (column, marks) = (column + out.text.len() - before, 0);
            }
        }
    }
    out
}

/// As [`safe`], without the styles.
#[must_use]
pub fn plain(raw: &str) -> String {
    safe(raw, usize::MAX).text
}

fn push_number(out: &mut String, character: char) {
    // Writing into a string does not fail.
    let _ignored = write!(out, "<{:02X}>", u32::from(character));
}

/// Characters that take room and still must not reach a terminal: they order or hide what is around them.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
            | 0x2028..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
            | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

fn is_mark(character: char) -> bool {
    static MARK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{M}$").ok());
    let mut buffer = [0; 4];
    !is_hidden(character) && MARK.as_ref().is_some_and(|mark| mark.is_match(character.encode_utf8(&mut buffer)))
}

/// A word of a command line for sh and fish alike, quoted where it must be.
/// What a terminal would act on is written as an escape inside `"$(printf …)"`, which both know;
/// only a newline stands for itself, because shells cut it off there.
#[must_use]
pub fn quote(word: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@".contains(c);
    if !word.is_empty() && word.chars().all(bare) {
        return word.to_owned();
    }
    // fish reads `\\` and `\'` inside single quotes, sh reads neither: both stay outside of them.
    let mut out = String::new();
    let mut open = false;
    let mut escaped = String::new();
    for character in word.chars() {
        let control = character != '\n' && (is_hidden(character) || character.width() == Some(0));
        if control {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                let _ignored = write!(escaped, "\\{byte:03o}");
            }
            continue;
        }
        if !escaped.is_empty() {
            close(&mut out, &mut open);
            push_printf(&mut out, &escaped);
            escaped.clear();
        }
        if matches!(character, '\'' | '\\') {
            close(&mut out, &mut open);
            out.push_str(if character == '\'' { "\"'\"" } else { "\\\\" });
            continue;
        }
        if !open {
            out.push('\'');
            open = true;
        }
        out.push(character);
    }
    close(&mut out, &mut open);
    if !escaped.is_empty() {
        push_printf(&mut out, &escaped);
    }
    if out.is_empty() { "''".to_owned() } else { out }
}

fn close(out: &mut String, open: &mut bool) {
    if std::mem::take(open) {
        out.push('\'');
    }
}

fn push_printf(out: &mut String, escaped: &str) {
    let _ignored = write!(out, "\"$(printf '{escaped}')\"");
}

#[cfg(test)]
mod tests;
