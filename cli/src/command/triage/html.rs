//! The answer as one HTML file: no script, nothing from the network, every
//! text from logs escaped.

use std::fmt::Write;
use std::path::Path;

use logtap_analyze::triage::Report;

use super::text;

const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>logtap triage</title>\n<style>\n\
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\n\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid #8884}\n\
code{overflow-wrap:anywhere}td.n{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%;height:9rem}\n\
.total{fill:#8886}.error{fill:#c33}h1{font-size:1.4rem}@media print{body{max-width:none;margin:0}}\n</style></head><body>\n";

/// The whole page.
pub(in crate::command) fn page(report: &Report, dir: &Path) -> String {
    let mut out = String::from(HEAD);
    let degree = format!("{:?}", report.certainty.degree).to_lowercase();
    push(&mut out, format_args!("<h1>{}</h1>\n<p>Certainty: {degree}", escape(&report.verdict)));
    for cause in &report.certainty.causes {
        push(&mut out, format_args!("<br>{}", escape(cause)));
    }
    out.push_str("</p>\n");
    if let Some(window) = &report.window {
        push(&mut out, format_args!("<p>{} to {} (UTC)</p>\n", escape(&window.from), escape(&window.to)));
    }
    chart(&mut out, report);
    table(
        &mut out,
        "Likely origins",
        &["service", "score", "for", "against"],
        report.origins.iter().take(10).map(|one| {
            [one.service.clone(), format!("{:.3}", one.score), one.evidence.join("\n"), one.against.join("\n")]
        }),
    );
    table(
        &mut out,
        "Services in order of onset",
        &["service", "onset", "first line"],
        report.services.iter().map(|one| {
            let onset = one.onset.as_ref().map_or_else(String::new, |onset| onset.at.clone());
            [one.service.clone(), onset, one.first_line.clone().unwrap_or_default()]
        }),
    );
    table(
        &mut out,
        "What changed",
        &["what", "service", "lines", "expected", "pattern", "example"],
        report.changes.iter().map(|one| {
            [
                format!("{:?} {:?}", one.severity, one.kind).to_lowercase(),
                one.service.clone(),
                one.lines.to_string(),
                format!("{:.1}", one.expected),
                text::cut(&one.template, 400),
                text::cut(&one.example, 400),
            ]
        }),
    );
    table(&mut out, "Next", &["command"], report.next.iter().map(|one| [text::command(&one.command, dir)]));
    table(
        &mut out,
        "Errors",
        &["lines", "service", "pattern"],
        report
            .top_errors
            .iter()
            .map(|one| [one.count.to_string(), one.service.clone(), text::cut(&one.signature, 400)]),
    );
    out.push_str("</body></html>\n");
    out
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    if out.write_fmt(text).is_err() {
        unreachable!("writing into a string does not fail");
    }
}

fn table<const N: usize>(out: &mut String, title: &str, heads: &[&str; N], rows: impl Iterator<Item = [String; N]>) {
    push(out, format_args!("<h2>{title}</h2>\n<table><thead><tr>"));
    heads.iter().for_each(|head| push(out, format_args!("<th>{head}</th>")));
    out.push_str("</tr></thead><tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            push(out, format_args!("<td><code>{}</code></td>", escape(&cell).replace('\n', "<br>")));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>\n");
}

fn chart(out: &mut String, report: &Report) {
    let top = report.timeline.iter().map(|bucket| bucket.total_lines).max().unwrap_or(0).max(1);
    let count = report.timeline.len().max(1);
    push(
        out,
        format_args!(
            "<svg viewBox=\"0 0 {count} 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"lines over time, errors in red\">"
        ),
    );
    for (at, bucket) in report.timeline.iter().enumerate() {
        for (class, lines) in [("total", bucket.total_lines), ("error", bucket.error_lines)] {
            let height = lines * 100 / top;
            if lines > 0 {
                let height = height.max(1);
                push(
                    out,
                    format_args!(
                        "<rect class=\"{class}\" x=\"{at}\" y=\"{}\" width=\"1\" height=\"{height}\"/>",
                        100 - height
                    ),
                );
            }
        }
    }
    out.push_str("</svg>\n");
}

/// Text that means nothing to a browser: markup escaped, control and direction characters made visible.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                push(&mut out, format_args!("\\u{{{:x}}}", u32::from(c)));
            }
            c if c.is_control() => push(&mut out, format_args!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_log_reaches_the_browser() {
        let hostile = "<script>alert('x')</script>\u{202e}\x1b[31m\"&";
        let safe = escape(hostile);
        assert!(!safe.contains('<') && !safe.contains('\u{202e}') && !safe.contains('\x1b') && !safe.contains('"'));
        assert!(safe.starts_with("&lt;script&gt;"));
    }
}
