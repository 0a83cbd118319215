//! A seeded source of logs as a load test of a small shop makes them.
//!
//! The same [`Config`] gives the same lines on every machine. Lines come in the order in which
//! forwarders would send them: time moves in ticks, and in each tick every stream hands over its
//! lines in one piece. Personal data is planted at a stated rate and every planted value is told.
//! Without planting, no line holds personal data, though many hold things that resemble it: epoch
//! milliseconds, order numbers, digit runs in trace ids, browser versions.

mod clock;
mod curve;
mod jsonl;
mod pii;
mod rng;
mod services;
mod streams;
mod template;
mod values;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use curve::{Curve, Phase};
pub use jsonl::{JsonLines, write_string};
pub use pii::{Planted, Rule};
pub use rng::Rng;

use services::{Kind, Level, Voice};
use streams::Stream;
use template::Scribe;

/// Nanoseconds by which time moves between two hand-overs of a stream.
const TICK_NS: i64 = 250_000_000;

/// What to generate.
#[derive(Debug, Clone)]
pub struct Config {
    /// Two generators with equal configurations and seeds give equal lines.
    pub seed: u64,
    /// Number of applications, at least 1. The first eight log in eight different formats; after
    /// that the formats repeat under new names.
    pub services: usize,
    /// Pods of each application, at least 1; each is one stream.
    pub pods: usize,
    /// Lines per second over time.
    pub curve: Curve,
    /// Share of records with one planted personal value, 0.0 to 1.0.
    pub pii: f64,
    /// Time of the first line in nanoseconds since 1970-01-01 UTC.
    pub start_ns: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self { seed: 1, services: 8, pods: 5, curve: Curve::default(), pii: 0.022, start_ns: 1_795_168_800_000_000_000 }
    }
}

/// One line, borrowed from the generator until the next.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Nanoseconds since 1970-01-01 UTC; ascending within a stream.
    pub ts_ns: i64,
    /// Number of the stream, from 0 to [`Generator::streams`].
    pub stream: usize,
    /// The labels of the stream.
    pub labels: &'a [(String, String)],
    /// The text, without line feed.
    pub text: &'a str,
    /// Personal data in `text`, by position.
    pub planted: &'a [Planted],
}

/// An endless source of lines.
#[derive(Debug)]
pub struct Generator {
    rng: Rng,
    curve: Curve,
    /// Planting probability in 2^-32.
    pii: u64,
    start_ns: i64,
    tick: i64,
    voices: Vec<Voice>,
    streams: Vec<Stream>,
    order: Vec<usize>,
    /// Position in `order` of the stream that is handing over.
    turn: usize,
    /// Lines that this stream still hands over in this tick.
    left: i64,
    step_ns: i64,
    clock: Clock,
    text: String,
    at: usize,
    planted: Vec<Planted>,
}

impl Generator {
    /// Starts a generator.
    ///
    /// # Panics
    /// When `config` has no services, no pods or a curve without lines.
    #[must_use]
    pub fn new(config: Config) -> Self {
        assert!(config.services > 0 && config.pods > 0, "a cluster needs services and pods");
        assert!(
            config.curve.phases.iter().any(|phase| phase.seconds > 0.0 && phase.from + phase.to > 0.0),
            "a curve needs a phase in which lines come"
        );
        let mut rng = Rng::new(config.seed);
        let voices: Vec<Voice> = Kind::ALL.iter().map(|&kind| Voice::new(kind)).collect();
        let streams = streams::build(&mut rng, config.services, config.pods, config.start_ns);
        let order: Vec<usize> = (0..streams.len()).collect();
        Self {
            rng,
            curve: config.curve,
            pii: (config.pii.clamp(0.0, 1.0) * 4_294_967_296.0) as u64,
            start_ns: config.start_ns,
            tick: -1,
            voices,
            turn: order.len(),
            order,
            streams,
            left: 0,
            step_ns: 0,
            clock: Clock::new(),
            text: String::with_capacity(16 << 10),
            at: 0,
            planted: Vec::new(),
        }
    }

    /// Number of streams.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Labels of a stream.
    ///
    /// # Panics
    /// When `stream` is not below [`Generator::streams`].
    #[must_use]
    pub fn labels(&self, stream: usize) -> &[(String, String)] {
        &self.streams[stream].labels
    }

    /// The next line; there is always one.
    pub fn next_line(&mut self) -> Line<'_> {
        if self.at >= self.text.len() {
            self.record();
        } else {
            self.planted.clear();
        }
        let rest = &self.text[self.at..];
        let text = rest.split_once('\n').map_or(rest, |(line, _)| line);
        self.at += text.len() + 1;
        let number = self.order[self.turn];
        let stream = &mut self.streams[number];
        let ts_ns = stream.ts_ns;
        stream.ts_ns += 1_000 + i64::from(text.len() as u32);
        self.left -= 1;
        Line { ts_ns, stream: number, labels: &stream.labels, text, planted: &self.planted }
    }

    /// Writes the next record, of one line or many, into `text`.
    fn record(&mut self) {
        while self.left <= 0 {
            self.advance();
        }
        self.text.clear();
        self.planted.clear();
        self.at = 0;
        let stream = &mut self.streams[self.order[self.turn]];
        let jitter = self.rng.below((self.step_ns as u64).max(1)) as i64;
        stream.ts_ns = stream.ts_ns.max(stream.due_ns + jitter);
        stream.due_ns += self.step_ns;
        if self.rng.below(3) == 0 {
            stream.trace.renew(&mut self.rng);
        }
        let level = Level::draw(&mut self.rng, stream.burst > 0);
        let plant = self.rng.next_u64() >> 32 < self.pii;
        let voice = &self.voices[stream.kind as usize];
        let rule = plant.then(|| voice.rule(&mut self.rng));
        self.clock.set(stream.ts_ns);
        let record = voice.record(level, rule.is_some(), &mut self.rng);
        Scribe {
            out: &mut self.text,
            rng: &mut self.rng,
            clock: &self.clock,
            level,
            stream,
            voice,
            rule,
            planted: &mut self.planted,
        }
        .write(record);
    }

    /// Moves to the next stream, and to the next tick after the last stream.
    fn advance(&mut self) {
        self.turn += 1;
        if self.turn >= self.order.len() {
            self.turn = 0;
            self.tick += 1;
            for at in (1..self.order.len()).rev() {
                self.order.swap(at, self.rng.below(at as u64 + 1) as usize);
            }
        }
        let elapsed = self.tick as f64 * (TICK_NS as f64 / 1e9);
        let lines = self.curve.rate(elapsed) * (TICK_NS as f64 / 1e9);
        let stream = &mut self.streams[self.order[self.turn]];
        stream.burst = match stream.burst {
            0 if self.rng.below(900) == 0 => 4 + self.rng.below(24) as u32,
            0 => 0,
            left => left - 1,
        };
        let uneven = 0.5 + self.rng.unit();
        stream.credit += lines * stream.weight * uneven;
        let count = stream.credit.floor().max(0.0);
        stream.credit -= count;
        self.left = count as i64;
        stream.due_ns = self.start_ns + self.tick * TICK_NS;
        self.step_ns = TICK_NS / self.left.max(1);
    }
}
