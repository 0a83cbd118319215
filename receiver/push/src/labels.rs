//! Stream labels: handed over raw so that they can be interned by their bytes, parsed on demand.

mod json;
mod quote;
mod strict;
mod tolerant;

use crate::report::{Altered, Tally};
use crate::text::clean_cow;

/// The label that keeps a label string nobody could read, whole.
pub const LABELS_RAW: &str = "labels_raw";

/// A stream's labels as they stood in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Labels<'a> {
    form: LabelForm,
    bytes: &'a [u8],
}

/// How label bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LabelForm {
    /// A JSON object.
    Json,
    /// Prometheus text, `{name="value", ...}`; empty bytes are no labels.
    Text,
}

/// Labels that have been read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedLabels {
    /// Name and value, sorted by name, each name once.
    pub pairs: Vec<(String, String)>,
    /// What had to be changed.
    pub altered: Tally<Altered>,
}

impl<'a> Labels<'a> {
    /// Labels in a given form.
    #[must_use]
    pub fn new(form: LabelForm, bytes: &'a [u8]) -> Self {
        Self { form, bytes }
    }

    /// What tells these labels from others: equal keys parse to equal labels.
    #[must_use]
    pub fn key(&self) -> (LabelForm, &'a [u8]) {
        (self.form, self.bytes)
    }

    /// Reads the labels. Never fails: what cannot be read at all becomes the value of
    /// [`LABELS_RAW`]. In text form empty values are dropped, as Prometheus means them.
    #[must_use]
    pub fn parse(&self) -> ParsedLabels {
        let mut altered = Tally::default();
        let pairs = match self.form {
            LabelForm::Json => json::parse(self.bytes, &mut altered),
            LabelForm::Text => text(self.bytes, &mut altered),
        };
        let pairs = pairs.unwrap_or_else(|| {
            altered = Tally::default();
            altered.add(Altered::LabelRaw, 1);
            let raw = clean_cow(self.bytes, &mut altered).into_owned();
            vec![(LABELS_RAW.to_owned(), raw)]
        });
        ParsedLabels { pairs: last_wins(pairs), altered }
    }
}

type Pairs = Vec<(String, String)>;

fn text(bytes: &[u8], altered: &mut Tally<Altered>) -> Option<Pairs> {
    let text = clean_cow(bytes, altered);
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let mut pairs = match strict::parse(&text, altered) {
        Some(pairs) => pairs,
        None => {
            altered.add(Altered::LabelSyntax, 1);
            tolerant::parse(&text, altered)?
        }
    };
    pairs.retain(|(_, value)| !value.is_empty());
    Some(pairs)
}

/// Sorts by name and keeps the last of equal names.
fn last_wins(mut pairs: Pairs) -> Pairs {
    pairs.reverse();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs.dedup_by(|later, kept| later.0 == kept.0);
    pairs
}
