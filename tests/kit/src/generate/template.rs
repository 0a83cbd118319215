//! Log formats as data: a template is text with `%name%` in it, cut up once and filled per line.

use super::clock::Clock;
use super::pii::{Planted, Rule};
use super::rng::Rng;
use super::services::{Level, Voice};
use super::streams::Stream;
use super::values::{hex, micros, number, padded, uuid};
use super::vocabulary::choice;

/// A template, cut up.
#[derive(Debug)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, Copy)]
enum Piece {
    Text(&'static str),
    Field(Field),
    Choice(&'static [&'static str]),
}

#[derive(Debug, Clone, Copy)]
enum Field {
    /// A message of the service at the record's level.
    Message,
    /// The planted value behind a phrase, or nothing.
    Pii,
    /// The planted value alone, or a dash.
    PiiOrDash,
    Nanos,
    Millis,
    Comma,
    Common,
    Klog,
    EpochMillis,
    Lower,
    Upper,
    Letter,
    Numeric,
    Trace,
    Span,
    Uuid,
    User,
    Order,
    Offset,
    Pod,
    /// 0 to 99.
    Small,
    /// 0 to 99,999.
    Large,
    /// Milliseconds with three decimals.
    Duration,
    /// Whole milliseconds.
    WholeMillis,
    Pointer,
    PodAddress,
    Status,
}

impl Template {
    /// Cuts up a template.
    ///
    /// # Panics
    /// On a name that is neither a field nor in the vocabulary, or an odd number of `%`: templates
    /// are constants of this crate.
    pub(super) fn new(text: &'static str) -> Self {
        let mut pieces = Vec::new();
        for (at, part) in text.split('%').enumerate() {
            if at % 2 == 1 {
                pieces.push(Piece::named(part));
            } else if !part.is_empty() {
                pieces.push(Piece::Text(part));
            }
        }
        assert!(text.matches('%').count().is_multiple_of(2), "unfinished name in template {text}");
        Self(pieces)
    }
}

impl Piece {
    fn named(name: &str) -> Self {
        let field = match name {
            "msg" => Field::Message,
            "pii" => Field::Pii,
            "xff" => Field::PiiOrDash,
            "nanos" => Field::Nanos,
            "millis" => Field::Millis,
            "comma" => Field::Comma,
            "common" => Field::Common,
            "klog" => Field::Klog,
            "epoch" => Field::EpochMillis,
            "level" => Field::Lower,
            "LEVEL" => Field::Upper,
            "L" => Field::Letter,
            "severity" => Field::Numeric,
            "trace" => Field::Trace,
            "span" => Field::Span,
            "uuid" => Field::Uuid,
            "user" => Field::User,
            "order" => Field::Order,
            "offset" => Field::Offset,
            "pod" => Field::Pod,
            "n" => Field::Small,
            "N" => Field::Large,
            "dur" => Field::Duration,
            "ms" => Field::WholeMillis,
            "ptr" => Field::Pointer,
            "ip6" => Field::PodAddress,
            "status" => Field::Status,
            other => {
                let words = choice(other);
                return Self::Choice(words.unwrap_or_else(|| panic!("no vocabulary for {other}")));
            }
        };
        Self::Field(field)
    }
}

/// Fills templates for one record.
pub(super) struct Scribe<'a> {
    pub(super) out: &'a mut String,
    pub(super) rng: &'a mut Rng,
    pub(super) clock: &'a Clock,
    pub(super) level: Level,
    pub(super) stream: &'a mut Stream,
    pub(super) voice: &'a Voice,
    /// What to plant, until it is planted.
    pub(super) rule: Option<Rule>,
    pub(super) planted: &'a mut Vec<Planted>,
}

impl Scribe<'_> {
    pub(super) fn write(&mut self, template: &Template) {
        for &piece in &template.0 {
            match piece {
                Piece::Text(text) => self.out.push_str(text),
                Piece::Choice(words) => self.out.push_str(self.rng.pick(words)),
                Piece::Field(field) => self.field(field),
            }
        }
    }

    fn field(&mut self, field: Field) {
        let (out, rng) = (&mut *self.out, &mut *self.rng);
        match field {
            Field::Message => {
                let voice = self.voice;
                let message = voice.message(self.level, self.rng);
                self.write(message);
            }
            Field::Pii => self.plant(true),
            Field::PiiOrDash => match self.rule {
                Some(_) => self.plant(false),
                None => out.push('-'),
            },
            Field::Nanos => self.clock.nanos(out),
            Field::Millis => self.clock.millis(out),
            Field::Comma => self.clock.comma(out),
            Field::Common => self.clock.common(out),
            Field::Klog => self.clock.klog(out),
            Field::EpochMillis => self.clock.epoch_millis(out),
            Field::Lower => out.push_str(self.level.lower()),
            Field::Upper => out.push_str(self.level.upper()),
            Field::Letter => out.push_str(&self.level.upper()[..1]),
            Field::Numeric => number(self.level.pino(), out),
            Field::Trace => out.push_str(&self.stream.trace.id),
            Field::Span => hex(16, rng, out),
            Field::Uuid => uuid(rng, out),
            Field::User => number(self.stream.trace.user, out),
            Field::Order => number(self.stream.trace.order, out),
            Field::Offset => {
                self.stream.offset += 1 + rng.below(3);
                number(self.stream.offset, out);
            }
            Field::Pod => out.push_str(&self.stream.pod),
            Field::Small => number(rng.below(100), out),
            Field::Large => number(rng.below(100_000), out),
            Field::Duration => {
                let micros = micros(rng);
                number(micros / 1_000, out);
                out.push('.');
                padded(micros % 1_000, 3, out);
            }
            Field::WholeMillis => number(micros(rng) / 1_000, out),
            Field::Pointer => {
                out.push_str("0xc000");
                hex(6, rng, out);
            }
            Field::PodAddress => {
                out.push_str("fd00:10:244:");
                number(1 + rng.below(6), out);
                out.push_str("::");
                hex(2, rng, out);
            }
            Field::Status => out.push_str(self.level.status(rng)),
        }
    }

    fn plant(&mut self, phrase: bool) {
        let Some(rule) = self.rule.take() else { return };
        if phrase {
            self.out.push_str(rule.phrase(self.rng));
        }
        let start = self.out.len();
        rule.write(self.rng, self.out);
        let end = self.out.len();
        let value = self.out[start..end].to_owned();
        self.planted.push(Planted { rule, value, start, end });
    }
}
