//! Stack traces that came line by line: which lines go on with the line before
//! them in their stream, and what the trace says: exception, first frame of
//! the program's own.

/// Frames of runtimes and frameworks say little about where a fault is.
const FOREIGN: [&str; 16] = [
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "com.sun.",
    "kotlin.",
    "scala.",
    "org.springframework.",
    "org.apache.",
    "org.hibernate.",
    "io.netty.",
    "reactor.",
    "io.undertow.",
    "node:",
    "System.",
    "Microsoft.",
];
/// Bytes of an exception or frame that are kept.
const MAX_TEXT: usize = 160;

/// What the lines of a stream are in the middle of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Lines that stand alone.
    #[default]
    Plain,
    /// Frames begin with `at`.
    At,
    /// A Python traceback, which ends with the exception.
    Python,
    /// A Go panic.
    Go,
}

/// What a line says about the trace that it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'t> {
    /// It stands alone.
    Head,
    /// It goes on and says nothing of note.
    More,
    /// It names the exception.
    Exception(&'t str),
    /// It is a frame.
    Frame(&'t str),
}

/// Places a line; `mode` is that of its stream and is moved on.
pub fn place<'t>(text: &'t str, mode: &mut Mode) -> Part<'t> {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b' ' | b'\t') => indented(text.trim_start(), mode),
        None if *mode == Mode::Go => Part::More,
        None => Part::Head,
        Some(_) if *mode == Mode::Plain && !may_go_on(bytes) => Part::Head,
        Some(_) => flush_left(text, mode),
    }
}

/// A cheap test that every line passes or fails by a few bytes.
fn may_go_on(bytes: &[u8]) -> bool {
    matches!(bytes[0], b'C' | b'S' | b'T' | b'p' | b'g') && starts(bytes) || is_class(bytes)
}

fn starts(bytes: &[u8]) -> bool {
    [&b"Caused by: "[..], b"Suppressed: ", b"Traceback (most recent", b"panic: ", b"goroutine "]
        .iter()
        .any(|start| bytes.starts_with(start))
}

/// `org.example.BadThing: text`, `org.example.BadThingException`
fn is_class(bytes: &[u8]) -> bool {
    let length = bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$')).count();
    let name = &bytes[..length];
    let ends = [&b"Exception"[..], b"Error", b"Throwable"].iter().any(|end| name.ends_with(end));
    ends && name.contains(&b'.') && matches!(bytes.get(length), None | Some(b':'))
}

fn indented<'t>(text: &'t str, mode: &mut Mode) -> Part<'t> {
    if let Some(frame) = text.strip_prefix("at ")
        && (frame.contains('(') || frame.contains(" in ") || frame.contains(':'))
    {
        *mode = Mode::At;
        return Part::Frame(cut(frame));
    }
    if text.starts_with("... ") && (text.ends_with(" more") || text.ends_with("omitted")) {
        *mode = Mode::At;
        return Part::More;
    }
    if let Some(rest) = text.strip_prefix("File \"")
        && rest.contains("\", line ")
    {
        *mode = Mode::Python;
        return Part::Frame(cut(text));
    }
    match *mode {
        Mode::Python => Part::More,
        Mode::Go if text.contains(".go:") => Part::More,
        Mode::At if text.starts_with("Caused by: ") || text.starts_with("Suppressed: ") => Part::More,
        _ => Part::Head,
    }
}

fn flush_left<'t>(text: &'t str, mode: &mut Mode) -> Part<'t> {
    let class = |text: &'t str| {
        let text = text.split([':', ' ']).next().unwrap_or(text);
        Part::Exception(cut(text))
    };
    if let Some(cause) = text.strip_prefix("Caused by: ") {
        *mode = Mode::At;
        return class(cause);
    }
    if text.starts_with("Suppressed: ") {
        *mode = Mode::At;
        return Part::More;
    }
    if text.starts_with("Traceback (most recent") {
        *mode = Mode::Python;
        return Part::More;
    }
    if text.starts_with("panic: ") {
        *mode = Mode::Go;
        return Part::Head;
    }
    if text.starts_with("goroutine ") && text.ends_with("]:") {
        *mode = Mode::Go;
        return Part::More;
    }
    if is_class(text.as_bytes()) {
        *mode = Mode::At;
        return class(text);
    }
    let went = std::mem::take(mode);
    let name = text.split(':').next().unwrap_or(text);
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'));
    match went {
        Mode::Python if is_name => class(text),
        Mode::Python if text.starts_with("During handling") || text.starts_with("The above exception") => {
            *mode = Mode::Python;
            Part::More
        }
        Mode::Go
            if text.ends_with(')') && text.contains('(') && !text.contains(' ') || text.starts_with("[signal ") =>
        {
            *mode = Mode::Go;
            Part::Frame(cut(text))
        }
        _ => Part::Head,
    }
}

/// True for a frame of the program's own.
#[must_use]
pub fn is_own(frame: &str) -> bool {
    !FOREIGN.iter().any(|prefix| frame.starts_with(prefix))
        && !frame.contains("node_modules")
        && !frame.contains("site-packages")
        && !frame.starts_with("runtime.")
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(lines: &str) -> String {
        let mut mode = Mode::default();
        lines
            .lines()
            .map(|line| match place(line, &mut mode) {
                Part::Head => 'H',
                Part::More => '.',
                Part::Exception(_) => 'X',
                Part::Frame(_) => 'f',
            })
            .collect()
    }

    #[test]
    fn languages() {
        let java = "ERROR it broke\njava.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\n\t... 3 more\nCaused by: x.YError\n\tat x.Y.z(Y.java:2)\nINFO next";
        assert_eq!(parts(java), "HXf.XfH");
        let python = "ERROR x\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nValueError: bad\nINFO next";
        assert_eq!(parts(python), "H.f.XH");
        let go = "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/a/b.go:12 +0x1d\nnext line";
        assert_eq!(parts(go), "H..f.H");
        let node = "Error: no such thing\n    at Object.<anonymous> (a.js:1:2)\n    at node:internal/x:5:6\nok";
        assert_eq!(parts(node), "HffH");
    }

    #[test]
    fn leading_blanks_alone_are_no_trace() {
        assert_eq!(parts("a\n  b\n\tc at d\n\n   at noon"), "HHHHH");
    }

    #[test]
    fn own_frames() {
        assert!(is_own("shop.Cart.add(Cart.java:7)") && !is_own("java.util.List.of(List.java:1)"));
    }
}
