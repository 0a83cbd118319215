//! A lane for each of the loudest services: its volume over time, errors in red.

use logtap_capture::level::Level;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

use super::histogram::{columns, loudest};
use super::put;
use super::theme::Theme;
use crate::state::State;
use crate::text::plain;

const NAME: u16 = 14;
const STEPS: [&str; 5] = ["·", "▂", "▄", "▆", "█"];

pub(super) fn draw(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 || area.width <= NAME {
        return;
    }
    for (row, service) in loudest(state, usize::from(area.height)).into_iter().enumerate() {
        let y = area.y + row as u16;
        let name = plain(&service);
        put(buffer, area.x, y, NAME - 1, &name, theme.service(&name));
        let counts = columns(state, usize::from(area.width - NAME), Some(&service));
        let most = counts.iter().map(|levels| levels.iter().sum::<u64>()).max().unwrap_or(0);
        for (at, levels) in counts.iter().enumerate() {
            let total: u64 = levels.iter().sum();
            if total == 0 {
                continue;
            }
            let step = (total * 4).div_ceil(most.max(1)).min(4) as usize;
            let errors = levels[Level::Error as usize] + levels[Level::Fatal as usize];
            let style = if errors > 0 { theme.level(Level::Error) } else { theme.dim() };
            put(buffer, area.x + NAME + at as u16, y, 1, STEPS[step], style);
        }
    }
}
