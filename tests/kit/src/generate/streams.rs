//! The cluster: which pods log, with which labels, and what each stream remembers between lines.

use super::rng::Rng;
use super::services::Kind;
use super::values::hex;

const NAMESPACES: [&str; 3] = ["shop", "payments", "platform"];
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The request that a stream is talking about: several lines in a row share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    pub(super) id: String,
    pub(super) user: u64,
    pub(super) order: u64,
}

/// One container's log.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) labels: Vec<(String, String)>,
    pub(super) pod: String,
    pub(super) kind: Kind,
    /// Share of all lines.
    pub(super) weight: f64,
    /// Lines owed from earlier ticks, a fraction.
    pub(super) credit: f64,
    /// Ticks that a burst of errors still lasts.
    pub(super) burst: u32,
    pub(super) ts_ns: i64,
    pub(super) due_ns: i64,
    /// A counter that grows with every mention, such as a queue offset.
    pub(super) offset: u64,
    pub(super) trace: Trace,
}

impl Trace {
    pub(super) fn renew(&mut self, rng: &mut Rng) {
        self.id.clear();
        hex(32, rng, &mut self.id);
        self.user = 1_000 + rng.below(48_000);
        self.order = 70_400_000 + rng.below(90_000);
    }
}

pub(super) fn build(rng: &mut Rng, services: usize, pods: usize, start_ns: i64) -> Vec<Stream> {
    let mut streams = Vec::with_capacity(services * pods);
    for service in 0..services {
        let kind = Kind::ALL[service % Kind::ALL.len()];
        let mut app = kind.app().to_owned();
        if service >= Kind::ALL.len() {
            app.push_str(&format!("-{}", service / Kind::ALL.len() + 1));
        }
        let mut replica_set = String::new();
        hex(10, rng, &mut replica_set);
        for _ in 0..pods {
            streams.push(stream(rng, kind, &app, service, &replica_set, start_ns));
        }
    }
    let total: f64 = streams.iter().map(|stream| stream.weight).sum();
    for stream in &mut streams {
        stream.weight /= total;
    }
    streams
}

fn stream(rng: &mut Rng, kind: Kind, app: &str, service: usize, replica_set: &str, start_ns: i64) -> Stream {
    let suffix: String = (0..5).map(|_| char::from(rng.pick(ALPHABET))).collect();
    let pod = format!("{app}-{replica_set}-{suffix}");
    let node = format!("node-{}", 1 + rng.below(6));
    let labels = [
        ("app", app),
        ("namespace", NAMESPACES[service % NAMESPACES.len()]),
        ("pod", &pod),
        ("container", kind.container()),
        ("node", &node),
    ];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let mut trace = Trace::default();
    trace.renew(rng);
    Stream {
        labels,
        pod,
        kind,
        weight: kind.weight() * (0.7 + 0.6 * rng.unit()),
        credit: rng.unit(),
        burst: 0,
        ts_ns: start_ns,
        due_ns: start_ns,
        offset: 10_000_000 + rng.below(900_000_000),
        trace,
    }
}
