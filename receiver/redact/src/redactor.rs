//! The redactor: rules put together, applied to one text after another.

use crate::{
    Builtin, CustomPattern, RedactError, Span,
    custom::CustomRules,
    scan::{Enabled, scan},
    token::Tokens,
};

/// What to redact. The default redacts nothing.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Built-in rules; order and repeats do not matter.
    pub builtins: Vec<Builtin>,
    /// Patterns of the user, applied in this order to what the built-in rules leave.
    pub patterns: Vec<CustomPattern>,
    /// Key of the hashes in tokens; no hashes without it. Keep it out of the capture: who has it can
    /// test guesses.
    pub hash_key: Option<[u8; 32]>,
}

/// Redacts text. Immutable: share one between threads.
pub struct Redactor {
    names: Vec<String>,
    rules: Vec<Builtin>,
    enabled: Enabled,
    tokens: Tokens,
    custom: CustomRules,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("names", &self.names()).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Puts the rules of `config` together.
    ///
    /// # Errors
    /// What is wrong with the first bad pattern, also for patterns that were not read from a file.
    pub fn new(config: Config) -> Result<Redactor, RedactError> {
        let mut rules = config.builtins;
        rules.sort_unstable();
        rules.dedup();
        let custom = CustomRules::new(&config.patterns)?;
        let names = (rules.iter().map(|rule| rule.name().to_owned()))
            .chain(config.patterns.into_iter().map(|pattern| pattern.name))
            .collect();
        Ok(Redactor {
            names,
            enabled: Enabled::new(&rules),
            rules,
            tokens: Tokens::new(config.hash_key.as_ref()),
            custom,
        })
    }

    /// The names of the rules: built-in ones in the order of [`Builtin::ALL`], then the patterns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// If a rule matches, writes all of `text`, redacted, to `out` (which is cleared first) and returns
    /// true; else leaves `out` empty and returns false. Adds to `hits[i]` the number of values that the
    /// rule `names()[i]` replaced; a shorter `hits` counts the first rules only.
    pub fn redact(&self, text: &str, out: &mut String, hits: &mut [u64]) -> bool {
        out.clear();
        let mut copied = 0;
        scan(text, self.enabled, |Span { start, end, rule }| {
            out.push_str(&text[copied..start]);
            self.tokens.write(rule, &text[start..end], out);
            copied = end;
            let place = self.rules.iter().position(|r| *r == rule);
            if let Some(count) = place.and_then(|i| hits.get_mut(i)) {
                *count += 1;
            }
        });
        if copied > 0 {
            out.push_str(&text[copied..]);
        }
        if self.custom.is_empty() {
            return copied > 0;
        }
        let hits = hits.get_mut(self.rules.len()..).unwrap_or_default();
        self.custom.apply(text, copied > 0, out, hits)
    }

    /// The values that the built-in rules would replace in `text`, from left to right.
    pub fn spans(&self, text: &str) -> Vec<Span> {
        let mut spans = Vec::new();
        scan(text, self.enabled, |span| spans.push(span));
        spans
    }
}
