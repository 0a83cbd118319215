//! `logtap config`: which settings are in force, and where each comes from.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::args::{self, FormatArgs};
use crate::config::{self, Config, KEYS, Key, Problem};
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::output::Ui;

/// Show the settings in force, and where each comes from
///
/// A flag goes before the environment, that before ./.logtap.yaml, that before ~/.logtap/config.yaml
/// (or what $LOGTAP_CONFIG names), that before the default. A file that lies in the working
/// directory sets no address, webhook, target or credential, and cannot take redaction away.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap config\n  logtap config get recv.dir\n  logtap config validate && logtap recv"
)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the value in force; ends with 3 where there is none
    Get {
        /// Name of the setting, such as recv.dir
        key: String,
    },
    /// Print where the file is, or would be
    Path,
    /// Check the files; ends with 6 where something in them cannot be used
    Validate,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Shown {
    version: u32,
    config_path: Option<PathBuf>,
    values: Vec<Setting>,
    problems: Vec<Wrong>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Setting {
    key: &'static str,
    /// `None` where nothing is set and there is no default.
    value: Option<String>,
    /// True if the value is left out because it is not for eyes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    hidden: bool,
    source: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    variable: &'static str,
    flag: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Environment,
    File,
    Default,
}

#[derive(Debug, Serialize)]
struct Wrong {
    file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    message: String,
}

/// Shows them, one of them, the place of the file, or what is wrong with it.
///
/// # Errors
/// If a file cannot be read, or there is no such setting.
pub(crate) fn run(args: ConfigArgs, ui: &Ui) -> Result<Exit, CliError> {
    let ConfigArgs { what, format: _ } = args;
    match what {
        None => show(ui).map(|()| Exit::Success),
        Some(What::Get { key }) => get(&key, ui).map(|()| Exit::Success),
        Some(What::Path) => path(ui).map(|()| Exit::Success),
        Some(What::Validate) => validate(ui),
    }
}

fn show(ui: &Ui) -> Result<(), CliError> {
    let config = Config::load()?;
    let values: Vec<Setting> = KEYS.iter().map(|key| setting(key, &config, false)).collect();
    if ui.json {
        return ui.print_json(&shown(config, values));
    }
    let mut out = ui.data();
    let wide = values.iter().map(|one| text(one).chars().count()).max().unwrap_or(0).min(40);
    for one in &values {
        writeln!(out, "{:<22} {:<wide$}  {}", one.key, text(one), origin(one))?;
    }
    out.flush()?;
    tell(&config, ui);
    Ok(())
}

fn get(name: &str, ui: &Ui) -> Result<(), CliError> {
    let Some(key) = KEYS.iter().find(|key| key.name == name) else {
        let error = CliError::usage(format!("there is no setting {name}"));
        return Err(match config::nearest(&args::definition(None), name) {
            Some(meant) => error.hint(format!("{meant} is one; `logtap config` lists them")),
            None => error.hint("`logtap config` lists them"),
        });
    };
    let one = setting(key, &Config::usable()?, true);
    if ui.json {
        return ui.print_json(&shown(Config::default(), vec![one]));
    }
    let Some(value) = &one.value else {
        return Err(CliError::new(Kind::NotFound, format!("{name} is not set, and has no default")));
    };
    let mut out = ui.data();
    writeln!(out, "{value}")?;
    out.flush()?;
    Ok(())
}

fn path(ui: &Ui) -> Result<(), CliError> {
    if ui.json {
        return ui.print_json(&shown(Config::default(), Vec::new()));
    }
    let path = config::path().ok_or_else(|| CliError::new(Kind::NotFound, "there is no file of settings"))?;
    let mut out = ui.data();
    writeln!(out, "{}", path.display())?;
    out.flush()?;
    Ok(())
}

fn validate(ui: &Ui) -> Result<Exit, CliError> {
    let config = Config::load()?;
    let exit = if config.problems.is_empty() { Exit::Success } else { Exit::Findings };
    if ui.json {
        ui.print_json(&shown(config, Vec::new()))?;
        return Ok(exit);
    }
    let mut out = ui.data();
    for problem in &config.problems {
        writeln!(out, "{problem}")?;
    }
    if config.problems.is_empty() {
        writeln!(out, "ok: {} settings from files", config.entries.len())?;
    }
    out.flush()?;
    for note in &config.notes {
        ui.note(note);
    }
    Ok(exit)
}

fn tell(config: &Config, ui: &Ui) {
    for problem in &config.problems {
        ui.note(format_args!("cannot be used: {problem}"));
    }
    for note in &config.notes {
        ui.note(note);
    }
}

fn shown(config: Config, values: Vec<Setting>) -> Shown {
    let wrong =
        |Problem { path, line, message }| Wrong { file: path, line: Some(line).filter(|line| *line > 0), message };
    Shown {
        version: 1,
        config_path: config::path(),
        values,
        problems: config.problems.into_iter().map(wrong).collect(),
        notes: config.notes,
    }
}

/// What is in force; secrets only if they were asked for by name.
fn setting(key: &'static Key, config: &Config, asked: bool) -> Setting {
    let definition = args::definition(None);
    let flag = config::flag(&definition, key);
    let default = flag.into_iter().flat_map(clap::Arg::get_default_values);
    let default: Vec<String> = default.map(|value| value.to_string_lossy().into_owned()).collect();
    let entry = config.get(key);
    let (source, value) = match (std::env::var_os(key.variable), entry) {
        (Some(value), _) => (Source::Environment, Some(value.to_string_lossy().into_owned())),
        (None, Some(entry)) => (Source::File, Some(entry.values.join(","))),
        (None, None) => (Source::Default, Some(default.join(",")).filter(|value| !value.is_empty())),
    };
    let hidden = key.is_secret && !asked && value.is_some();
    let from = entry.filter(|_| source == Source::File);
    Setting {
        key: key.name,
        value: value.filter(|_| !hidden),
        hidden,
        source,
        file: from.map(|entry| entry.path.clone()),
        line: from.map(|entry| entry.line),
        variable: key.variable,
        flag: flag.filter(|flag| !flag.is_hide_set()).and_then(clap::Arg::get_long).map(|long| format!("--{long}")),
    }
}

fn text(one: &Setting) -> &str {
    match &one.value {
        Some(value) => value,
        None if one.hidden => "(hidden)",
        None => "-",
    }
}

fn origin(one: &Setting) -> String {
    match (one.source, &one.file, one.line) {
        (Source::Environment, ..) => format!("${}", one.variable),
        (Source::File, Some(file), Some(line)) => format!("{} line {line}", file.display()),
        _ if one.value.is_none() => "not set".to_owned(),
        _ => "default".to_owned(),
    }
}
