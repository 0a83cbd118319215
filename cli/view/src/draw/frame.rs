//! A frame over the middle of the screen, for what is shown for a while.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Style;

use super::put;
use super::theme::Theme;

/// A frame in the middle of the screen, emptied; returns its inside.
pub(super) fn frame(theme: &Theme, width: u16, height: u16, title: &str, buffer: &mut Buffer) -> Rect {
    let screen = buffer.area;
    let (width, height) = (width.min(screen.width), height.min(screen.height));
    let area = Rect { x: (screen.width - width) / 2, y: (screen.height - height) / 2, width, height };
    for y in area.y..area.y + height {
        put(buffer, area.x, y, width, &" ".repeat(usize::from(width)), Style::reset());
    }
    if width < 4 || height < 3 {
        return area;
    }
    let bar = "─".repeat(usize::from(width) - 2);
    put(buffer, area.x, area.y, width, &format!("┌{bar}┐"), theme.dim());
    put(buffer, area.x, area.y + height - 1, width, &format!("└{bar}┘"), theme.dim());
    for y in area.y + 1..area.y + height - 1 {
        put(buffer, area.x, y, 1, "│", theme.dim());
        put(buffer, area.x + width - 1, y, 1, "│", theme.dim());
    }
    put(buffer, area.x + 2, area.y, width - 4, title, theme.strong());
    Rect { x: area.x + 2, y: area.y + 1, width: width - 4, height: height - 2 }
}
