//! The overview that `logtap help` begins with: commands in groups, each on one line.

/// Every command that is shown, by what a person is about to do.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Receive and look", &["recv", "open", "watch", "grep", "inspect", "catalog"]),
    ("Understand", &["triage", "report", "diff", "patterns"]),
    ("Carry and keep", &["slice", "export", "merge", "snapshot", "upload", "download", "sign", "verify", "gc"]),
    ("Kubernetes", &["install", "uninstall", "tap", "untap", "check", "status", "deploy"]),
    ("logtap itself", &["init", "config", "completion", "man", "version"]),
];

/// The definition with that overview as its help.
pub(super) fn with_overview(definition: clap::Command) -> clap::Command {
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    let wide = definition.get_subcommands().map(|one| one.get_name().len()).max().unwrap_or(0);
    for (title, names) in GROUPS {
        text += &format!("\n{title}:\n");
        for name in names {
            let about = definition.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            text += &format!("  {name:<wide$}  {about}\n");
        }
    }
    text += "\nOptions:\n{options}\n\n`logtap COMMAND --help` says more about one.";
    definition.help_template(text)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn every_command_is_in_one_group_and_fits_eighty_columns() {
        let definition = Cli::command();
        let mut shown: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let mut all: Vec<&str> = definition.get_subcommands().map(clap::Command::get_name).collect();
        shown.sort_unstable();
        all.sort_unstable();
        assert_eq!(shown, all);
        let help = with_overview(definition).render_long_help().to_string();
        for line in help.lines().filter(|line| line.starts_with("  ")) {
            assert!(line.len() <= 80, "{line}");
        }
    }
}
