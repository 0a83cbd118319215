//! `logtap-gen`: the corpus as files, its figures, and load on a receiver.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program's output")]

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use logtap_testkit::batches::{Batcher, Limits};
use logtap_testkit::client::{Dialect, encode};
use logtap_testkit::generate::{Config, Generator, JsonLines};
use logtap_testkit::load::{self, OneLine, Outcome, Plan, Prepared};

/// Makes logs as a load test makes them: as capture lines, as push bodies, or as load on a receiver
/// on this machine.
#[derive(Debug, Parser)]
#[command(name = "logtap-gen", version)]
struct Args {
    /// How much: bytes of capture lines for --out and --stats, of log text otherwise (e.g. 64MB).
    #[arg(long, default_value = "64MiB", value_parser = size)]
    size: u64,
    /// Equal seeds give equal logs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of applications.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    services: u16,
    /// Pods of each application.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pods: u16,
    /// Share of records with a planted personal value.
    #[arg(long, default_value_t = Config::default().pii)]
    pii: f64,
    /// Let the logs begin now instead of at a fixed time; with --post always so.
    #[arg(long)]
    now: bool,
    /// Write capture lines to this file, or to standard output with "-".
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write push bodies into this folder.
    #[arg(long, value_name = "DIR")]
    bodies: Option<PathBuf>,
    /// Print the figures of the corpus.
    #[arg(long)]
    stats: bool,
    /// Post to this receiver on this machine. All bodies are encoded in memory first.
    #[arg(long, value_name = "URL", value_parser = load::loopback)]
    post: Option<std::net::SocketAddr>,
    /// How to speak; see --dialect help.
    #[arg(long, default_value = "proto", value_parser = dialect)]
    dialect: Dialect,
    /// One line per request.
    #[arg(long)]
    one_line: bool,
    /// Connections to the receiver.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// One-line requests written at once on a connection before their answers are read.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pipeline: u16,
    /// Lines per second, or "max".
    #[arg(long, default_value = "max", value_parser = rate)]
    rate: Rate,
    /// Repeat the bodies for so many seconds; default: each once, with --one-line 10 seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    duration: Option<u64>,
    /// Most requests to send.
    #[arg(long, value_name = "N")]
    limit_requests: Option<u64>,
}

/// Lines per second; none is as fast as possible.
#[derive(Debug, Clone, Copy)]
struct Rate(Option<f64>);

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("logtap-gen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    if let Some(dir) = &args.bodies {
        bodies(args, dir)?;
    }
    if let Some(addr) = args.post {
        post(args, addr)?;
    }
    if args.out.is_some() || args.stats {
        corpus(args)?;
    } else if args.bodies.is_none() && args.post.is_none() {
        return Err(io::Error::other("nothing to do: give --out, --bodies, --stats or --post"));
    }
    Ok(())
}

fn config(args: &Args) -> Config {
    let mut config = Config {
        seed: args.seed,
        services: args.services.into(),
        pods: args.pods.into(),
        pii: args.pii,
        ..Config::default()
    };
    if args.now || args.post.is_some() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        config.start_ns = i64::try_from(now.as_nanos()).unwrap_or(config.start_ns);
    }
    config
}

/// Capture lines to a file, and their figures to standard error.
fn corpus(args: &Args) -> io::Result<()> {
    let mut out: Box<dyn Write> = match &args.out {
        None => Box::new(io::sink()),
        Some(path) if path == Path::new("-") => Box::new(io::stdout().lock()),
        Some(path) => Box::new(File::create(path)?),
    };
    let mut zstd = if args.stats { Some(zstd::Encoder::new(Count(0), 1)?) } else { None };
    let mut generator = Generator::new(config(args));
    let mut writer = JsonLines::new();
    let mut buffer = Vec::with_capacity(2 << 20);
    let (mut bytes, mut lines, mut text, mut planted) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut busy = Duration::ZERO;
    while bytes < args.size {
        let start = Instant::now();
        buffer.clear();
        while buffer.len() < 1 << 20 && bytes + (buffer.len() as u64) < args.size {
            let line = generator.next_line();
            writer.write(&line, &mut buffer);
            lines += 1;
            text += line.text.len() as u64;
            planted += u64::from(!line.planted.is_empty());
        }
        busy += start.elapsed();
        bytes += buffer.len() as u64;
        out.write_all(&buffer)?;
        if let Some(zstd) = &mut zstd {
            zstd.write_all(&buffer)?;
        }
    }
    out.flush()?;
    if let Some(zstd) = zstd {
        let packed = zstd.finish()?.0;
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        eprintln!("lines            {lines}");
        eprintln!("bytes            {bytes}");
        eprintln!("mean message     {:.1} bytes", share(text, lines));
        eprintln!("mean line        {:.1} bytes", share(bytes, lines));
        eprintln!("zstd -1 ratio    {:.2}", share(bytes, packed));
        eprintln!("lines with PII   {:.2} %", 100.0 * share(planted, lines));
        eprintln!("generated at     {:.0} MB/s", bytes as f64 / 1e6 / busy.as_secs_f64());
    }
    Ok(())
}

/// Counts bytes and forgets them.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn limits(args: &Args) -> Limits {
    if args.one_line { Limits::ONE_LINE } else { Limits::PROMTAIL }
}

/// One file per body, and `bodies.tsv` with file, path, content type, encoding, lines, text bytes.
fn bodies(args: &Args, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let mut list = BufWriter::new(File::create(dir.join("bodies.tsv"))?);
    let mut generator = Generator::new(config(args));
    let mut batcher = Batcher::new(limits(args));
    let (mut text, mut count) = (0, 0);
    let mut write = |batch: logtap_testkit::batches::Batch| {
        let body = encode(args.dialect, &batch);
        let name = format!("{count:06}.body");
        count += 1;
        fs::write(dir.join(&name), &body.bytes)?;
        let (kind, encoding) = (body.content_type.unwrap_or("-"), body.content_encoding.unwrap_or("-"));
        let (path, lines, text) = (body.path, batch.lines(), batch.text_bytes());
        writeln!(list, "{name}\t{path}\t{kind}\t{encoding}\t{lines}\t{text}")
    };
    while text < args.size {
        let line = generator.next_line();
        text += line.text.len() as u64;
        batcher.push(&line).map_or(Ok(()), &mut write)?;
    }
    batcher.finish().map_or(Ok(()), &mut write)?;
    list.flush()
}

fn post(args: &Args, addr: std::net::SocketAddr) -> io::Result<()> {
    // One-line requests repeat anyway, and each costs memory for its head: 16 MiB of text suffice.
    let text = if args.one_line { args.size.min(16 << 20) } else { args.size };
    let requests: Vec<Prepared> = load::prepare(config(args), limits(args), args.dialect, text);
    let sum: usize = requests.iter().map(|request| request.body.bytes.len()).sum();
    eprintln!("prepared         {} requests, {:.1} MB of bodies", requests.len(), sum as f64 / 1e6);
    let duration = args.duration.map(Duration::from_secs);
    let outcome = if args.one_line {
        let plan = OneLine {
            connections: args.connections.into(),
            pipeline: args.pipeline.into(),
            rate: args.rate.0,
            duration: duration.unwrap_or(Duration::from_secs(10)),
            limit: args.limit_requests,
        };
        load::one_line(addr, &requests, plan)?
    } else {
        let limit = args.limit_requests.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let plan = Plan { connections: args.connections.into(), rate: args.rate.0, duration, limit };
        load::post(addr, &requests, plan)
    };
    report(&outcome)
}

fn report(outcome: &Outcome) -> io::Result<()> {
    let seconds = outcome.elapsed.as_secs_f64().max(1e-9);
    println!("elapsed          {seconds:.3} s");
    println!("requests         {} ({:.0}/s)", outcome.requests, outcome.requests as f64 / seconds);
    println!("lines            {} ({:.0}/s)", outcome.lines, outcome.lines_per_second());
    println!("log text         {:.1} MB/s", outcome.text as f64 / 1e6 / seconds);
    for (status, count) in &outcome.statuses {
        println!("status {status}       {count}");
    }
    println!("dropped lines    {}", outcome.dropped);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let (p50, p99) = (outcome.latencies.quantile(0.5), outcome.latencies.quantile(0.99));
    let max = outcome.latencies.max();
    println!("latency p50      {:.2} ms", millis(p50));
    println!("latency p99      {:.2} ms", millis(p99));
    println!("latency max      {:.2} ms", millis(max));
    if outcome.failures.is_empty() {
        return Ok(());
    }
    for (message, count) in &outcome.failures {
        println!("no answer        {count}: {message}");
    }
    Err(io::Error::other("some requests got no answer"))
}

fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match &text[digits..] {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("give a number with B, KB, MB, GB, KiB, MiB or GiB".to_owned()),
    };
    let count: u64 = text[..digits].parse().map_err(|_| "give a number first".to_owned())?;
    count.checked_mul(unit).ok_or_else(|| "too large".to_owned())
}

fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate(None));
    }
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(Rate(Some(rate))),
        _ => Err("give lines per second above 0, or max".to_owned()),
    }
}

fn dialect(text: &str) -> Result<Dialect, String> {
    Dialect::named(text).ok_or_else(|| {
        let names: Vec<_> = Dialect::ALL.iter().map(|(name, _)| *name).collect();
        format!("give one of {}", names.join(", "))
    })
}
