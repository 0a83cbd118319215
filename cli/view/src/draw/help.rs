//! What lies over the lines: the keymap, and the question before leaving.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Style;

use super::Pen;
use super::frame::frame;
use super::theme::Theme;
use crate::keys;
use crate::state::State;

pub(super) fn draw(state: &State, theme: &Theme, from: u16, buffer: &mut Buffer) {
    let all: Vec<_> = keys::bindings(state.live()).collect();
    let inside = frame(theme, 76, all.len() as u16 + 2, " keys: j and k scroll, any other closes ", buffer);
    let from = usize::from(from).min(all.len().saturating_sub(usize::from(inside.height)));
    for (nth, binding) in all.iter().skip(from).take(usize::from(inside.height)).enumerate() {
        let mut pen = Pen::new(buffer, Rect { y: inside.y + nth as u16, height: 1, ..inside });
        pen.put(&format!("{:<17}", state.options.keymap.keys(binding).replace(' ', ", ")), theme.name());
        pen.put(binding.words, Style::reset());
    }
}

pub(super) fn ask(state: &State, theme: &Theme, buffer: &mut Buffer) {
    let inside = frame(theme, 62, 6, " leave ", buffer);
    let dir = crate::text::plain(&state.moment.archive.dir.to_string_lossy());
    let lines = [
        ("s", "stop receiving: drain, seal the capture, end".to_owned()),
        ("d", "detach: receiving goes on".to_owned()),
        ("", format!("   logtap open {dir}  comes back")),
        ("Esc", "stay".to_owned()),
    ];
    for (nth, (key, words)) in lines.iter().take(usize::from(inside.height)).enumerate() {
        let mut pen = Pen::new(buffer, Rect { y: inside.y + nth as u16, height: 1, ..inside });
        pen.put(&format!("{key:<5}"), theme.name());
        pen.put(words, Style::reset());
    }
}
