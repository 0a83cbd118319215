//! Log lines with the template that made each: for scores of pattern mining on
//! lines that no constant was chosen on. Generator and miner were written by the
//! same hands: a score here guards against a step back, it is no measure.

use crate::generate::Rng;

/// Templates by system; `{kind}` is a value.
const SYSTEMS: [(&str, &[&str]); 4] = [
    (
        "cluster",
        &[
            "Successfully assigned pod to node {host}",
            "Pulling image {image}",
            "Container started with pid {int}",
            "Readiness probe failed: dial tcp {ip}:{port}: connect: connection refused",
            "Back-off restarting failed container, attempt {int}",
            "Scaled up replica set to {int}",
            "Node memory pressure at {percent}%",
            "Volume {uuid} mounted at {path}",
            "Lease renewed in {duration}",
            "Evicting pod because of disk pressure",
            "Deleted {int} terminated pods",
            "etcd leader changed from {hex} to {hex}",
        ],
    ),
    (
        "database",
        &[
            "checkpoint complete: wrote {int} buffers in {float} s",
            "connection authorized: user={user} database=shop",
            "duration: {float} ms statement cached",
            "deadlock detected on relation {int}",
            "could not open file \"{path}\": No such file or directory",
            "autovacuum launcher started",
            "replication lag is {duration}",
            "FATAL: password authentication failed for user {user}",
            "temporary file size {size}",
            "redo starts at {hex}",
            "statement timeout, query cancelled",
            "slot {uuid} is inactive since {int} s",
        ],
    ),
    (
        "gateway",
        &[
            "upstream {ip}:{port} timed out after {duration}",
            "client {ip} closed keepalive connection",
            "TLS handshake with {host} failed",
            "cache hit ratio {float}",
            "rate limit reached for user {user}",
            "request body of {size} is buffered to {path}",
            "reloading configuration",
            "worker process {int} exited on signal {int}",
            "circuit breaker opened, {int} failures in {duration}",
            "session {uuid} expired",
            "no live upstreams while connecting",
            "retry {int} of {int} to {ip}:{port}",
        ],
    ),
    (
        "jobs",
        &[
            "Job {uuid} queued by {user}",
            "Job {uuid} finished in {duration}",
            "Job {uuid} failed with exit code {int}",
            "Worker on {host} took {int} tasks",
            "Heartbeat missed, last seen {int} s ago",
            "Uploading artefact {path} ({size})",
            "Scheduler tick took {float} ms",
            "Dead letter queue has {int} entries",
            "Nothing to do, sleeping",
            "Lock {hex} released",
            "Retention removed {int} files from {path}",
            "Quota of {user} is at {percent}%",
        ],
    ),
];

const USERS: [&str; 12] =
    ["alma", "bert", "cleo", "dora", "emil", "frida", "gustav", "hanna", "ivo", "jette", "karl", "lina"];
const WORDS: [&str; 8] = ["cart", "billing", "search", "mail", "media", "report", "index", "stock"];

/// Names of the systems.
pub fn systems() -> impl Iterator<Item = &'static str> {
    SYSTEMS.iter().map(|(name, _)| *name)
}

/// `count` lines of a system, each with its template, in which `<*>` is a value.
///
/// # Panics
/// When there is no such system.
#[must_use]
pub fn lines(system: &str, seed: u64, count: usize) -> Vec<(String, String)> {
    let found = SYSTEMS.iter().find(|(name, _)| *name == system);
    let Some((_, templates)) = found else { panic!("no system {system}") };
    let mut rng = Rng::new(seed);
    let draw = |rng: &mut Rng| {
        // Some templates come often, some hardly ever.
        let at = rng.below(templates.len() as u64).min(rng.below(templates.len() as u64));
        fill(templates[at as usize], rng)
    };
    (0..count).map(|_| draw(&mut rng)).collect()
}

fn fill(template: &str, rng: &mut Rng) -> (String, String) {
    let (mut line, mut truth, mut rest) = (String::new(), String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (kind, after) = after.split_once('}').unwrap_or((after, ""));
        line += before;
        truth += before;
        line += &value(kind, rng);
        truth += "<*>";
        rest = after;
    }
    (line + rest, truth + rest)
}

fn value(kind: &str, rng: &mut Rng) -> String {
    match kind {
        "int" => rng.below(100_000).to_string(),
        "port" => (1024 + rng.below(60_000)).to_string(),
        "percent" => rng.below(101).to_string(),
        "float" => format!("{:.3}", rng.unit() * 1000.0),
        "ip" => format!("10.{}.{}.{}", rng.below(256), rng.below(256), rng.below(256)),
        "hex" => format!("0x{:x}", rng.next_u64()),
        "uuid" => {
            let (a, b) = (rng.next_u64(), rng.next_u64());
            let low = b & 0xffff_ffff_ffff;
            format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{low:012x}", a >> 32, a >> 16 & 0xffff, a & 0xfff, b >> 52)
        }
        "user" => rng.pick(&USERS).to_owned(),
        "host" => format!("ip-10-{}-{}.{}.internal", rng.below(256), rng.below(256), rng.pick(&WORDS)),
        "path" => format!("/var/lib/{}/{}.dat", rng.pick(&WORDS), rng.below(1000)),
        "image" => format!("registry.example/{}:{:07x}", rng.pick(&WORDS), rng.next_u64() >> 36),
        "duration" => format!("{}ms", rng.below(9000)),
        "size" => format!("{}MB", 1 + rng.below(900)),
        other => panic!("no kind {other}"),
    }
}
