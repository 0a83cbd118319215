//! The template of every line, in order: a second pass with the templates that
//! the first one found.

use std::collections::HashMap;
use std::io::Write;

use logtap_analyze::mine::{Mined, Templates};
use logtap_analyze::pattern::assign::{Assigned, Assigner, Place, Template};
use logtap_capture::reader::Capture;
use logtap_capture::scan;

use crate::error::CliError;
use crate::mining::{self, Account};
use crate::output;

/// Prints one template per line: JSON objects with `template`, or plain text.
///
/// # Errors
/// If a file cannot be read or the output not be written.
pub(super) fn write(
    capture: &Capture,
    mined: &Mined,
    threads: usize,
    json: bool,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let templates: Templates = mined.templates();
    let mut account = Account::default();
    let mut heads: HashMap<u64, Template> = HashMap::new();
    let mut line = Vec::new();
    mining::groups(capture, &mut account, |opened, _| {
        let units = scan::plan(opened, |_, _| true);
        scan::run(
            opened,
            &units,
            threads,
            || Assigner::new(&templates),
            |assigner, _, lines| assigner.lines(lines),
            |_, mut piece: Assigned| {
                for place in &piece.lines {
                    let template = match place {
                        Place::At(at) => piece.templates.get(*at),
                        Place::Before(stream) => heads.get(stream),
                    };
                    let template = match template {
                        Some(Template::Own(own)) => own,
                        Some(Template::Kept(hash)) => templates.get(hash).map_or("<*>", String::as_str),
                        // A capture that begins within a trace.
                        None => "<*>",
                    };
                    line.clear();
                    if json {
                        line.extend_from_slice(b"{\"template\":");
                        serde_json::to_writer(&mut line, template).map_err(std::io::Error::from)?;
                        line.push(b'}');
                    } else {
                        output::push_visible(&mut line, template);
                    }
                    line.push(b'\n');
                    out.write_all(&line)?;
                }
                for (stream, at) in piece.heads {
                    heads.insert(stream, std::mem::replace(&mut piece.templates[at], Template::Kept(0)));
                }
                Ok::<_, CliError>(true)
            },
        )?;
        Ok(())
    })
}
