//! Captures of twelve services with incidents in them that are known: what
//! was planted, where, when. Equal configurations give equal lines.

use std::collections::BTreeMap;

use crate::generate::{Clock, Rng, write_string};

/// Services of every capture.
pub const SERVICES: [&str; 12] =
    ["gateway", "auth", "cart", "checkout", "payment", "stock", "search", "mail", "profile", "ship", "ads", "audit"];

const OBJECTS: [&str; 6] = ["order", "session", "invoice", "parcel", "token", "record"];
const TROUBLE: [&str; 4] = ["retry of", "slow answer for", "cannot reach peer for", "refused"];

/// What a service says: level, weight among its lines.
const PATTERNS: [(&str, f64); 10] = [
    ("INFO", 8.0),
    ("INFO", 6.0),
    ("INFO", 4.0),
    ("INFO", 2.0),
    ("INFO", 1.0),
    ("INFO", 0.5),
    ("WARN", 0.4),
    ("WARN", 0.1),
    ("ERROR", 0.2),
    ("ERROR", 0.04),
];

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// A pattern of the service (0 to 9; 6 and 7 warn, 8 and 9 are errors) comes so many times as often.
    Rise(usize, f64),
    /// An error of its own that the service writes all the time, so many times a second, and so many times as often.
    Error(f64, f64),
    /// A warning of that kind.
    Warning(f64, f64),
    /// An error that the service never wrote, so many times a second.
    New(f64),
    /// A pattern is not written.
    Vanish(usize),
}

/// A fault and where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plant {
    /// Place in [`SERVICES`].
    pub service: usize,
    /// What happens.
    pub fault: Fault,
    /// First second.
    pub from: u32,
    /// The second after the last.
    pub to: u32,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    New,
    Error,
    Warning,
    Usual(usize),
}

/// A line to come: nanoseconds in its second, service, text.
type Due = (u64, usize, Said);

/// A capture to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Equal seeds give equal lines.
    pub seed: u64,
    /// Length in seconds.
    pub seconds: u32,
    /// Lines per second of each service at the start and at the end; between them a ramp.
    pub rate: (f64, f64),
    /// What goes wrong.
    pub plants: Vec<Plant>,
    /// Lines of a pattern come in bursts of so many within twenty seconds.
    pub burst: u32,
    /// Nanoseconds since 1970 of the first second.
    pub start_ns: i64,
}

impl Incident {
    /// A quarter of an hour of `rate` lines per second and service without a fault.
    #[must_use]
    pub fn quiet(seed: u64, rate: (f64, f64)) -> Self {
        Self { seed, seconds: 900, rate, plants: Vec::new(), burst: 1, start_ns: 1_795_168_800_000_000_000 }
    }

    /// The lines of a capture, in order of time; `keep` may change or drop each: it gets the second, the
    /// service and the line, and appends what is to be stored.
    #[must_use]
    pub fn lines_with(&self, mut keep: impl FnMut(u32, usize, &[u8], &mut Vec<u8>)) -> Vec<u8> {
        let mut rng = Rng::new(self.seed);
        let (mut clock, mut out, mut line, mut text) = (Clock::new(), Vec::new(), Vec::new(), String::new());
        let mut later: BTreeMap<u32, Vec<Due>> = BTreeMap::new();
        for second in 0..self.seconds {
            let along = f64::from(second) / f64::from(self.seconds.max(1));
            let rate = self.rate.0 + (self.rate.1 - self.rate.0) * along;
            let mut due = later.remove(&second).unwrap_or_default();
            for service in 0..SERVICES.len() {
                let active = || {
                    self.plants
                        .iter()
                        .filter(move |plant| plant.service == service && (plant.from..plant.to).contains(&second))
                };
                let sum: f64 = PATTERNS.iter().map(|one| one.1).sum();
                for (pattern, (_, weight)) in PATTERNS.iter().enumerate() {
                    let factor: f64 = active()
                        .map(|plant| match plant.fault {
                            Fault::Rise(at, factor) if at == pattern => factor,
                            Fault::Vanish(at) if at == pattern => 0.0,
                            _ => 1.0,
                        })
                        .product();
                    let burst = self.burst.max(1);
                    for _ in 0..draw(&mut rng, rate * weight / sum * factor / f64::from(burst)) {
                        due.push((rng.below(1_000_000_000), service, Said::Usual(pattern)));
                        for _ in 1..burst {
                            let then = second + 1 + rng.below(20) as u32;
                            later.entry(then).or_default().push((
                                rng.below(1_000_000_000),
                                service,
                                Said::Usual(pattern),
                            ));
                        }
                    }
                }
                for plant in self.plants.iter().filter(|plant| plant.service == service) {
                    let inside = (plant.from..plant.to).contains(&second);
                    let (rate, said) = match plant.fault {
                        Fault::New(rate) if inside => (rate, Said::New),
                        Fault::Error(rate, factor) => (if inside { rate * factor } else { rate }, Said::Error),
                        Fault::Warning(rate, factor) => (if inside { rate * factor } else { rate }, Said::Warning),
                        _ => continue,
                    };
                    for _ in 0..draw(&mut rng, rate) {
                        due.push((rng.below(1_000_000_000), service, said));
                    }
                }
            }
            due.sort_unstable();
            for (nanos, service, said) in due {
                message(&mut rng, service, said, &mut text);
                clock.set(self.start_ns + i64::from(second) * 1_000_000_000 + nanos as i64);
                line.clear();
                stored(&clock, service, &text, &mut line);
                keep(second, service, &line, &mut out);
            }
        }
        out
    }

    /// The lines of a capture, in order of time.
    #[must_use]
    pub fn lines(&self) -> Vec<u8> {
        self.lines_with(|_, _, line, out| out.extend_from_slice(line))
    }
}

/// A number of events with this mean: the whole part, and the rest by chance for each of a few parts.
fn draw(rng: &mut Rng, mean: f64) -> u32 {
    // Many small chances make what is nearly a Poisson number.
    (0..16).map(|_| u32::from(rng.unit() < mean / 16.0)).sum::<u32>()
        + if mean > 16.0 { (mean - 16.0) as u32 } else { 0 }
}

fn message(rng: &mut Rng, service: usize, said: Said, text: &mut String) {
    use std::fmt::Write;
    text.clear();
    let id = rng.next_u64();
    let place = if let Said::Usual(at) = said { at } else { 3 };
    let object = OBJECTS[(service + place) % OBJECTS.len()];
    let written = match said {
        Said::Error => write!(text, "ERROR gave up on {object} {} after {} attempts", id % 100_000, 2 + rng.below(9)),
        Said::Warning => write!(text, "WARN {object} {} is late by {} ms", id % 100_000, 1 + rng.below(9000)),
        Said::New => write!(
            text,
            "ERROR ledger of {} is broken: checksum {id:016x} of page {}",
            SERVICES[service],
            rng.below(900)
        ),
        Said::Usual(0) => {
            write!(text, "INFO stored {object} {} in {} ms trace={id:016x}", id % 100_000, 1 + rng.below(300))
        }
        Said::Usual(1) => write!(text, "INFO heartbeat {} of the {object} loop is on time", id % 100_000),
        Said::Usual(2) => write!(text, "INFO checked {object} {}: {} rules hold", id % 100_000, 1 + rng.below(30)),
        Said::Usual(3) => {
            write!(text, "INFO connection {} was idle for {} ms and is closed", id % 100_000, 1 + rng.below(9000))
        }
        Said::Usual(4) => write!(text, "INFO queue of {object}s has {} entries", rng.below(500)),
        Said::Usual(5) => write!(text, "INFO cache {:.2} full, {} evicted", rng.unit(), rng.below(70)),
        Said::Usual(at) => {
            let trouble = TROUBLE[at - 6];
            write!(text, "{} {trouble} {object} {} after {} ms", PATTERNS[at].0, id % 100_000, 1 + rng.below(3000))
        }
    };
    assert!(written.is_ok(), "writing into a string does not fail");
}

fn stored(clock: &Clock, service: usize, text: &str, line: &mut Vec<u8>) {
    let mut stamp = String::new();
    clock.nanos(&mut stamp);
    let name = SERVICES[service];
    line.extend_from_slice(
        format!("{{\"ts\":\"{stamp}\",\"labels\":{{\"app\":\"{name}\",\"pod\":\"{name}-0\"}},\"msg\":").as_bytes(),
    );
    write_string(text, line);
    line.extend_from_slice(b"}\n");
}
