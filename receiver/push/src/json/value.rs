//! JSON text to a tree, for the formats that are too loose to be walked in place.
//!
//! Unlike a strict parser it repairs strings instead of refusing them.

use serde_json::{Map, Value};

use super::scan::Scanner;
use super::unescape::cow;
use crate::MAX_DEPTH;
use crate::payload::Damage;
use crate::report::{Altered, Tally};

/// Why there is no tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoValue {
    /// Not well-formed.
    Damaged,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

impl From<Damage> for NoValue {
    fn from(_: Damage) -> Self {
        Self::Damaged
    }
}

/// Parses one value.
pub(crate) fn parse(json: &[u8], altered: &mut Tally<Altered>) -> Result<Value, NoValue> {
    value(&mut Scanner::new(json), altered, MAX_DEPTH)
}

fn value(scanner: &mut Scanner<'_>, altered: &mut Tally<Altered>, depth: usize) -> Result<Value, NoValue> {
    let depth = depth.checked_sub(1).ok_or(NoValue::TooDeep)?;
    match scanner.peek()? {
        b'{' => {
            scanner.eat(b'{')?;
            let mut map = Map::new();
            while let Some(key) = scanner.next_key()? {
                let key = cow(key, altered).into_owned();
                map.insert(key, value(scanner, altered, depth)?);
            }
            Ok(Value::Object(map))
        }
        b'[' => {
            scanner.eat(b'[')?;
            let mut list = Vec::new();
            while scanner.next_element()? {
                list.push(value(scanner, altered, depth)?);
            }
            Ok(Value::Array(list))
        }
        b'"' => Ok(Value::String(cow(scanner.string()?, altered).into_owned())),
        _ => match scanner.value()? {
            super::scan::Item::Other(scalar) => self::scalar(scalar).ok_or(NoValue::Damaged),
            super::scan::Item::String(_) => Err(NoValue::Damaged),
        },
    }
}

/// A literal or a number. Fractions go through the standard library, which rounds exactly.
fn scalar(text: &[u8]) -> Option<Value> {
    match text {
        b"null" => return Some(Value::Null),
        b"true" => return Some(Value::Bool(true)),
        b"false" => return Some(Value::Bool(false)),
        _ => {}
    }
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.into());
    }
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    let number = text.parse().ok().and_then(serde_json::Number::from_f64);
    Some(number.map_or_else(|| Value::String(text.to_owned()), Value::Number))
}
