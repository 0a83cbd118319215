//! Values that turn something on or off.

/// On or off, as written in an annotation or a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Switch {
    /// `true` or `enabled`.
    On,
    /// `false` or `disabled`.
    Off,
}

impl Switch {
    /// Reads `true`, `enabled`, `false` or `disabled` in any case, with blanks around; nothing else,
    /// so that a value that somebody meant otherwise is told rather than guessed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is = |words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        match text {
            _ if is(["true", "enabled"]) => Some(Self::On),
            _ if is(["false", "disabled"]) => Some(Self::Off),
            _ => None,
        }
    }
}
