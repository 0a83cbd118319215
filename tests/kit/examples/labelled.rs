//! Writes generated labelled lines in the layout of LogHub, for `tests/scores`:
//! `cargo run -p logtap-testkit --example labelled -- DATA`.

use std::fmt::Write;
use std::path::PathBuf;

use logtap_testkit::labelled;

fn main() -> std::io::Result<()> {
    let data = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "labelled".into()));
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    for system in labelled::systems() {
        let mut table = "LineId,Content,EventTemplate\n".to_owned();
        for (at, (line, template)) in labelled::lines(system, 5, 2000).iter().enumerate() {
            let row = writeln!(table, "{},{},{}", at + 1, quoted(line), quoted(template));
            assert!(row.is_ok(), "writing into a string does not fail");
        }
        let folder = data.join(system);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{system}_2k.log_structured.csv")), table)?;
    }
    Ok(())
}
