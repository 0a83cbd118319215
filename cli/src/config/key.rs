//! The keys of the configuration: those of 1.x under their names, and some more flags of `recv` and `tap`.
//!
//! Each stands for the flags with its environment variable; what they mean and what their default is
//! is known to the definition of the command line alone.

use clap::builder::ValueParser;
use clap::{Arg, Command};

use crate::command::recv::value;
use crate::error::CliError;

/// What there is to say about a setting of 1.x that set nothing.
pub(super) const NO_VERBOSE: &str = "does nothing: LOGTAP_LOG=debug makes a receiver say more";

/// Whether the file of a working directory may set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Local {
    /// It may.
    Yes,
    /// Only what is not set otherwise: it can add protection, not take it away.
    Adds,
    /// It may not: whoever can place a file there must not choose who can send, who is told, or with
    /// which credentials.
    No,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// Section and name, as the file has them.
    pub(crate) name: &'static str,
    /// The environment variable, which also marks the flags.
    pub(crate) variable: &'static str,
    pub(super) local: Local,
    /// Not for eyes.
    pub(crate) is_secret: bool,
    /// Not for a receiver in the cluster, which would refuse it.
    pub(super) here_only: bool,
    /// A value, where there is no default to show.
    pub(super) example: &'static str,
    /// What the flag's own parser leaves to the command.
    check: fn(&[String]) -> Result<(), CliError>,
}

const PLAIN: Key = Key {
    name: "",
    variable: "",
    local: Local::Yes,
    is_secret: false,
    here_only: false,
    example: "",
    check: |_| Ok(()),
};

/// All keys, in the order of the file.
pub(crate) const KEYS: [Key; 17] = [
    Key {
        name: "recv.addr",
        variable: "LOGTAP_RECV_ADDR",
        local: Local::No,
        check: |values| each(values, value::check_listen),
        ..PLAIN
    },
    Key { name: "recv.dir", variable: "LOGTAP_RECV_DIR", ..PLAIN },
    Key { name: "recv.disk_cap", variable: "LOGTAP_RECV_DISK_CAP", ..PLAIN },
    Key { name: "recv.max_file", variable: "LOGTAP_RECV_MAX_FILE", ..PLAIN },
    Key {
        name: "recv.fsync",
        variable: "LOGTAP_RECV_FSYNC",
        local: Local::No,
        check: |values| each(values, value::check_fsync),
        ..PLAIN
    },
    Key { name: "recv.on_full", variable: "LOGTAP_RECV_ON_FULL", local: Local::No, ..PLAIN },
    Key {
        name: "recv.redact",
        variable: "LOGTAP_RECV_REDACT",
        local: Local::Adds,
        example: "true",
        check: |values| each(values, value::check_redact),
        ..PLAIN
    },
    Key {
        name: "recv.redact_patterns",
        variable: "LOGTAP_RECV_REDACT_PATTERNS",
        local: Local::Adds,
        example: "/etc/logtap/patterns.yaml",
        ..PLAIN
    },
    Key {
        name: "recv.auth_token_file",
        variable: "LOGTAP_RECV_AUTH_TOKEN_FILE",
        local: Local::No,
        example: "/etc/logtap/tokens",
        ..PLAIN
    },
    Key {
        name: "recv.webhooks",
        variable: "LOGTAP_RECV_WEBHOOKS",
        local: Local::No,
        is_secret: true,
        here_only: true,
        example: "[https://example.com/hook]",
        check: value::check_webhooks,
    },
    Key {
        name: "recv.webhook_events",
        variable: "LOGTAP_RECV_WEBHOOK_EVENTS",
        local: Local::No,
        here_only: true,
        example: "start,stop,error",
        check: value::check_events,
        ..PLAIN
    },
    Key {
        name: "recv.webhook_auth",
        variable: "LOGTAP_RECV_WEBHOOK_AUTH",
        local: Local::No,
        is_secret: true,
        here_only: true,
        example: "bearer:TOKEN",
        ..PLAIN
    },
    Key { name: "tap.namespace", variable: "LOGTAP_TAP_NAMESPACE", example: "payments", ..PLAIN },
    Key {
        name: "tap.target",
        variable: "LOGTAP_TAP_TARGET",
        local: Local::No,
        example: "https://logs.example.com:3100",
        ..PLAIN
    },
    Key { name: "tap.cpu", variable: "LOGTAP_TAP_CPU", example: "10m", ..PLAIN },
    Key { name: "tap.memory", variable: "LOGTAP_TAP_MEMORY", example: "64Mi", ..PLAIN },
    Key { name: "defaults.timeout", variable: "LOGTAP_TIMEOUT", ..PLAIN },
];

/// Keys of 1.x that set nothing, and what there is instead.
pub(super) const IDLE: [(&str, &str); 1] = [("defaults.verbose", NO_VERBOSE)];

fn each(values: &[String], check: fn(&str) -> Result<(), CliError>) -> Result<(), CliError> {
    values.iter().try_for_each(|value| check(value))
}

impl Key {
    /// True if it sets this flag.
    pub(super) fn is_of(&self, arg: &Arg) -> bool {
        arg.get_env().is_some_and(|variable| variable == self.variable)
    }

    /// Section, and name in it.
    pub(super) fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }

    /// Values as the flag takes them: one, or what commas part.
    pub(super) fn split(&self, flag: &Arg, value: &str) -> Vec<String> {
        match flag.get_value_delimiter() {
            Some(comma) => value.split(comma).map(|part| part.trim().to_owned()).collect(),
            None => vec![value.to_owned()],
        }
    }

    /// Checks values as the flag would.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn check(&self, flag: &Arg, values: &[String]) -> Result<(), String> {
        let parser: ValueParser = flag.get_value_parser().clone();
        let name = self.parts().1;
        let one = Arg::new("value")
            .value_name(name)
            .required(true)
            .num_args(1..)
            .allow_hyphen_values(true)
            .value_parser(parser);
        let typed = std::iter::once(name).chain(values.iter().map(String::as_str));
        if let Err(error) = Command::new(name).arg(one).try_get_matches_from(typed) {
            let text = error.to_string();
            // `error: invalid value 'x' for '<name>': reason`, and perhaps the possible values.
            let lines: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
            let reason = lines.join(" ");
            let reason = reason.trim_start_matches("error: ").replace(&format!(" for '<{name}>...'"), "");
            return Err(reason);
        }
        (self.check)(values).map_err(|error| error.message())
    }
}

/// The key that a person may have meant: by its own name, by the name of its flag, or by its sound.
pub(crate) fn nearest(definition: &Command, unknown: &str) -> Option<&'static str> {
    let (_, word) = unknown.split_once('.').unwrap_or(("", unknown));
    let of_flag = |key: &&Key| {
        let long = super::flag(definition, key).and_then(Arg::get_long);
        long.is_some_and(|long| long.replace('-', "_") == word.replace('-', "_"))
    };
    let alike = |key: &Key| {
        let whole = strsim::jaro_winkler(unknown, key.name);
        whole.max(strsim::jaro_winkler(word, key.parts().1) - 0.01)
    };
    let by_flag = KEYS.iter().find(of_flag).map(|key| key.name);
    by_flag.or_else(|| {
        let best = KEYS.iter().max_by(|one, other| alike(one).total_cmp(&alike(other)))?;
        (alike(best) > 0.8).then_some(best.name)
    })
}
