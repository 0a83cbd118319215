//! The configuration: which settings can be kept in a file or the environment, and how they take the
//! place of a flag's default. A flag goes before the environment, that before the file, that before
//! the default.

mod file;
mod key;
mod template;

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command};
use logtap_view::keymap::Keymap;

pub(crate) use file::{Entry, File, Problem};
pub(crate) use key::{KEYS, Key, nearest};
pub(crate) use template::template;

use crate::error::CliError;
use key::Local;

/// The file of a working directory.
pub(crate) const LOCAL: &str = ".logtap.yaml";
/// Names another file than the usual one; empty for none.
const VARIABLE: &str = "LOGTAP_CONFIG";
/// Variable of 1.x whose meaning is gone.
const VERBOSE: &str = "LOGTAP_VERBOSE";

/// What the files say, as far as it counts.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// Settings, each once.
    pub(crate) entries: Vec<Entry>,
    /// Keys of the view.
    pub(crate) keymap: Keymap,
    /// What cannot be used.
    pub(crate) problems: Vec<Problem>,
    /// What has no effect, and why.
    pub(crate) notes: Vec<String>,
}

/// Where the person's own file is, if anywhere: `$LOGTAP_CONFIG`, else `~/.logtap/config.yaml`.
pub(crate) fn path() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty());
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(".logtap/config.yaml"))
}

impl Config {
    /// Reads the person's file and that of the working directory; none is no error.
    ///
    /// # Errors
    /// If a file is there and cannot be read.
    pub(crate) fn load() -> Result<Self, CliError> {
        let own = path().map(|path| File::read(&path)).transpose()?.flatten().unwrap_or_default();
        let local = File::read(Path::new(LOCAL))?.unwrap_or_default();
        // Where they cannot be used, that is among the problems.
        let keymap = file::keymap(&own.keys).unwrap_or_default();
        let mut config = Self { entries: own.entries, keymap, problems: own.problems, notes: own.notes };
        if !local.keys.is_empty() {
            config.notes.push(format!("{LOCAL}: keys are not taken from here: your own file decides that"));
        }
        config.problems.extend(local.problems);
        config.notes.extend(local.notes);
        let mut taken = Vec::new();
        for entry in local.entries {
            let is_set = config.entries.iter().position(|one| one.key.name == entry.key.name);
            let refused = match (entry.key.local, is_set) {
                (Local::No, _) => Some("a file that lies in a working directory does not decide that"),
                (Local::Adds, Some(_)) => Some("it is set in your own file"),
                _ => None,
            };
            if let Some(reason) = refused {
                config.notes.push(format!("{}: {} is not taken from here: {reason}", entry.place(), entry.key.name));
                continue;
            }
            taken.push(entry.key.name);
            if let Some(at) = is_set {
                config.entries.swap_remove(at);
            }
            config.entries.push(entry);
        }
        if !taken.is_empty() {
            config.notes.push(format!("{LOCAL} of this directory sets {}", taken.join(", ")));
        }
        if std::env::var_os(VERBOSE).is_some() {
            config.notes.push(format!("{VERBOSE} {}", key::NO_VERBOSE));
        }
        Ok(config)
    }

    /// What the files say, for a command that acts on it.
    ///
    /// # Errors
    /// If a file cannot be read, or something in it cannot be used.
    pub(crate) fn usable() -> Result<Self, CliError> {
        let config = Self::load()?;
        if config.problems.is_empty() {
            return Ok(config);
        }
        let all: Vec<String> = config.problems.iter().map(Problem::to_string).collect();
        Err(CliError::usage(all.join("; ")).hint("`logtap config` shows what is in force and where it comes from"))
    }

    /// The setting of a key, if a file has one.
    pub(crate) fn get(&self, key: &Key) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.name == key.name)
    }

    /// Lets settings take the place of defaults in the command that was typed.
    pub(crate) fn apply(&self, definition: Command, typed: &ArgMatches) -> Command {
        let Some((name, typed)) = typed.subcommand() else { return definition };
        let elsewhere = matches!(typed.try_get_one::<bool>("in_cluster"), Ok(Some(true)));
        definition.mut_subcommand(name, |command| {
            command.mut_args(|arg| {
                let entry = self.entries.iter().find(|entry| entry.key.is_of(&arg));
                match entry.filter(|entry| !(elsewhere && entry.key.here_only)) {
                    Some(entry) => arg.default_values(entry.values.clone()),
                    None => arg,
                }
            })
        })
    }
}

/// True if the typed command has a flag that a file can set.
pub(crate) fn concerns(definition: &Command, typed: &ArgMatches) -> bool {
    let command = typed.subcommand().and_then(|(name, _)| definition.find_subcommand(name));
    command.is_some_and(|command| command.get_arguments().any(|arg| KEYS.iter().any(|key| key.is_of(arg))))
}

/// The flag that a key stands for, from the first command that has it.
pub(crate) fn flag<'a>(definition: &'a Command, key: &Key) -> Option<&'a Arg> {
    definition.get_subcommands().find_map(|command| command.get_arguments().find(|arg| key.is_of(arg)))
}
