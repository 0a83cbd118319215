//! Loki push JSON, v1 (`stream` and `values`) and v0 (`labels` and `entries`), told apart by what
//! is there: by key for streams, by shape for entries. Senders mix them up.

use super::entry::{Emitter, Parts};
use super::scan::{Item, Scanner};
use crate::payload::Damage;
use crate::report::{Reject, Report};
use crate::sink::Sink;

/// Hands over every entry; an error says that reading stopped early.
pub(crate) fn visit<S: Sink + ?Sized>(bytes: &[u8], sink: &mut S, report: &mut Report) -> Result<(), Damage> {
    let mut scanner = Scanner::new(super::without_bom(bytes));
    let mut walk = Walk { emitter: Emitter::new(sink, report) };
    match scanner.peek() {
        Err(_) => Ok(()),
        Ok(b'{') => walk.request(&mut scanner),
        Ok(b'[') => walk.streams(&mut scanner),
        Ok(_) => Err(Damage::Bad),
    }
}

struct Walk<'b, 's, S: ?Sized> {
    emitter: Emitter<'b, 's, S>,
}

impl<'b, S: Sink + ?Sized> Walk<'b, '_, S> {
    fn request(&mut self, scanner: &mut Scanner<'b>) -> Result<(), Damage> {
        scanner.eat(b'{')?;
        while let Some(key) = scanner.next_key()? {
            if key.inner == b"streams" && scanner.peek()? == b'[' {
                self.streams(scanner)?;
            } else {
                scanner.value()?;
            }
        }
        Ok(())
    }

    fn streams(&mut self, scanner: &mut Scanner<'b>) -> Result<(), Damage> {
        scanner.eat(b'[')?;
        while scanner.next_element()? {
            let start = scanner.pos();
            if scanner.peek()? == b'{' {
                match self.stream(scanner) {
                    Err(Damage::Bad) => self.skip_from(scanner, start, Reject::Malformed)?,
                    other => other?,
                }
            } else if !is_null(scanner.value()?) {
                self.emitter.report.rejected.add(Reject::NotAnEntry, 1);
            }
        }
        Ok(())
    }

    fn stream(&mut self, scanner: &mut Scanner<'b>) -> Result<(), Damage> {
        let mut labels = None;
        // Where lists of entries stand that came before the labels.
        let mut waiting = Vec::new();
        let outcome = self.members(scanner, &mut labels, &mut waiting);
        if labels.is_none() || !waiting.is_empty() {
            self.emitter.stream(labels);
        }
        for start in waiting {
            let mut again = scanner.clone();
            again.seek(start);
            self.entries(&mut again)?;
        }
        outcome
    }

    fn members(
        &mut self,
        scanner: &mut Scanner<'b>,
        labels: &mut Option<Item<'b>>,
        waiting: &mut Vec<usize>,
    ) -> Result<(), Damage> {
        scanner.eat(b'{')?;
        while let Some(key) = scanner.next_key()? {
            match key.inner {
                b"stream" | b"labels" => {
                    let value = scanner.value()?;
                    *labels = Some(value);
                    if waiting.is_empty() {
                        self.emitter.stream(*labels);
                    }
                }
                b"values" | b"entries" if scanner.peek()? == b'[' => {
                    if labels.is_some() && waiting.is_empty() {
                        self.entries(scanner)?;
                    } else {
                        waiting.push(scanner.pos());
                        scanner.value()?;
                    }
                }
                _ => {
                    scanner.value()?;
                }
            }
        }
        Ok(())
    }

    fn entries(&mut self, scanner: &mut Scanner<'b>) -> Result<(), Damage> {
        scanner.eat(b'[')?;
        while scanner.next_element()? {
            let start = scanner.pos();
            let read = match scanner.peek()? {
                b'[' => array_entry(scanner),
                b'{' => object_entry(scanner),
                _ => {
                    if !is_null(scanner.value()?) {
                        self.emitter.report.rejected.add(Reject::NotAnEntry, 1);
                    }
                    continue;
                }
            };
            match read {
                Ok(parts) if parts.line.is_some() => self.emitter.entry(parts),
                Ok(_) => self.emitter.report.rejected.add(Reject::NoLine, 1),
                Err(Damage::Bad) => self.skip_from(scanner, start, Reject::Malformed)?,
                Err(Damage::Cut) => return Err(Damage::Cut),
            }
        }
        Ok(())
    }

    /// Counts the value that starts at `start` as lost and goes on behind it.
    fn skip_from(&mut self, scanner: &mut Scanner<'b>, start: usize, why: Reject) -> Result<(), Damage> {
        scanner.seek(start);
        scanner.value()?;
        self.emitter.report.rejected.add(why, 1);
        Ok(())
    }
}

/// `["<ts>", "line", {meta}?]`; what follows is ignored.
fn array_entry<'b>(scanner: &mut Scanner<'b>) -> Result<Parts<'b>, Damage> {
    scanner.eat(b'[')?;
    let mut parts = Parts::default();
    let mut at = 0;
    while scanner.next_element()? {
        let value = Some(scanner.value()?);
        match at {
            0 => parts.ts = value,
            1 => parts.line = value,
            2 => parts.meta = value,
            _ => {}
        }
        at += 1;
    }
    Ok(parts)
}

/// `{"ts": "...", "line": "..."}`.
fn object_entry<'b>(scanner: &mut Scanner<'b>) -> Result<Parts<'b>, Damage> {
    scanner.eat(b'{')?;
    let mut parts = Parts::default();
    while let Some(key) = scanner.next_key()? {
        let value = Some(scanner.value()?);
        match key.inner {
            b"ts" | b"timestamp" => parts.ts = value,
            b"line" => parts.line = value,
            b"structuredMetadata" | b"structured_metadata" | b"metadata" => parts.meta = value,
            _ => {}
        }
    }
    Ok(parts)
}

fn is_null(item: Item<'_>) -> bool {
    matches!(item, Item::Other(b"null"))
}
