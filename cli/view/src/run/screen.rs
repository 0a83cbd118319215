//! The terminal: taken, written in whole frames, and given back as it was.

use std::io::{self, Write};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, queue};
use ratatui_core::backend::Backend;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_crossterm::CrosstermBackend;

use crate::draw;
use crate::draw::plain::Said;
use crate::draw::theme::Theme;
use crate::state::State;

/// Turns states into the bytes that bring a terminal from one to the next.
#[derive(Debug)]
pub struct Painter {
    theme: Theme,
    shown: Buffer,
    fresh: bool,
}

/// The terminal while the view has it. Given back on drop.
#[derive(Debug)]
pub struct Screen {
    way: Way,
    /// The terminal tells what the mouse does.
    mouse: bool,
}

/// Presses and the wheel, and coordinates in decimal (`xterm` modes 1000 and 1006). Movements are not asked for:
/// each would be an answer and a frame.
const TAKE_MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1006h";
/// The mouse as it was.
const GIVE_MOUSE: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// A screen that is painted, or lines that are said.
#[derive(Debug)]
enum Way {
    Painted(Painter),
    Said(Said),
}

impl Painter {
    /// For a terminal that shows nothing of ours.
    #[must_use]
    pub fn new(theme: Theme) -> Self {
        Self { theme, shown: Buffer::empty(Rect::ZERO), fresh: true }
    }

    /// The bytes that bring the terminal to this state; none if it is there.
    ///
    /// # Errors
    /// Never in practice: it writes into memory.
    pub fn frame(&mut self, state: &State) -> io::Result<Vec<u8>> {
        let area = Rect { x: 0, y: 0, width: state.size.0, height: state.size.1 };
        if self.shown.area != area {
            self.fresh = true;
        }
        let mut next = Buffer::empty(area);
        draw::draw(state, &self.theme, &mut next);
        if self.fresh {
            self.shown = Buffer::empty(area);
        }
        let changes = self.shown.diff(&next);
        if changes.is_empty() && !self.fresh {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        queue!(bytes, BeginSynchronizedUpdate)?;
        if self.fresh {
            queue!(bytes, Clear(ClearType::All))?;
        }
        CrosstermBackend::new(&mut bytes).draw(changes.into_iter())?;
        queue!(bytes, EndSynchronizedUpdate)?;
        self.fresh = false;
        self.shown = next;
        Ok(bytes)
    }
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If it is none.
    pub fn enter(theme: Theme, plain: bool) -> io::Result<Self> {
        enable_raw_mode()?;
        let way = if plain { Way::Said(Said::default()) } else { Way::Painted(Painter::new(theme)) };
        let screen = Self { way, mouse: false };
        write_all(&screen.entry()?)?;
        Ok(screen)
    }

    /// Draws the state: what differs from what is shown, in one write. A key is `answered` by a frame even
    /// if nothing differs, so that who waits for its end (a multiplexer, a script, a test) waits for no other.
    ///
    /// # Errors
    /// If the terminal cannot be written.
    pub fn draw(&mut self, state: &State, answered: bool) -> io::Result<()> {
        let mut bytes = match &mut self.way {
            Way::Painted(painter) => painter.frame(state)?,
            Way::Said(said) => said.say(state).into_bytes(),
        };
        if bytes.is_empty() && answered && matches!(self.way, Way::Painted(_)) {
            bytes = sequence(|out| queue!(out, BeginSynchronizedUpdate, EndSynchronizedUpdate))?;
        }
        if bytes.is_empty() { Ok(()) } else { write_all(&bytes) }
    }

    /// Draws everything with the next frame.
    pub fn forget(&mut self) {
        match &mut self.way {
            Way::Painted(painter) => painter.fresh = true,
            Way::Said(said) => *said = Said::default(),
        }
    }

    /// Puts text into the terminal's clipboard (OSC 52), where it has one.
    ///
    /// # Errors
    /// If the terminal cannot be written.
    pub fn copy(&self, text: &str) -> io::Result<()> {
        write_all(format!("\x1b]52;c;{}\x07", base64(text.as_bytes())).as_bytes())
    }

    /// Takes the mouse, or gives it back.
    ///
    /// # Errors
    /// If the terminal cannot be written.
    pub fn take_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        write_all(if on { TAKE_MOUSE } else { GIVE_MOUSE })
    }

    /// Gives the terminal back, stops this process, and takes the terminal again once it goes on.
    ///
    /// # Errors
    /// If the terminal cannot be taken again.
    pub fn suspend(&mut self) -> io::Result<()> {
        self.leave();
        // To this thread: sent to the process, another one may take it, and this one goes on for a moment.
        signal_hook::low_level::raise(signal_hook::consts::SIGSTOP)?;
        self.forget();
        enable_raw_mode()?;
        write_all(&self.entry()?)
    }

    /// Gives the terminal back. Where it is gone, there is nothing to restore.
    fn leave(&self) {
        let bytes = match self.way {
            Way::Painted(_) => sequence(|out| queue!(out, DisableBracketedPaste, cursor::Show, LeaveAlternateScreen)),
            Way::Said(_) => sequence(|out| queue!(out, DisableBracketedPaste)),
        };
        let mouse = if self.mouse { GIVE_MOUSE } else { b"" };
        drop(bytes.and_then(|bytes| write_all(&[mouse, &bytes].concat())));
        cook();
    }

    fn entry(&self) -> io::Result<Vec<u8>> {
        let mut bytes = match self.way {
            Way::Painted(_) => sequence(|out| {
                queue!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide, Clear(ClearType::All))
            }),
            Way::Said(_) => sequence(|out| queue!(out, EnableBracketedPaste)),
        }?;
        bytes.extend_from_slice(if self.mouse { TAKE_MOUSE } else { b"" });
        Ok(bytes)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Gives lines back to the terminal's own treatment, without writing a byte.
pub(super) fn cook() {
    drop(disable_raw_mode());
}

fn sequence(make: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    make(&mut bytes)?;
    Ok(bytes)
}

fn write_all(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Base64 with padding, as OSC 52 wants it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = (word >> (18 - 6 * at) & 63) as usize;
            out.push(if at <= chunk.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    out
}
