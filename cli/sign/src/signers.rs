//! Whose signatures count: keys that the user named, in a file of allowed signers (`ssh-keygen(1)`,
//! ALLOWED SIGNERS) or as public keys.

use ssh_key::PublicKey;

use crate::ssh::NAMESPACE;

/// Keys that the user named, with who they belong to.
#[derive(Debug, Clone, Default)]
pub struct Signers {
    all: Vec<(String, PublicKey)>,
    /// Lines that name nobody, and why: number and reason.
    pub unused: Vec<(usize, String)>,
}

impl Signers {
    /// Reads a file of allowed signers or of public keys. `now` is in seconds since 1970.
    #[must_use]
    pub fn read(text: &str, now: i64) -> Self {
        let mut signers = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match entry(line, now) {
                Ok(found) => signers.all.push(found),
                Err(why) => signers.unused.push((at + 1, why)),
            }
        }
        signers
    }

    /// Takes the keys of another file too.
    pub fn add(&mut self, other: Self) {
        self.all.extend(other.all);
        self.unused.extend(other.unused);
    }

    /// True if it names nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Who this key belongs to; with an identity, only if that is one of its names.
    #[must_use]
    pub fn who(&self, key: &PublicKey, identity: Option<&str>) -> Option<&str> {
        let is_named = |names: &str| identity.is_none_or(|identity| names.split(',').any(|name| name == identity));
        let found = self.all.iter().find(|(names, one)| one.key_data() == key.key_data() && is_named(names));
        found.map(|(names, _)| names.as_str())
    }
}

/// A line: `names [options] type key [comment]`, or a public key alone.
fn entry(line: &str, now: i64) -> Result<(String, PublicKey), String> {
    let words = words(line);
    let is_type = |word: &String| ["ssh-", "ecdsa-", "sk-"].iter().any(|start| word.starts_with(start));
    let at = words.iter().take(3).position(is_type).ok_or("there is no key in it")?;
    let key = words.get(at + 1).ok_or("there is no key in it")?;
    let key = PublicKey::from_openssh(&format!("{} {key}", words[at])).map_err(|error| error.to_string())?;
    if at == 2 {
        options(&words[1], now)?;
    }
    let names = if at == 0 { key.fingerprint(ssh_key::HashAlg::Sha256).to_string() } else { words[0].clone() };
    Ok((names, key))
}

/// Words between white space; what is in quotes belongs to one word, the quotes themselves do not.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            _ if character.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            // A comma in quotes does not separate options.
            ',' if quoted => word.push('\u{1f}'),
            _ => word.push(character),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether the options of an entry let it sign captures now.
fn options(text: &str, now: i64) -> Result<(), String> {
    for option in text.split(',') {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name.to_ascii_lowercase().as_str() {
            "namespaces" => {
                let is_ours = |pattern: &str| pattern == NAMESPACE || pattern == "*";
                if !value.split('\u{1f}').any(is_ours) {
                    return Err(format!("it is not for \"{NAMESPACE}\""));
                }
            }
            "valid-after" if now < time(value)? => return Err("it is not valid yet".to_owned()),
            "valid-before" if now >= time(value)? => return Err("it is not valid any more".to_owned()),
            "valid-after" | "valid-before" => {}
            "cert-authority" => return Err("certificates are not known here".to_owned()),
            other => return Err(format!("its option {other} is not known here")),
        }
    }
    Ok(())
}

/// `YYYYMMDD` and `YYYYMMDDHHMM[SS]` with a Z, seconds since 1970.
fn time(text: &str) -> Result<i64, String> {
    let digits = text.strip_suffix('Z').ok_or("its times are local; write them with a Z, in UTC")?;
    let padded = match digits.len() {
        8 | 12 | 14 => format!("{digits:0<14}"),
        _ => return Err(format!("{text} is no time of the form YYYYMMDDHHMMZ")),
    };
    let parsed = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", &padded).map_err(|error| error.to_string())?;
    let zoned = parsed.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| error.to_string())?;
    Ok(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    #[test]
    fn who_may_sign() {
        let key = PublicKey::from_openssh(KEY).unwrap();
        let who = |line: &str| Signers::read(line, 1_790_000_000).who(&key, None).map(str::to_owned);
        let named = |line: String, expected: Option<&str>| assert_eq!(who(&line).as_deref(), expected, "{line}");
        named(format!("a@example.com,b@example.com {KEY} comment"), Some("a@example.com,b@example.com"));
        named(format!("a@example.com namespaces=\"file,{NAMESPACE}\" {KEY}"), Some("a@example.com"));
        named(format!("a@example.com namespaces=\"*\",valid-after=\"20200101Z\" {KEY}"), Some("a@example.com"));
        named(format!("a@example.com namespaces=\"git\" {KEY}"), None);
        named(format!("a@example.com valid-before=\"202001010000Z\" {KEY}"), None);
        named(format!("a@example.com valid-after=\"30000101Z\" {KEY}"), None);
        named(format!("a@example.com valid-before=\"30000101\" {KEY}"), None);
        named(format!("a@example.com cert-authority {KEY}"), None);
        named(format!("a@example.com no-such-option {KEY}"), None);
        named(format!("# a@example.com {KEY}"), None);
        assert!(who(KEY).is_some_and(|name| name.starts_with("SHA256:")));
        let both = Signers::read(&format!("a@example.com,b@example.com {KEY}"), 0);
        assert!(both.who(&key, Some("b@example.com")).is_some() && both.who(&key, Some("c@example.com")).is_none());
    }

    #[test]
    fn a_line_that_names_nobody_is_told() {
        let read = Signers::read("a@example.com\n\nb@example.com ssh-ed25519 nonsense\n", 0);
        assert!(read.is_empty());
        assert_eq!(read.unused.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 3]);
    }
}
