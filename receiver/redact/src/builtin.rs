//! The names of the built-in rules, and how a user selects among them.

use std::{fmt, str::FromStr};

use crate::RedactError;

/// A built-in rule. The order of the variants is the order in which rules are listed and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Builtin {
    /// Payment card numbers; see [`crate::rules::card`].
    CreditCard,
    /// E-mail addresses; see [`crate::rules::email`].
    Email,
    /// JSON web tokens; see [`crate::rules::jwt`].
    Jwt,
    /// Credentials after the word `Bearer`; see [`crate::rules::bearer`].
    Bearer,
    /// IPv4 addresses; see [`crate::rules::ip`].
    IpV4,
    /// United States social security numbers; see [`crate::rules::ssn`].
    Ssn,
    /// Telephone numbers; see [`crate::rules::phone`].
    Phone,
}

impl Builtin {
    /// Every built-in rule, in order.
    pub const ALL: [Builtin; 7] = [
        Builtin::CreditCard,
        Builtin::Email,
        Builtin::Jwt,
        Builtin::Bearer,
        Builtin::IpV4,
        Builtin::Ssn,
        Builtin::Phone,
    ];

    /// The name used in options, metadata and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Builtin::CreditCard => "credit_card",
            Builtin::Email => "email",
            Builtin::Jwt => "jwt",
            Builtin::Bearer => "bearer",
            Builtin::IpV4 => "ip_v4",
            Builtin::Ssn => "ssn",
            Builtin::Phone => "phone",
        }
    }

    /// The word inside the token that replaces a value, as logtap 1 spells it.
    pub const fn label(self) -> &'static str {
        match self {
            Builtin::CreditCard => "cc",
            Builtin::IpV4 => "ip",
            other => other.name(),
        }
    }

    pub(crate) const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Builtin {
    type Err = RedactError;

    fn from_str(name: &str) -> Result<Self, RedactError> {
        Builtin::ALL.into_iter().find(|rule| rule.name() == name).ok_or_else(|| RedactError::UnknownRule {
            name: name.to_owned(),
            known: Builtin::ALL.map(Builtin::name).join(", "),
        })
    }
}

/// Reads the value of the redaction option: empty, `true` or `all` for every rule, `false` for none,
/// or names separated by commas. The result is in the order of [`Builtin::ALL`], without repeats.
///
/// # Errors
/// [`RedactError::UnknownRule`] for any other word, empty names between commas included.
pub fn parse_selection(arg: &str) -> Result<Vec<Builtin>, RedactError> {
    match arg.trim() {
        "" | "true" | "all" => return Ok(Builtin::ALL.to_vec()),
        "false" => return Ok(Vec::new()),
        _ => {}
    }
    let mut rules = arg.split(',').map(|name| name.trim().parse()).collect::<Result<Vec<Builtin>, _>>()?;
    rules.sort_unstable();
    rules.dedup();
    Ok(rules)
}
