//! The answer as one HTML file. It asks nothing of the network; its one style
//! sheet and one script are in it and named by hash in its own policy, so that
//! a browser runs nothing else; every text from logs is escaped ([`markup`]).

mod markup;
mod timeline;

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use logtap_analyze::triage::Report;
use logtap_analyze::triage::change::{Kind, Severity};
use logtap_analyze::triage::report::{Affected, Change};
use sha2::{Digest, Sha256};

use super::text;
use markup::Markup;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// Services, origins and errors that are listed, at most.
const SHOWN: usize = 12;
/// Characters of a text from logs, at most.
const LONG: usize = 400;
/// And on the first screen.
const BRIEF: usize = 220;

/// The whole page.
pub(in crate::command) fn page(report: &Report, dir: &Path) -> String {
    let mut page = Markup::default();
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    page.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-");
    page.text(&hash(STYLE)).raw("'; script-src 'sha256-").text(&hash(SCRIPT));
    page.raw("'; base-uri 'none'; form-action 'none'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>logtap: ");
    page.text(&report.verdict).raw("</title>\n<style>").raw(STYLE).raw("</style></head><body>\n");
    head(&mut page, report);
    cards(&mut page, report, dir);
    timeline::draw(&mut page, report);
    origins(&mut page, report);
    changes(&mut page, report);
    tables(&mut page, report);
    page.raw("<footer><p>Times are UTC. Rates are compared in relation to the load; <code>expected</code> is what the load explains. <code>logtap triage --json</code> has every figure of this page.</p></footer>\n<script>");
    page.raw(SCRIPT).raw("</script></body></html>\n");
    page.finish()
}

fn head(page: &mut Markup, report: &Report) {
    page.raw(if report.findings > 0 { "<header class=\"found\">" } else { "<header>" });
    page.raw("<h1>").text(&report.verdict).raw("</h1>\n<p class=\"soft\">");
    if let (Some(first), Some(last)) = (report.timeline.first(), report.timeline.last()) {
        page.text(&short(&first.minute)).raw(" to ").text(&short(&last.minute)).raw(" UTC · ");
    }
    page.number(report.total_lines).raw(" lines, ").number(report.error_lines).raw(" errors</p></header>\n");
}

fn cards(page: &mut Markup, report: &Report, dir: &Path) {
    page.raw("<div class=\"cards\">\n<section class=\"card\"><h3>Onset</h3>");
    let first = report.services.iter().find_map(|one| Some((one, one.onset.as_ref()?)));
    match (first, &report.window) {
        (Some((service, onset)), _) => {
            page.raw("<p class=\"big\"><time>").text(&clock(&onset.at)).raw("</time></p><p class=\"soft\">in ");
            page.text(&service.service).raw(", between ").text(&clock(&onset.from)).raw(" and ");
            page.text(&clock(&onset.to)).raw("</p>");
        }
        (None, Some(window)) => {
            page.raw("<p class=\"big\">").text(&clock(&window.from)).raw("</p>");
        }
        (None, None) => {
            page.raw("<p class=\"big\">none</p>");
        }
    }
    if let Some(window) = &report.window {
        page.raw("<p class=\"soft\">Under suspicion: ").text(&second(&window.from)).raw(" to ");
        page.text(&second(&window.to)).raw("</p>");
    }
    let blast = &report.blast_radius;
    page.raw("</section>\n<section class=\"card\"><h3>Blast radius</h3><p class=\"big\">")
        .number(blast.services as u64);
    page.raw(" of ").number(blast.of_services as u64).raw(" services</p><p class=\"soft\">");
    let share = blast.lines as f64 * 100.0 / (blast.of_lines as f64).max(1.0);
    page.number(blast.lines).raw(" lines of new or risen patterns, ").decimal(share, 1);
    page.raw(" % of the stretch</p></section>\n<section class=\"card\"><h3>Likely origin</h3>");
    match report.origins.first().filter(|_| report.findings > 0) {
        Some(origin) => {
            page.raw("<p class=\"big\">").text(&origin.service).raw("</p><p class=\"soft\">");
            page.decimal(origin.score * 100.0, 0).raw(" % of all evidence");
            if let Some(rival) = report.origins.get(1) {
                page.raw("; next is ").text(&rival.service).raw(" with ").decimal(rival.score * 100.0, 0).raw(" %");
            }
            page.raw("</p>");
        }
        None => drop(page.raw("<p class=\"big\">none</p>")),
    }
    page.raw("</section>\n<section class=\"card\"><h3>What changed</h3><p class=\"big\">");
    page.number((report.changes.len() + report.more_changes) as u64).raw(" patterns</p><p class=\"soft\">");
    let kinds = [(Kind::New, " new"), (Kind::Rose, " rose"), (Kind::Fell, " fell"), (Kind::Vanished, " vanished")];
    for (at, (kind, name)) in kinds.into_iter().enumerate() {
        page.raw(if at > 0 { ", " } else { "" });
        page.number(report.changes.iter().filter(|one| one.kind == kind).count() as u64).raw(name);
    }
    let degree = format!("{:?}", report.certainty.degree).to_lowercase();
    page.raw("</p></section>\n<section class=\"card\"><h3>Certainty</h3><p class=\"big\">").text(&degree).raw("</p>");
    for cause in &report.certainty.causes {
        page.raw("<p class=\"soft\">").text(&text::cut(cause, LONG)).raw("</p>");
    }
    page.raw("</section>\n");
    firsts(page, &report.services);
    if !report.next.is_empty() {
        page.raw("<section class=\"card wide\"><h3>Next commands</h3>\n");
        for next in &report.next {
            page.raw("<div class=\"command\"><code>").text(&text::command(&next.command, dir));
            page.raw("</code><button type=\"button\" class=\"copy\">Copy</button></div>\n");
        }
        page.raw("</section>\n");
    }
    page.raw("</div>\n");
}

/// The first error of each service, in order of onset.
fn firsts(page: &mut Markup, services: &[Affected]) {
    let with_lines = || services.iter().filter_map(|one| Some((one, one.first_line.as_deref()?)));
    if with_lines().next().is_none() {
        return;
    }
    page.raw("<section class=\"card wide\"><h3>First error per service</h3><ol class=\"first\">\n");
    for (service, line) in with_lines().take(SHOWN) {
        // Times of one format sort as text.
        let before =
            service.onset.as_ref().filter(|onset| service.first_seen.as_ref().is_some_and(|at| *at < onset.from));
        let seen = before.map(|onset| &onset.at).or(service.first_seen.as_ref());
        let seen = seen.map_or_else(|| "time unknown".to_owned(), |at| clock(at));
        page.raw("<li><time>").text(&seen).raw("</time><b>").text(&text::cut(&service.service, LONG)).raw("</b><code>");
        page.text(&text::cut(line, BRIEF));
        page.raw("</code>");
        let is_error = service.first_level.is_none_or(|level| ["error", "fatal"].contains(&level));
        if !is_error {
            page.raw("<span class=\"soft\">no error of its own; the first line that changed</span>");
        }
        if before.is_some() {
            page.raw("<span class=\"soft\">came before, too; more often from then on</span>");
        }
        if service.order_unknown {
            page.raw("<span class=\"soft\">same time as above: order unknown</span>");
        }
        page.raw("</li>\n");
    }
    page.raw("</ol></section>\n");
}

fn origins(page: &mut Markup, report: &Report) {
    if report.origins.is_empty() || report.findings == 0 {
        return;
    }
    page.raw("<h2>Likely origins</h2>\n<table><thead><tr><th>Service<th class=\"n\">Share<th>For<th>Against</tr></thead><tbody>\n");
    for origin in report.origins.iter().take(SHOWN) {
        page.raw("<tr><td data-name=\"Service\"><b>")
            .text(&origin.service)
            .raw("</b><td class=\"n\" data-name=\"Share\">");
        page.decimal(origin.score * 100.0, 1).raw(" %<td data-name=\"For\">");
        for evidence in &origin.evidence {
            page.raw("<p><code>").text(&text::cut(evidence, LONG)).raw("</code></p>");
        }
        page.raw("<td data-name=\"Against\">");
        for against in &origin.against {
            page.raw("<p>").text(&text::cut(against, LONG)).raw("</p>");
        }
        page.raw("</tr>\n");
    }
    page.raw("</tbody></table>\n");
    for cascade in &report.cascades {
        page.raw("<p>Cascade: ");
        for (at, service) in cascade.services.iter().enumerate() {
            if let Some(lag) = at.checked_sub(1).and_then(|at| cascade.lags_seconds.get(at)) {
                page.raw(" → (").number((*lag).max(0) as u64).raw(" s) ");
            }
            page.raw("<b>").text(service).raw("</b>");
        }
        page.raw("</p>\n");
    }
}

fn changes(page: &mut Markup, report: &Report) {
    if report.changes.is_empty() {
        return;
    }
    page.raw("<h2>What changed, with sample lines</h2>\n<div class=\"tools\"><label>Filter <input id=\"filter\" type=\"search\"></label> <span id=\"left\" class=\"soft\" aria-live=\"polite\"></span></div>\n");
    page.raw("<table id=\"changes\"><thead><tr><th>What<th>Service<th class=\"n\">Lines<th class=\"n\">Expected<th class=\"n\">Times<th>Pattern and sample</tr></thead><tbody>\n");
    let mut shown = 0;
    for change in &report.changes {
        if page.is_full() {
            break;
        }
        shown += 1;
        row(page, change);
    }
    page.raw("</tbody></table>\n");
    let left = report.changes.len() - shown + report.more_changes;
    if left > 0 {
        page.raw("<p class=\"soft\">… and ").number(left as u64).raw(" more</p>\n");
    }
}

fn row(page: &mut Markup, change: &Change) {
    page.raw("<tr><td class=\"keep\"><b class=\"").raw(match change.severity {
        Severity::Critical | Severity::Error => "bad",
        Severity::Warning => "warn",
        Severity::Info => "soft",
    });
    let what = format!("{:?} {:?}", change.severity, change.kind).to_lowercase();
    page.raw("\">").text(&what).raw("</b><td data-name=\"Service\">").text(&change.service);
    page.raw("<td class=\"n\" data-name=\"Lines\">").number(change.lines);
    page.raw("<td class=\"n\" data-name=\"Expected\">").decimal(change.expected, 1);
    page.raw("<td class=\"n\" data-name=\"Times\">");
    match change.kind {
        Kind::New | Kind::Vanished => drop(page.raw("–")),
        Kind::Rose | Kind::Fell => drop(page.decimal(change.ratio, 2)),
    }
    page.raw("<td class=\"text\"><details><summary><code>").text(&text::cut(&change.template, LONG));
    page.raw("</code></summary>\n<pre>").text(&text::cut(&change.example, LONG)).raw("</pre><p class=\"soft\">");
    if let Some(seen) = &change.first_seen {
        page.raw("first in the stretch at ").text(&clock(seen)).raw("; ");
    }
    page.number(change.baseline_lines).raw(" lines outside it; level ").text(change.level).raw("</p>");
    for trace in &change.traces {
        page.raw("<p class=\"soft\">trace: <code>").text(&text::cut(trace, LONG)).raw("</code></p>");
    }
    page.raw("</details></tr>\n");
}

fn tables(page: &mut Markup, report: &Report) {
    if !report.top_errors.is_empty() {
        page.raw("<h2>Most frequent errors of the whole capture</h2>\n<table><thead><tr><th class=\"n\">Lines<th>Service<th>Pattern and sample</tr></thead><tbody>\n");
        for error in report.top_errors.iter().take(SHOWN * 2) {
            if page.is_full() {
                break;
            }
            page.raw("<tr><td class=\"n\" data-name=\"Lines\">").number(error.count).raw("<td data-name=\"Service\">");
            page.text(&error.service).raw("<td class=\"text\"><details><summary><code>");
            page.text(&text::cut(&error.signature, LONG)).raw("</code></summary><pre>");
            page.text(&text::cut(&error.example, LONG)).raw("</pre></details></tr>\n");
        }
        page.raw("</tbody></table>\n");
    }
    page.raw("<h2>Services by lines</h2>\n<table><thead><tr><th>Service<th class=\"n\">Lines<th class=\"n\">Errors</tr></thead><tbody>\n");
    for talker in report.talkers.iter().take(SHOWN * 2) {
        page.raw("<tr><td>").text(&text::cut(&talker.value, LONG)).raw("<td class=\"n\" data-name=\"Lines\">");
        page.number(talker.total_lines)
            .raw("<td class=\"n\" data-name=\"Errors\">")
            .number(talker.error_lines)
            .raw("</tr>\n");
    }
    page.raw("</tbody></table>\n");
}

/// Without fractions of seconds, date and time apart.
fn short(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

/// The time of day in whole seconds.
fn second(time: &str) -> String {
    time.get(11..19).unwrap_or(time).to_owned()
}

/// The time of day, with milliseconds if there are any.
fn clock(time: &str) -> String {
    let text = time.get(11..23).unwrap_or(time);
    text.strip_suffix(".000").unwrap_or(text).to_owned()
}
