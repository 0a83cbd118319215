//! Redaction of one request's texts, with its buffer and its counts.

use std::borrow::Cow;

use logtap_redact::Redactor;

/// A redactor with the buffers and counts of one request.
#[derive(Debug)]
pub(crate) struct Redaction<'r> {
    redactor: Option<&'r Redactor>,
    out: String,
    pub(crate) hits: Vec<u64>,
}

impl<'r> Redaction<'r> {
    pub(crate) fn new(redactor: Option<&'r Redactor>) -> Self {
        let rules = redactor.map_or(0, |redactor| redactor.names().len());
        Self { redactor, out: String::new(), hits: vec![0; rules] }
    }

    /// The text with everything redacted; valid until the next call.
    pub(crate) fn apply<'t>(&'t mut self, text: &'t str) -> &'t str {
        match self.redactor {
            Some(redactor) if redactor.redact(text, &mut self.out, &mut self.hits) => &self.out,
            _ => text,
        }
    }

    /// A name with everything redacted. Two names may become one, which `taken` tells: the second then gets a number.
    pub(crate) fn apply_name<'t>(&mut self, name: &'t str, taken: impl Fn(&str) -> bool) -> Cow<'t, str> {
        match self.redactor {
            Some(redactor) if redactor.redact(name, &mut self.out, &mut self.hits) => {
                let numbered = (2..).map(|n| format!("{}_{n}", self.out));
                let mut names = std::iter::once(self.out.clone()).chain(numbered);
                names.find(|name| !taken(name)).map_or(Cow::Borrowed(""), Cow::Owned)
            }
            _ => Cow::Borrowed(name),
        }
    }

    pub(crate) fn apply_owned(&mut self, text: String) -> String {
        match self.redactor {
            Some(redactor) if redactor.redact(&text, &mut self.out, &mut self.hits) => self.out.clone(),
            _ => text,
        }
    }
}
