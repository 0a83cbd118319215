//! Lines that are JSON objects or logfmt: their message, and the names of
//! their other fields. They are mined on both; what the fields hold are values.

use std::borrow::Cow;

use super::key::{self, Digest};
use logtap_capture::line;

/// Fields that hold the message, the first found in the line counts.
const MESSAGE: [&[u8]; 5] = [b"msg", b"message", b"event", b"log", b"body"];
/// Fields of a line that are looked at.
const MAX_FIELDS: usize = 64;
/// So many `key=` at the start make a line logfmt.
const LOGFMT_FIELDS: usize = 3;

/// A line with fields.
#[derive(Debug)]
pub struct Fields<'t> {
    text: &'t [u8],
    message: Option<Cow<'t, [u8]>>,
    /// Sum of the hashes of its names: writers of JSON do not agree on an order.
    names: u64,
}

/// The fields of a line, if it has any.
#[must_use]
#[inline]
pub fn fields<'t>(text: &'t [u8], scratch: &'t mut Vec<u8>) -> Option<Fields<'t>> {
    let mut names = 1_u64;
    let message = walk(text, |name| names = names.wrapping_add(key::hash_bytes(0, name)))?;
    let message = message.map(|raw| match raw {
        Raw::Plain(text) => Cow::Borrowed(text),
        Raw::Json(raw) => match line::decode(raw, scratch) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
    });
    Some(Fields { text, message, names })
}

impl Fields<'_> {
    /// The digest of message and names.
    #[must_use]
    #[inline]
    pub fn digest(&self) -> Digest {
        let mut digest = key::digest(self.message.as_deref().unwrap_or_default());
        digest.hash = digest.hash.rotate_left(17) ^ key::hash_bytes(self.names, b"{}");
        digest
    }

    /// The masked message, then the names in braces as separators.
    #[must_use]
    pub fn build(&self) -> Box<[u8]> {
        let mut out = key::build(self.message.as_deref().unwrap_or_default()).into_vec();
        let mut names: Vec<&[u8]> = Vec::new();
        walk(self.text, |name| names.push(name));
        names.sort_unstable();
        names.dedup();
        if !out.is_empty() {
            out.push(b' ');
        }
        out.push(b'{');
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend(name.iter().map(|byte| if *byte < b' ' { b'?' } else { *byte }));
        }
        out.push(b'}');
        out.into_boxed_slice()
    }
}

/// A message as it stands in the line.
enum Raw<'t> {
    /// As it is.
    Plain(&'t [u8]),
    /// With the escapes of JSON.
    Json(&'t [u8]),
}

/// Tells the names of the first [`MAX_FIELDS`] fields; the message. `None` if the line has no fields.
#[inline]
fn walk<'t>(text: &'t [u8], tell: impl FnMut(&'t [u8])) -> Option<Option<Raw<'t>>> {
    match text.first()? {
        b'{' => json(text, tell),
        first if first.is_ascii_alphabetic() => logfmt(text, tell),
        _ => None,
    }
}

/// The rank of a name among those of messages, if it is a better one than `rank`.
#[inline]
fn better(name: &[u8], rank: usize) -> Option<usize> {
    MESSAGE[..rank].iter().position(|known| *known == name)
}

fn json<'t>(text: &'t [u8], mut tell: impl FnMut(&'t [u8])) -> Option<Option<Raw<'t>>> {
    let mut at = 1;
    let (mut fields, mut message, mut rank) = (0, None, MESSAGE.len());
    loop {
        at = blank(text, at);
        if text.get(at)? != &b'"' {
            break;
        }
        let end = string_end(text, at + 1)?;
        let name = &text[at + 1..end];
        at = blank(text, end + 1);
        if text.get(at)? != &b':' {
            return None;
        }
        at = blank(text, at + 1);
        let value = at;
        at = value_end(text, at)?;
        if fields < MAX_FIELDS {
            tell(name);
        }
        fields += 1;
        if text[value] == b'"'
            && let Some(found) = better(name, rank)
        {
            (rank, message) = (found, Some(Raw::Json(&text[value + 1..at - 1])));
        }
        at = blank(text, at);
        match text.get(at)? {
            b',' => at += 1,
            b'}' => break,
            _ => return None,
        }
    }
    (fields > 0).then_some(message)
}

fn blank(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

fn string_end(text: &[u8], at: usize) -> Option<usize> {
    Some(at + line::string_end(text.get(at..)?)?)
}

/// End of a value of any kind.
fn value_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => Some(string_end(text, at + 1)? + 1),
        b'{' | b'[' => {
            let (mut at, mut open) = (at, 0);
            loop {
                match text.get(at)? {
                    b'"' => at = string_end(text, at + 1)?,
                    b'{' | b'[' => open += 1,
                    b'}' | b']' => open -= 1,
                    _ => {}
                }
                at += 1;
                if open == 0 {
                    return Some(at);
                }
            }
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
            let length = text[at..].iter().position(ends)?;
            (length > 0).then_some(at + length)
        }
    }
}

fn logfmt<'t>(text: &'t [u8], mut tell: impl FnMut(&'t [u8])) -> Option<Option<Raw<'t>>> {
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let mut at = 0;
    let (mut fields, mut message, mut rank) = (0, None, MESSAGE.len());
    while at < text.len() {
        let length = text[at..].iter().take_while(|byte| of_name(byte)).count();
        if length == 0 || text.get(at + length) != Some(&b'=') {
            break;
        }
        let name = &text[at..at + length];
        let value = at + length + 1;
        let (inside, end) = if text.get(value) == Some(&b'"') {
            let end = string_end(text, value + 1)?;
            (&text[value + 1..end], end + 1)
        } else {
            let end = memchr::memchr(b' ', &text[value..]).map_or(text.len(), |length| value + length);
            (&text[value..end], end)
        };
        if fields < MAX_FIELDS {
            tell(name);
        }
        fields += 1;
        if let Some(found) = better(name, rank) {
            (rank, message) = (found, Some(Raw::Plain(inside)));
        }
        at = blank(text, end);
    }
    (fields >= LOGFMT_FIELDS).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(text: &str) -> Option<String> {
        let mut scratch = Vec::new();
        let key = fields(text.as_bytes(), &mut scratch)?.build();
        let masked = [super::super::merge::Masked { key: &key, varied: 0 }];
        super::super::merge::templates(&masked).pop()
    }

    #[test]
    fn message_and_names() {
        for (line, template) in [
            (r#"{"level":"info","msg":"took 12 ms \"x\"","n":[1,{"a":"]"}]}"#, "took <*> ms \"x\" {level,msg,n}"),
            (r#"{"n":1,"msg":"took 3 ms"}"#, "took <*> ms {msg,n}"),
            (r#"{"status":200,"path":"/a"}"#, "{path,status}"),
            (r#"level=warn msg="pool 3 is full" n=4"#, "pool <*> is full {level,msg,n}"),
            (r#"ts=1 level=warn n=4 and more"#, "{level,n,ts}"),
        ] {
            assert_eq!(built(line).as_deref(), Some(template), "{line}");
        }
        for line in ["{broken", "{}", "a=1 b=2", "state=ok, all good", "{\"a\" 1}", ""] {
            assert_eq!(built(line), None, "{line}");
        }
    }
}
