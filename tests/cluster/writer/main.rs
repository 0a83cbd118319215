//! The app whose lines are counted: numbered lines of every shape at a steady rate.
//!
//!   writer RATE SECONDS SHAPE
//!   writer paced …                   (paced.rs says how: lines whose latency is measured)
//!
//! RATE in kB/s; SHAPE is `both` (stdout and stderr, short and long lines), `out` (stdout only) or
//! `short` (stdout only, no long lines). It is compiled alone, into one static file, and knows nothing of logtap.

mod paced;

use std::io::Write as _;
use std::time::{Duration, Instant};

/// One more than the kubelet's runtime takes as one piece.
const PIECE: usize = 16 << 10;

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// A line of about `length` bytes whose characters have one to four.
fn line(number: u64, length: usize, state: &mut u64, out: &mut Vec<u8>) {
    const CHARACTERS: [&str; 8] = ["a", "é", "漢", "😀", "\\", "\"", "\t", "z"];
    out.clear();
    write!(out, "{number} ").expect("a vector takes every write");
    while out.len() < length {
        let bits = random(state);
        for at in 0..8 {
            let pick = (bits >> (at * 8)) & 0xff;
            // Mostly hexadecimal digits, so that it compresses like a log and not like zeroes.
            match pick {
                0..=15 => out.extend_from_slice(CHARACTERS[(pick & 7) as usize].as_bytes()),
                _ => out.push(b"0123456789abcdef"[(pick & 15) as usize]),
            }
        }
    }
    out.push(b'\n');
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|what| what == "paced") {
        return paced::run(&arguments[2..]);
    }
    let number = |at: usize| -> f64 { arguments.get(at).and_then(|text| text.parse().ok()).expect("RATE SECONDS SHAPE") };
    let (rate, seconds) = (number(1) * 1000.0, number(2));
    let is = |name: &str| arguments.get(3).is_some_and(|shape| shape == name);
    let (both, short) = (is("both"), is("short"));
    let began = Instant::now();
    let (mut state, mut written, mut text) = (0x9e37_79b9_7f4a_7c15_u64, 0.0, Vec::new());
    for count in 1.. {
        if began.elapsed().as_secs_f64() >= seconds {
            break;
        }
        let length = match random(&mut state) % 1000 {
            0..=29 if short => 1000,
            0 => 1 << 20,
            1..=9 => PIECE * 3,
            // Around the boundary, so that characters are split at it.
            10..=29 => PIECE - 8 + (random(&mut state) % 16) as usize,
            30..=500 => 1000,
            _ => 100,
        };
        line(count, length, &mut state, &mut text);
        // One write, as loggers do; the pipe may take it in parts.
        let is_error = both && random(&mut state) % 3 == 0;
        let written_all = if is_error { std::io::stderr().write_all(&text) } else { std::io::stdout().lock().write_all(&text) };
        written_all.expect("somebody reads");
        if !is_error {
            std::io::stdout().flush().expect("somebody reads");
        }
        written += text.len() as f64;
        let ahead = written / rate - began.elapsed().as_secs_f64();
        if ahead > 0.002 {
            std::thread::sleep(Duration::from_secs_f64(ahead.min(0.1)));
        }
    }
}
