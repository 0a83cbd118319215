//! The `logtap` command line: receives logs into a capture and reads captures.

mod archived;
mod args;
mod carrying;
#[cfg(feature = "cloud")]
mod cloud;
mod cluster;
mod command;
mod config;
mod deployed;
mod error;
mod exit;
mod memory;
mod mining;
mod output;
mod preflight;
mod size;
mod state_dir;
mod tapping;
mod when;
mod workload;

use std::process::ExitCode;

fn main() -> ExitCode {
    memory::return_large_blocks();
    let typed: Vec<_> = std::env::args_os().collect();
    match args::parse(&typed) {
        Ok(args::Typed { cli, notes }) => {
            let ui = output::Ui::new(&cli);
            for note in notes {
                ui.note(note);
            }
            let result = command::run(cli.command, &ui);
            ui.finish(result).into()
        }
        Err(stop) => stop.show(args::wants_json(&typed)).into(),
    }
}
