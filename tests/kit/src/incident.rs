//! Captures of twelve services with incidents in them that are known: what
//! was planted, where, when. Equal configurations give equal lines.

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
    /// Nanoseconds since 1970 of the first second.
    pub start_ns: i64,
}

impl Incident {
    /// Half an hour of `rate` lines per second and service without a fault.
    #[must_use]
    pub fn quiet(seed: u64, rate: (f64, f64)) -> Self {
        Self { seed, seconds: 900, rate, plants: Vec::new(), start_ns: 1_795_168_800_000_000_000 }
    }

    /// The lines of a capture, in order of time; `keep` may change or drop each: it gets the second, the
    /// service and the line, and appends what is to be stored.
    #[must_use]
    pub fn lines_with(&self, mut keep: impl FnMut(u32, usize, &[u8], &mut Vec<u8>)) -> Vec<u8> {
        let mut rng = Rng::new(self.seed);
        let (mut clock, mut out, mut line, mut text) = (Clock::new(), Vec::new(), Vec::new(), String::new());
        for second in 0..self.seconds {
            let along = f64::from(second) / f64::from(self.seconds.max(1));
            let rate = self.rate.0 + (self.rate.1 - self.rate.0) * along;
            let mut due: Vec<(u64, usize, Option<usize>)> = Vec::new();
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
                    for _ in 0..draw(&mut rng, rate * weight / sum * factor) {
                        due.push((rng.below(1_000_000_000), service, Some(pattern)));
                    }
                }
                for plant in active() {
                    if let Fault::New(rate) = plant.fault {
                        for _ in 0..draw(&mut rng, rate) {
                            due.push((rng.below(1_000_000_000), service, None));
                        }
                    }
                }
            }
            due.sort_unstable();
            for (nanos, service, pattern) in due {
                message(&mut rng, service, pattern, &mut text);
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

fn message(rng: &mut Rng, service: usize, pattern: Option<usize>, text: &mut String) {
    use std::fmt::Write;
    text.clear();
    let id = rng.next_u64();
    let object = OBJECTS[(service + pattern.unwrap_or(3)) % OBJECTS.len()];
    let written = match pattern {
        None => write!(
            text,
            "ERROR ledger of {} is broken: checksum {id:016x} of page {}",
            SERVICES[service],
            rng.below(900)
        ),
        Some(0) => write!(text, "INFO stored {object} {} in {} ms trace={id:016x}", id % 100_000, 1 + rng.below(300)),
        Some(1) => write!(text, "INFO heartbeat {} of the {object} loop is on time", id % 100_000),
        Some(2) => write!(text, "INFO checked {object} {}: {} rules hold", id % 100_000, 1 + rng.below(30)),
        Some(3) => {
            write!(text, "INFO connection {} was idle for {} ms and is closed", id % 100_000, 1 + rng.below(9000))
        }
        Some(4) => write!(text, "INFO queue of {object}s has {} entries", rng.below(500)),
        Some(5) => write!(text, "INFO cache {:.2} full, {} evicted", rng.unit(), rng.below(70)),
        Some(at) => {
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
