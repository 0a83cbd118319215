//! The mouse, where the person wants it: the wheel scrolls, a click goes to a line or a time.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui_core::layout::{Position, Rect};

use super::Effect;
use crate::draw;
use crate::keys::Action;
use crate::loader::Anchor;
use crate::state::State;

/// Lines of a step of the wheel, as in most terminals.
const WHEEL: u32 = 3;

impl State {
    /// The mouse was used.
    pub fn mouse(&mut self, event: &MouseEvent) -> Vec<Effect> {
        if self.prompt.is_some() {
            return Vec::new();
        }
        self.touched = true;
        self.changed = None;
        match event.kind {
            MouseEventKind::ScrollDown => self.wheel(Action::Down, KeyCode::Down),
            MouseEventKind::ScrollUp => self.wheel(Action::Up, KeyCode::Up),
            MouseEventKind::Down(MouseButton::Left) if self.overlay.is_none() => {
                self.click(Position { x: event.column, y: event.row })
            }
            _ => Vec::new(),
        }
    }

    fn wheel(&mut self, action: Action, key: KeyCode) -> Vec<Effect> {
        if self.overlay.is_some() {
            return self.key(&KeyEvent::new(key, KeyModifiers::NONE));
        }
        self.act(action, Some(WHEEL))
    }

    fn click(&mut self, at: Position) -> Vec<Effect> {
        let parts = draw::layout(self);
        if parts.pane.contains(at) {
            return if at.x + 1 == parts.pane.right() {
                self.click_bar(at, parts.pane)
            } else {
                self.click_line(at, parts.pane)
            };
        }
        if parts.histogram.contains(at)
            && let Some((from, to)) = draw::range(self)
        {
            return self.go_to_share(from, to, at.x - parts.histogram.x, parts.histogram.width);
        }
        Vec::new()
    }

    fn click_bar(&mut self, at: Position, pane: Rect) -> Vec<Effect> {
        let span = self.span();
        if span.is_empty() {
            return Vec::new();
        }
        self.go_to_share(span.from, span.to, at.y - pane.y, pane.height)
    }

    fn go_to_share(&mut self, from: i64, to: i64, part: u16, whole: u16) -> Vec<Effect> {
        let length = i128::from(to) - i128::from(from);
        let ts = i128::from(from) + length * i128::from(part) / i128::from(whole.max(1));
        self.message = None;
        self.leave_end();
        vec![self.seek(Anchor::Time(ts as i64, 0))]
    }

    fn click_line(&mut self, at: Position, pane: Rect) -> Vec<Effect> {
        let mut y = pane.y;
        for (nth, row) in self.rows.iter().enumerate().skip(self.top) {
            y += draw::lines_of(self, row) as u16;
            if at.y < y {
                let by = nth as i64 - self.cursor as i64;
                self.message = None;
                return self.scroll(by);
            }
        }
        Vec::new()
    }
}
