//! Labels as a JSON object. Values of other types than string become their JSON text, as in Loki.

use super::Pairs;
use crate::json::scan::Scanner;
use crate::json::unescape::{cow, item_cow};
use crate::report::{Altered, Tally};

pub(super) fn parse(bytes: &[u8], altered: &mut Tally<Altered>) -> Option<Pairs> {
    let mut scanner = Scanner::new(bytes);
    if !scanner.eat(b'{').ok()? {
        return None;
    }
    let mut pairs = Vec::new();
    while let Some(key) = scanner.next_key().ok()? {
        let value = scanner.value().ok()?;
        let key = cow(key, altered).into_owned();
        pairs.push((key, item_cow(value, Altered::LabelType, altered).into_owned()));
    }
    Some(pairs)
}
