//! Writes a capture with a known incident, to look at: `cargo run -p logtap-testkit --example incident -- DIR`.

use std::path::PathBuf;

use logtap_testkit::incident::{Fault, Incident, Plant};

fn main() -> std::io::Result<()> {
    let dir = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "incident".into()));
    let plant = |service, fault, from, to| Plant { service, fault, from, to };
    let incident = Incident {
        plants: vec![
            plant(4, Fault::New(1.5), 400, 560),
            plant(3, Fault::New(1.5), 430, 560),
            plant(0, Fault::Error(0.3, 4.0), 450, 580),
            plant(9, Fault::Vanish(1), 420, 570),
        ],
        ..Incident::quiet(7, (2.0, 4.0))
    };
    std::fs::create_dir_all(&dir)?;
    std::fs::write(dir.join("2026-11-20T100000-000.jsonl"), incident.lines())?;
    let metadata =
        r#"{"version":1,"format":"jsonl","started":"2026-11-20T10:00:00Z","stopped":"2026-11-20T10:15:00Z"}"#;
    std::fs::write(dir.join("metadata.json"), metadata)
}
