//! The file that `logtap init` writes: every setting, commented out, with what it means and its default.

use std::collections::BTreeSet;

use clap::Arg;
use logtap_view::keymap;
use logtap_view::keys::KEYMAP;

use super::file::VIEW_KEYS;
use super::key::{KEYS, Local};
use crate::args;

const HEAD: &str = "\
# Settings of logtap. A flag goes before the environment, that before this file, that before the default.
# `logtap config` shows what is in force and from where; `logtap config validate` checks this file.
# Lines without a blank after # show defaults, unless they say `for example`.
";

/// The whole file.
pub(crate) fn template() -> String {
    let definition = args::definition(None);
    let mut text = HEAD.to_owned();
    let mut last = "";
    for key in &KEYS {
        let Some(flag) = super::flag(&definition, key) else { continue };
        let (section, name) = key.parts();
        if section != last {
            text += &format!("\n#{section}:\n");
            last = section;
        }
        let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
        let from = match key.local {
            Local::No => "",
            Local::Yes | Local::Adds => "; may stand in .logtap.yaml, too",
        };
        text += &format!("  # {}\n  # {}{from}\n", help.lines().next().unwrap_or_default(), names(flag, key.variable));
        match default(flag) {
            Some(default) => text += &format!("  #{name}: {default}\n"),
            None => text += &format!("  # no default; for example\n  #{name}: {}\n", key.example),
        }
    }
    text += &format!("\n#{VIEW_KEYS}:\n  # Keys of the view (`open`, `recv`), apart by blanks; ? shows what they do\n");
    let mut named = BTreeSet::new();
    for binding in KEYMAP.iter().filter(|binding| named.insert(binding.action)) {
        let keys = serde_json::Value::from(binding.keys);
        text += &format!("  #{}: {keys}\n", keymap::name_of(binding.action));
    }
    text
}

fn names(flag: &Arg, variable: &str) -> String {
    match flag.get_long().filter(|_| !flag.is_hide_set()) {
        Some(long) => format!("--{long}, ${variable}"),
        None => format!("${variable}"),
    }
}

/// What a flag is without a word about it, if anything.
fn default(flag: &Arg) -> Option<String> {
    let values: Vec<String> =
        flag.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    Some(values.join(",")).filter(|value| !value.is_empty())
}
