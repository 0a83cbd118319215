//! The level of a log line, read from its structure: JSON key, logfmt key,
//! klog head, bracketed or bare upper-case word near the start.
//!
//! It lives beside the format because counts by level are part of the block
//! index; every reader must come to the same level as the writer did.

use std::sync::LazyLock;

use memchr::memmem;

/// Severity of a line, ordered from harmless to fatal; `Unknown` says that no
/// structure told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// No level was found.
    Unknown = 0,
    /// trace, verbose, finest
    Trace = 1,
    /// debug
    Debug = 2,
    /// info, notice
    Info = 3,
    /// warn, warning
    Warn = 4,
    /// error, err, severe
    Error = 5,
    /// fatal, critical, panic, emergency, alert
    Fatal = 6,
}

/// How many levels there are; the length of every per-level counter.
pub const LEVELS: usize = 7;

/// Only this many bytes of a line are looked at.
const HEAD: usize = 512;
/// A bare word counts as the level only this close to the start of the line.
const BARE_HEAD: usize = 96;

static JSON_KEYS: Keys<6> = Keys::new(|| {
    ["\"level\"", "\"severity\"", "\"lvl\"", "\"log.level\"", "\"levelname\"", "\"loglevel\""].map(memmem::Finder::new)
});
/// The first of these that states a level counts, wherever it stands.
const LOGFMT_KEYS: [&[u8]; 3] = [b"level", b"lvl", b"severity"];

type Keys<const N: usize> = LazyLock<[memmem::Finder<'static>; N]>;

impl Level {
    /// Every level, in order; `ALL[l as usize] == l`.
    pub const ALL: [Self; LEVELS] =
        [Self::Unknown, Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// Lower-case name as printed and stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// The level that the line states about itself.
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        let head = &line[..line.len().min(HEAD)];
        let Some(&first) = head.first() else {
            return Self::Unknown;
        };
        if first == b'{' {
            return json(head);
        }
        if matches!(first, b'I' | b'W' | b'E' | b'F') && is_klog(head) {
            return match first {
                b'I' => Self::Info,
                b'W' => Self::Warn,
                b'E' => Self::Error,
                _ => Self::Fatal,
            };
        }
        logfmt(head).unwrap_or_else(|| bare(head))
    }

    fn of_word(word: &[u8]) -> Option<Self> {
        let mut lower = [0u8; 9];
        let target = lower.get_mut(..word.len())?;
        target.copy_from_slice(word);
        target.make_ascii_lowercase();
        Some(match &*target {
            b"trace" | b"trc" | b"verbose" | b"finest" | b"finer" => Self::Trace,
            b"debug" | b"dbg" | b"fine" => Self::Debug,
            b"info" | b"inf" | b"notice" | b"information" => Self::Info,
            b"warn" | b"warning" | b"wrn" => Self::Warn,
            b"error" | b"err" | b"severe" => Self::Error,
            b"fatal" | b"critical" | b"crit" | b"panic" | b"emerg" | b"alert" | b"emergency" | b"ftl" | b"dpanic" => {
                Self::Fatal
            }
            _ => return None,
        })
    }

    /// Numeric levels of pino and bunyan (10 to 60).
    fn of_number(digits: &[u8]) -> Option<Self> {
        Some(match digits {
            b"10" => Self::Trace,
            b"20" => Self::Debug,
            b"30" => Self::Info,
            b"40" => Self::Warn,
            b"50" => Self::Error,
            b"60" => Self::Fatal,
            _ => return None,
        })
    }
}

fn json(head: &[u8]) -> Level {
    JSON_KEYS
        .iter()
        .find_map(|key| {
            let at = key.find(head)? + key.needle().len();
            let value = head[at..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
            match value.strip_prefix(b"\"") {
                Some(text) => Level::of_word(word(text)),
                None => Level::of_number(word(value)),
            }
        })
        .unwrap_or(Level::Unknown)
}

fn logfmt(head: &[u8]) -> Option<Level> {
    let mut best: Option<(usize, Level)> = None;
    for equals in memchr::memchr_iter(b'=', head) {
        let (before, value) = (&head[..equals], &head[equals + 1..]);
        let Some(rank) = LOGFMT_KEYS.iter().position(|key| before.ends_with(key)) else { continue };
        let starts = before.len() == LOGFMT_KEYS[rank].len()
            || !before[before.len() - LOGFMT_KEYS[rank].len() - 1].is_ascii_alphanumeric();
        if !starts || best.is_some_and(|(least, _)| least <= rank) {
            continue;
        }
        if let Some(level) = Level::of_word(word(value.strip_prefix(b"\"").unwrap_or(value))) {
            if rank == 0 {
                return Some(level);
            }
            best = Some((rank, level));
        }
    }
    best.map(|(_, level)| level)
}

fn is_klog(head: &[u8]) -> bool {
    head.len() > 6 && head[1..5].iter().all(u8::is_ascii_digit) && head[5] == b' '
}

/// `[error]`, `<warn>`, `ERROR`, `WARN:`: bracketed in any case, bare only in capitals.
fn bare(head: &[u8]) -> Level {
    let head = &head[..head.len().min(BARE_HEAD)];
    let mut at = 0;
    while at < head.len() {
        let byte = head[at];
        if !byte.is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let length = head[at..].iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        if byte.is_ascii_alphabetic() && (3..=9).contains(&length) {
            let bracketed = at > 0 && matches!(head[at - 1], b'[' | b'<' | b'(');
            let token = &head[at..at + length];
            let stands = bracketed || token.iter().all(u8::is_ascii_uppercase);
            if stands && let Some(level) = Level::of_word(token) {
                return level;
            }
        }
        at += length;
    }
    Level::Unknown
}

fn word(text: &[u8]) -> &[u8] {
    let length = text.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    &text[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures() {
        for (line, level) in [
            (r#"{"ts":1,"level":"warn","msg":"x"}"#, Level::Warn),
            (r#"{"severity": "ERROR","message":"level is fine"}"#, Level::Error),
            (r#"{"level":50,"time":1}"#, Level::Error),
            (r#"{"msg":"no level here"}"#, Level::Unknown),
            ("ts=2026 level=info msg=\"a\"", Level::Info),
            ("sublevel=error level=debug", Level::Debug),
            ("severity=\"CRITICAL\" x=1", Level::Fatal),
            ("severity=info lvl=error a=b log.level=warn", Level::Warn),
            ("lvl=what severity=error level=nothing lvl=warn lvl=info", Level::Warn),
            ("E0115 10:32:01.000000   1 main.go:10] boom", Level::Error),
            ("Every error is bad", Level::Unknown),
            ("2026-01-15 10:32:01,123 ERROR [main] c.e.A - boom", Level::Error),
            ("2026/01/15 10:32:01 [error] 12#12: *1 upstream", Level::Error),
            ("[WARNING] x", Level::Warn),
            ("PANIC: x", Level::Fatal),
            ("TERRORS are not", Level::Unknown),
            ("", Level::Unknown),
        ] {
            assert_eq!(Level::of(line.as_bytes()), level, "{line}");
        }
    }

    #[test]
    fn only_the_head_counts() {
        let line = format!("{}{}", " x".repeat(300), " ERROR level=error");
        assert_eq!(Level::of(line.as_bytes()), Level::Unknown);
    }
}
