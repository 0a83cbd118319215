//! From the parts of a JSON entry to a call on the sink; owns the scratch buffers that make it free
//! of allocation for ordinary lines.

use std::borrow::Cow;

use super::scan::{Item, Scanner};
use super::unescape::{cow, item_cow, text};
use crate::METADATA_NAME;
use crate::labels::{LabelForm, Labels};
use crate::payload::Damage;
use crate::report::{Altered, Report, Tally};
use crate::sink::{Entry, Sink};
use crate::text::{clean, clean_cow};
use crate::timestamp::Timestamp;

/// Hands entries to a sink.
pub(super) struct Emitter<'b, 's, S: ?Sized> {
    pub(super) report: &'s mut Report,
    sink: &'s mut S,
    line: String,
    stamp: String,
    labels: String,
    meta: Meta<'b>,
}

/// Where the parts of an entry stand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts<'b> {
    pub(super) ts: Option<Item<'b>>,
    pub(super) line: Option<Item<'b>>,
    pub(super) meta: Option<Item<'b>>,
}

type Meta<'b> = Vec<(Cow<'b, str>, Cow<'b, str>)>;

impl<'b, 's, S: Sink + ?Sized> Emitter<'b, 's, S> {
    pub(super) fn new(sink: &'s mut S, report: &'s mut Report) -> Self {
        Self { report, sink, line: String::new(), stamp: String::new(), labels: String::new(), meta: Vec::new() }
    }

    /// Announces the stream of the entries that follow.
    pub(super) fn stream(&mut self, labels: Option<Item<'b>>) {
        let (form, bytes) = match labels {
            None | Some(Item::Other(b"null")) => (LabelForm::Text, &b""[..]),
            Some(Item::String(raw)) if raw.escaped => {
                let text = text(raw, &mut self.labels, &mut self.report.altered);
                (LabelForm::Text, text.as_bytes())
            }
            Some(Item::String(raw)) => (LabelForm::Text, raw.inner),
            Some(Item::Other(json)) => (LabelForm::Json, json),
        };
        self.sink.stream(Labels::new(form, bytes));
    }

    /// Hands one entry over; parts that are absent are empty.
    pub(super) fn entry(&mut self, parts: Parts<'b>) {
        let altered = &mut self.report.altered;
        let ts = match parts.ts {
            None | Some(Item::Other(b"null")) => Timestamp::missing(),
            Some(Item::String(raw)) => Timestamp::parse(text(raw, &mut self.stamp, &mut Tally::default())),
            Some(Item::Other(json)) => Timestamp::parse(clean(json, &mut self.stamp, &mut Tally::default())),
        };
        ts.count(altered);
        let line = match parts.line {
            None => "",
            Some(Item::String(raw)) => text(raw, &mut self.line, altered),
            Some(Item::Other(json)) => {
                altered.add(Altered::LineType, 1);
                clean(json, &mut self.line, altered)
            }
        };
        self.meta.clear();
        if let Some(item) = parts.meta {
            read_meta(item, &mut self.meta, altered);
        }
        self.report.lines += 1;
        self.sink.entry(Entry { ts, line, meta: &self.meta });
    }
}

fn read_meta<'b>(item: Item<'b>, meta: &mut Meta<'b>, altered: &mut Tally<Altered>) {
    match item {
        Item::Other(b"null") => {}
        Item::Other(json) if json.first() == Some(&b'{') => {
            if members(json, meta, altered).is_err() {
                meta.clear();
                altered.add(Altered::MetadataType, 1);
                meta.push((METADATA_NAME.into(), clean_cow(json, altered)));
            }
        }
        other => {
            let value = match other {
                Item::String(raw) => cow(raw, altered),
                Item::Other(json) => clean_cow(json, altered),
            };
            altered.add(Altered::MetadataType, 1);
            meta.push((METADATA_NAME.into(), value));
        }
    }
}

fn members<'b>(json: &'b [u8], meta: &mut Meta<'b>, altered: &mut Tally<Altered>) -> Result<(), Damage> {
    let mut scanner = Scanner::new(&json[1..]);
    while let Some(key) = scanner.next_key()? {
        let value = scanner.value()?;
        meta.push((cow(key, altered), item_cow(value, Altered::MetadataType, altered)));
    }
    Ok(())
}
