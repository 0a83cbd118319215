//! Warnings of a response, kept to what the API server passes on whole.

/// Longest warning, in bytes: beyond it the API server may cut.
const MAX_ONE: usize = 256;
/// Most bytes of all warnings of one response together.
const MAX_ALL: usize = 4096;
const PREFIX: &str = "logtap: ";
const CUT: &str = "…";
const MORE: &str = "logtap: further warnings are left out";

/// Warnings in the order in which they came up, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings(Vec<String>);

impl Warnings {
    /// Adds one: a sentence without the program's name, cut to 256 bytes, without control characters,
    /// which no HTTP header may hold. Past 4096 bytes in all, one warning says that others are missing.
    pub fn push(&mut self, text: impl AsRef<str>) {
        let text: String = text.as_ref().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let one = shorten(format!("{PREFIX}{text}"));
        if self.0.contains(&one) || self.0.last().is_some_and(|last| last == MORE) {
            return;
        }
        let used: usize = self.0.iter().map(String::len).sum();
        let fits = used + one.len() + MORE.len() <= MAX_ALL;
        self.0.push(if fits { one } else { MORE.to_owned() });
    }

    /// The warnings.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

fn shorten(mut text: String) -> String {
    if text.len() > MAX_ONE {
        let mut end = MAX_ONE - CUT.len();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(CUT);
    }
    text
}
