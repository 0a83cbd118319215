//! JSON as CEL: what [`sidecar`](crate::sidecar) writes for one plan, turned into an expression for all.
//!
//! A plan holds stand-ins, texts that mean a variable. Where plans differ in more than a text, each is
//! rendered under its condition, and what is the same in all of them stands once.

use serde_json::{Map, Value};

use super::cel::{choose, text};

/// A text that means an expression.
#[derive(Debug)]
pub(super) struct StandIn {
    /// The text: whole, or part of a text.
    pub(super) text: String,
    /// What it means where it is the whole text.
    pub(super) whole: String,
    /// What it means inside another text.
    pub(super) part: String,
    /// When there is a value; without one, the element or member that holds it goes.
    pub(super) there: Option<String>,
}

/// The stand-ins of a template.
#[derive(Debug)]
pub(super) struct Literals(pub(super) Vec<StandIn>);

impl Literals {
    /// The expression of the first variant whose condition holds, or else of the last value.
    pub(super) fn render(&self, variants: &[(&str, &Value)], last: &Value) -> String {
        let all = || variants.iter().map(|(_, value)| *value).chain([last]);
        if all().all(|value| value == last) {
            return self.one(last);
        }
        if let Some(objects) = all().map(Value::as_object).collect::<Option<Vec<_>>>() {
            return self.object(variants, &objects);
        }
        if let Some(arrays) = all().map(Value::as_array).collect::<Option<Vec<_>>>() {
            let longest = arrays.iter().map(|array| array.len()).max().unwrap_or_default();
            let elements = (0..longest).map(|at| {
                let values: Vec<Option<&Value>> = arrays.iter().map(|array| array.get(at)).collect();
                self.member("", variants, &values)
            });
            return format!("[{}]", elements.collect::<Vec<_>>().join(", "));
        }
        choose(variants.iter().map(|(condition, value)| (*condition, self.one(value))), self.one(last))
    }

    fn object(&self, variants: &[(&str, &Value)], objects: &[&Map<String, Value>]) -> String {
        let mut keys: Vec<&String> = objects.iter().flat_map(|object| object.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let members = keys.into_iter().map(|key| {
            let values: Vec<Option<&Value>> = objects.iter().map(|object| object.get(key)).collect();
            self.member(&format!("{}: ", text(key)), variants, &values)
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    }

    /// A member with its key, or an element of a list without; optional where a variant lacks it.
    fn member(&self, key: &str, variants: &[(&str, &Value)], values: &[Option<&Value>]) -> String {
        let conditions = variants.iter().map(|(condition, _)| *condition);
        if let Some((last, values)) =
            values.iter().copied().collect::<Option<Vec<_>>>().as_deref().and_then(<[_]>::split_last)
        {
            let there = self.condition(key, last);
            let value = self.render(&conditions.zip(values.iter().copied()).collect::<Vec<_>>(), last);
            return match there {
                Some(there) => format!("?{key}({there} ? optional.of(dyn({value})) : optional.none())"),
                None => format!("{key}dyn({value})"),
            };
        }
        let optional = |value: &Option<&Value>| {
            value.map_or_else(|| "optional.none()".to_owned(), |value| format!("optional.of(dyn({}))", self.one(value)))
        };
        let Some((last, values)) = values.split_last() else { return String::new() };
        format!("?{key}{}", choose(conditions.zip(values.iter().map(optional)), optional(last)))
    }

    /// One value, whatever the variant.
    fn one(&self, value: &Value) -> String {
        match value {
            Value::String(string) => self.string(string),
            Value::Array(all) => {
                let elements = all.iter().map(|value| self.member("", &[], &[Some(value)]));
                format!("[{}]", elements.collect::<Vec<_>>().join(", "))
            }
            Value::Object(object) => self.object(&[], &[object]),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        }
    }

    fn string(&self, string: &str) -> String {
        if let Some(one) = self.0.iter().find(|one| one.text == string) {
            return one.whole.clone();
        }
        match self.0.iter().find_map(|one| Some((one, string.split_once(&one.text)?))) {
            Some((one, (before, after))) => format!("{} + {} + {}", text(before), one.part, self.string(after)),
            None => text(string),
        }
    }

    /// When a value is there at all: the condition of an optional stand-in that it is or, for an
    /// element of a list, that one of its members is.
    fn condition(&self, key: &str, value: &Value) -> Option<String> {
        let texts: Vec<&str> = match value {
            Value::String(string) => vec![string],
            Value::Object(object) if key.is_empty() => object.values().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        self.0.iter().find(|one| texts.contains(&one.text.as_str())).and_then(|one| one.there.clone())
    }
}
