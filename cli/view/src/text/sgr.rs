//! `ESC [ … m`: the only sequence of logs that has a meaning here.

use ratatui_core::style::{Color, Modifier, Style};

/// Length of the sequence at the start of `text` and the style behind it; `None` if it is something else.
pub(super) fn parse(text: &str, style: Style) -> Option<(usize, Style)> {
    let rest = text.strip_prefix("\x1b[")?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':'))?;
    if end > 64 || !rest[end..].starts_with('m') {
        return None;
    }
    let numbers: Vec<u16> = rest[..end].split([';', ':']).map(|one| one.parse().unwrap_or(0)).collect();
    Some((2 + end + 1, apply(&numbers, style)))
}

fn apply(numbers: &[u16], mut style: Style) -> Style {
    let mut at = 0;
    while let Some(&number) = numbers.get(at) {
        at += 1;
        style = match number {
            0 => Style::new(),
            1 => style.add_modifier(Modifier::BOLD),
            2 => style.add_modifier(Modifier::DIM),
            3 => style.add_modifier(Modifier::ITALIC),
            4 => style.add_modifier(Modifier::UNDERLINED),
            22 => style.remove_modifier(Modifier::BOLD | Modifier::DIM),
            23 => style.remove_modifier(Modifier::ITALIC),
            24 => style.remove_modifier(Modifier::UNDERLINED),
            30..=37 => style.fg(Color::Indexed((number - 30) as u8)),
            90..=97 => style.fg(Color::Indexed((number - 90 + 8) as u8)),
            39 => Style { fg: None, ..style },
            38 | 48 => {
                let (colour, used) = extended(&numbers[at..]);
                at += used;
                // A background would be painted over the terminal's own.
                match colour {
                    Some(colour) if number == 38 => style.fg(colour),
                    _ => style,
                }
            }
            _ => style,
        };
    }
    style
}

fn extended(numbers: &[u16]) -> (Option<Color>, usize) {
    let byte = |number: u16| u8::try_from(number).ok();
    match numbers {
        [5, index, ..] => (byte(*index).map(Color::Indexed), 2),
        [2, r, g, b, ..] => {
            let colour = byte(*r).zip(byte(*g)).zip(byte(*b)).map(|((r, g), b)| Color::Rgb(r, g, b));
            (colour, 4)
        }
        _ => (None, numbers.len()),
    }
}
