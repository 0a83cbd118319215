//! Attribute values of any type, and their text.

use serde_json::Value;

/// Attributes in the sender's order.
pub(super) type Attributes = Vec<(String, Value)>;

/// The text of a value: strings as they are, nothing for null, JSON for the rest.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A floating point number, with text for those that JSON cannot write.
pub(super) fn double(number: f64) -> Value {
    serde_json::Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

/// A name with everything but ASCII letters, digits and `_` replaced by `_`.
pub(super) fn plain_name(name: &str) -> String {
    let plain = |char: char| {
        if char.is_ascii_alphanumeric() { char } else { '_' }
    };
    name.chars().map(plain).collect()
}

/// Bytes in lower-case hexadecimal, as trace and span ids are written.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes in base64, as OTLP's JSON writes them.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut word = [0; 3];
        word[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for at in 0..4 {
            let index = (bits >> (18 - 6 * at) & 63) as usize;
            out.push(if at <= chunk.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    out
}
