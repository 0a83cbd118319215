//! The raw route: JSON objects `{ts, labels, msg, meta?}` one after the other, usually one a line.
//!
//! Damage is contained by the line: what cannot be read is skipped up to the next newline.

use memchr::memchr;

use super::entry::{Emitter, Parts};
use super::scan::{Item, Scanner};
use crate::payload::Damage;
use crate::report::{Reject, Report};
use crate::sink::Sink;

/// Hands over every object; an error says that the last one is cut.
pub(crate) fn visit<S: Sink + ?Sized>(bytes: &[u8], sink: &mut S, report: &mut Report) -> Result<(), Damage> {
    let mut scanner = Scanner::new(super::without_bom(bytes));
    let mut emitter = Emitter::new(sink, report);
    let mut current = None;
    // Bytes read in vain. Objects may span lines, so damage is often noticed far behind the line it
    // is in; a body made to exploit that is read line by line once this exceeds its own size.
    let mut wasted = 0;
    while let Ok(byte) = scanner.peek() {
        let start = scanner.pos();
        let rest = scanner.rest();
        let line = memchr(b'\n', rest).map_or(rest, |newline| &rest[..=newline]);
        let mut within = Scanner::new(if wasted > bytes.len() { line } else { rest });
        let why = if byte == b'{' {
            match object(&mut within) {
                Ok((labels, parts)) => {
                    let key = labels.map(bytes_of);
                    if current != Some(key) {
                        emitter.stream(labels);
                        current = Some(key);
                    }
                    emitter.entry(parts);
                    scanner.seek(start + within.pos());
                    continue;
                }
                Err(Damage::Cut) if line.len() == rest.len() && !rest.ends_with(b"\n") => {
                    return Err(Damage::Cut);
                }
                Err(Damage::Cut) => {
                    wasted += rest.len();
                    Reject::Malformed
                }
                Err(Damage::Bad) => {
                    wasted += within.pos();
                    Reject::Malformed
                }
            }
        } else {
            Reject::NotJson
        };
        emitter.report.rejected.add(why, 1);
        scanner.seek(start + line.len());
    }
    Ok(())
}

fn object<'b>(scanner: &mut Scanner<'b>) -> Result<(Option<Item<'b>>, Parts<'b>), Damage> {
    scanner.eat(b'{')?;
    let mut labels = None;
    let mut parts = Parts::default();
    while let Some(key) = scanner.next_key()? {
        let value = Some(scanner.value()?);
        match key.inner {
            b"ts" | b"timestamp" => parts.ts = value,
            b"labels" | b"stream" => labels = value,
            b"msg" | b"line" => parts.line = value,
            b"meta" | b"metadata" => parts.meta = value,
            _ => {}
        }
    }
    Ok((labels, parts))
}

fn bytes_of(item: Item<'_>) -> &[u8] {
    match item {
        Item::String(raw) => raw.inner,
        Item::Other(json) => json,
    }
}
