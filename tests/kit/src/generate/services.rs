//! The applications: how each of the eight formats writes a record at each level.

use super::pii::Rule;
use super::rng::Rng;
use super::template::Template;
use super::vocabulary::{self, Phrases};

/// An application and its log format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// JSON as Go's zap writes it.
    Checkout,
    /// JSON as Node's pino writes it.
    Payments,
    /// Combined access log.
    Gateway,
    /// Logback lines with Java stack traces.
    Orders,
    /// logfmt.
    Catalog,
    /// klog, now and then a Go panic.
    Scheduler,
    /// Python's logging with tracebacks.
    Recommender,
    /// Plain text.
    Mailer,
}

/// How grave a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// The templates of one application, by level.
#[derive(Debug)]
pub(super) struct Voice {
    kind: Kind,
    records: [Vec<Template>; 4],
    messages: [Vec<Template>; 4],
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Checkout,
        Self::Payments,
        Self::Gateway,
        Self::Orders,
        Self::Catalog,
        Self::Scheduler,
        Self::Recommender,
        Self::Mailer,
    ];

    pub(super) fn app(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Payments => "payments",
            Self::Gateway => "gateway",
            Self::Orders => "orders",
            Self::Catalog => "catalog",
            Self::Scheduler => "scheduler",
            Self::Recommender => "recommender",
            Self::Mailer => "mailer",
        }
    }

    pub(super) fn container(self) -> &'static str {
        match self {
            Self::Gateway => "nginx",
            Self::Recommender => "worker",
            _ => "app",
        }
    }

    /// Lines compared with the other applications.
    pub(super) fn weight(self) -> f64 {
        match self {
            Self::Gateway => 3.0,
            Self::Checkout | Self::Payments => 2.5,
            Self::Orders | Self::Catalog => 2.0,
            Self::Recommender => 0.7,
            Self::Scheduler | Self::Mailer => 0.5,
        }
    }

    fn phrases(self) -> &'static Phrases {
        match self {
            Self::Checkout => &vocabulary::CHECKOUT,
            Self::Payments => &vocabulary::PAYMENTS,
            Self::Gateway => &vocabulary::GATEWAY,
            Self::Orders => &vocabulary::ORDERS,
            Self::Catalog => &vocabulary::CATALOG,
            Self::Scheduler => &vocabulary::SCHEDULER,
            Self::Recommender => &vocabulary::RECOMMENDER,
            Self::Mailer => &vocabulary::MAILER,
        }
    }
}

impl Level {
    /// Mostly `Info`; in a burst one record in three is an error.
    pub(super) fn draw(rng: &mut Rng, burst: bool) -> Self {
        let (errors, warnings) = if burst { (330, 500) } else { (6, 40) };
        match rng.below(1_000) {
            roll if roll < errors => Self::Error,
            roll if roll < warnings => Self::Warn,
            roll if roll < 900 => Self::Info,
            _ => Self::Debug,
        }
    }

    pub(super) fn lower(self) -> &'static str {
        ["debug", "info", "warn", "error"][self as usize]
    }

    pub(super) fn upper(self) -> &'static str {
        ["DEBUG", "INFO", "WARN", "ERROR"][self as usize]
    }

    /// The number that pino writes.
    pub(super) fn pino(self) -> u64 {
        [20, 30, 40, 50][self as usize]
    }

    pub(super) fn status(self, rng: &mut Rng) -> &'static str {
        rng.pick(match self {
            Self::Debug | Self::Info => &["200", "200", "200", "200", "201", "204", "304"][..],
            Self::Warn => &["400", "401", "404", "409", "429"],
            Self::Error => &["500", "502", "503", "504"],
        })
    }
}

impl Voice {
    pub(super) fn new(kind: Kind) -> Self {
        let phrases = kind.phrases();
        let compile = |texts: &[&'static str]| texts.iter().map(|text| Template::new(text)).collect();
        let error = if phrases.errors.is_empty() { phrases.records } else { phrases.errors };
        Self {
            kind,
            records: [compile(phrases.records), compile(phrases.records), compile(phrases.records), compile(error)],
            messages: phrases.messages.map(compile),
        }
    }

    /// A record's template. A record that carries a planted value is always the first one, which
    /// has the place for it.
    pub(super) fn record(&self, level: Level, planted: bool, rng: &mut Rng) -> &Template {
        let records = &self.records[level as usize];
        if planted { &records[0] } else { &records[rng.below(records.len() as u64) as usize] }
    }

    pub(super) fn message(&self, level: Level, rng: &mut Rng) -> &Template {
        let messages = &self.messages[level as usize];
        &messages[rng.below(messages.len() as u64) as usize]
    }

    /// What this application could leak; an access log only knows addresses.
    pub(super) fn rule(&self, rng: &mut Rng) -> Rule {
        if self.kind == Kind::Gateway { Rule::IpV4 } else { rng.pick(&Rule::ALL) }
    }
}
