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
        let is = |switch: &Self| switch.words().iter().any(|word| text.eq_ignore_ascii_case(word));
        [Self::On, Self::Off].into_iter().find(is)
    }

    /// The words for it, in lower case.
    pub(crate) fn words(self) -> [&'static str; 2] {
        match self {
            Self::On => ["true", "enabled"],
            Self::Off => ["false", "disabled"],
        }
    }
}
