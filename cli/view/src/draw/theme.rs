//! Colours, from the terminal's own sixteen, so that they suit light and dark
//! backgrounds alike; the background itself is never painted.

use logtap_capture::level::Level;
use ratatui_core::style::{Color, Modifier, Style};

/// How many colours there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// None: weight and inversion only.
    Mono,
    /// Sixteen.
    #[default]
    Sixteen,
    /// 256.
    Many,
    /// Any.
    True,
}

impl Depth {
    /// What the environment says: `NO_COLOR`, `TERM`, `COLORTERM`.
    #[must_use]
    pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        if set("NO_COLOR").is_some() || term == "dumb" || term.starts_with("vt1") || term.starts_with("vt2") {
            return Self::Mono;
        }
        match set("COLORTERM").as_deref() {
            Some("truecolor" | "24bit") => Self::True,
            _ if term.contains("256color") => Self::Many,
            _ => Self::Sixteen,
        }
    }
}

/// Styles by meaning.
#[derive(Debug, Clone, Copy, Default)]
pub struct Theme {
    /// Colours there are.
    pub depth: Depth,
}

impl Theme {
    fn colour(self, colour: Color) -> Style {
        if self.depth == Depth::Mono { Style::new() } else { Style::new().fg(colour) }
    }

    /// A level, in the lines.
    #[must_use]
    pub fn level(self, level: Level) -> Style {
        match level {
            Level::Fatal | Level::Error => self.colour(Color::Red).add_modifier(Modifier::BOLD),
            Level::Warn => self.colour(Color::Yellow),
            Level::Info => self.colour(Color::Green),
            Level::Debug | Level::Trace => self.dim(),
            Level::Unknown => Style::new(),
        }
    }

    /// Something to worry about.
    #[must_use]
    pub fn alarm(self) -> Style {
        self.colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Something of less weight.
    #[must_use]
    pub fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Something that stands out.
    #[must_use]
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A name, a key.
    #[must_use]
    pub fn name(self) -> Style {
        self.colour(Color::Cyan)
    }

    /// A hit of the search.
    #[must_use]
    pub fn hit(self) -> Style {
        self.colour(Color::Magenta).add_modifier(Modifier::REVERSED)
    }

    /// The line that keys act on.
    #[must_use]
    pub fn cursor(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A style of a log line in the colours there are.
    #[must_use]
    pub fn of_log(self, style: Style) -> Style {
        let fg = style.fg.and_then(|colour| match (colour, self.depth) {
            (_, Depth::Mono) | (Color::Rgb(..), Depth::Sixteen | Depth::Many) => None,
            (Color::Indexed(index @ 16..), Depth::Sixteen) => (index < 16).then_some(colour),
            _ => Some(colour),
        });
        Style { fg, bg: None, ..style }
    }

    /// A service's colour, the same wherever it is shown.
    #[must_use]
    pub fn service(self, name: &str) -> Style {
        const COLOURS: [Color; 5] = [Color::Blue, Color::Cyan, Color::Magenta, Color::Green, Color::LightBlue];
        let sum = name.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        self.colour(COLOURS[sum % COLOURS.len()])
    }
}
