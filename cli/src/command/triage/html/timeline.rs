//! The timeline: lines and errors per bucket, the stretch under suspicion, and
//! when each service changed. Complete without the script, which only moves
//! the view. Heights are pixels; widths are buckets, stretched to the page.

use logtap_analyze::triage::Report;
use logtap_capture::time::{self, SECOND};

use super::markup::Markup;

/// Services that have a row.
const MAX_ROWS: usize = 12;
/// Height of the panel of lines, and where it ends.
const LINES: (f64, f64) = (90.0, 112.0);
/// Height of the panel of errors, and where it ends.
const ERRORS: (f64, f64) = (60.0, 196.0);
/// Where the rows of services begin, and the height of one.
const ROWS: (f64, f64) = (222.0, 26.0);

/// Where an instant is, in buckets from the start of the chart.
fn place(at: &str, start: i64, step: i64) -> Option<f64> {
    Some(time::parse(at.as_bytes())?.saturating_sub(start) as f64 / step as f64)
}

/// Draws it; nothing if no line has a time.
pub(super) fn draw(page: &mut Markup, report: &Report) {
    let start = report.timeline.first().and_then(|bucket| time::parse(bucket.minute.as_bytes()));
    let Some(start) = start.filter(|_| report.bucket_seconds > 0) else { return };
    let step = report.bucket_seconds * SECOND;
    let count = report.timeline.len() as u64;
    let within = |at: f64| at.clamp(0.0, count as f64);
    let window = report.window.as_ref().and_then(|window| {
        let (from, to) = (place(&window.from, start, step)?, place(&window.to, start, step)?);
        Some((within(from), within(to)))
    });
    let rows: Vec<_> = report.services.iter().filter_map(|one| Some((one, one.onset.as_ref()?))).collect();
    let rows = &rows[..rows.len().min(MAX_ROWS)];
    let height = ROWS.0 as u64 + ROWS.1 as u64 * rows.len() as u64 + 4;

    page.raw("<h2 id=\"timeline\">Timeline</h2>\n");
    tools(page);
    page.raw("<svg id=\"chart\" class=\"chart\" tabindex=\"0\" role=\"img\" aria-labelledby=\"timeline\" aria-describedby=\"keys\" height=\"");
    page.number(height).raw("\" data-start=\"").number((start / SECOND).max(0) as u64);
    page.raw("\" data-step=\"").number(report.bucket_seconds.max(1) as u64);
    list(page, "\" data-lines=\"", report.timeline.iter().map(|bucket| bucket.total_lines));
    list(page, "\" data-errors=\"", report.timeline.iter().map(|bucket| bucket.error_lines));
    if let Some((from, to)) = window {
        page.raw("\" data-window=\"").decimal(from, 2).raw(",").decimal(to, 2);
    }
    page.raw("\">\n<svg id=\"plot\" width=\"100%\" height=\"").number(height).raw("\" viewBox=\"0 0 ").number(count);
    page.raw(" ").number(height).raw("\" preserveAspectRatio=\"none\">\n");
    if let Some((from, to)) = window {
        rect(page, "band", (from, 18.0), ((to - from).max(0.2), height as f64 - 18.0));
    }
    bars(page, "bar total", report.timeline.iter().map(|bucket| bucket.total_lines), LINES);
    bars(page, "bar error", report.timeline.iter().map(|bucket| bucket.error_lines), ERRORS);
    for bottom in [LINES.1, ERRORS.1] {
        line(page, "rule", (0.0, bottom), (count as f64, bottom));
    }
    for (at, (_, onset)) in rows.iter().enumerate() {
        let top = ROWS.0 + ROWS.1 * at as f64 + 15.0;
        let of = |text: &str| place(text, start, step).map(within);
        if let (Some(from), Some(to), Some(at)) = (of(&onset.from), of(&onset.to), of(&onset.at)) {
            rect(page, "between", (from, top), ((to - from).max(0.1), 8.0));
            line(page, "onset", (at, top - 2.0), (at, top + 10.0));
        }
    }
    page.raw("<line id=\"cursor\" class=\"cursor\" visibility=\"hidden\" y1=\"18\" y2=\"").number(height);
    page.raw("\"/><rect id=\"drag\" class=\"drag\" visibility=\"hidden\" y=\"18\" height=\"").number(height);
    page.raw("\"/></svg>\n");
    labels(page, report, (start, step), rows.iter().map(|(service, _)| service.service.as_str()));
    page.raw("</svg>\n<p class=\"soft\" id=\"keys\">Lines above, errors below, each with a scale of its own; the shaded stretch is the one under suspicion. A mark shows when a service changed, the bar beside it the 95 % interval.</p>\n");
}

fn tools(page: &mut Markup) {
    page.raw("<div class=\"tools\" role=\"toolbar\" aria-label=\"View of the timeline\">");
    page.raw("<button type=\"button\" data-act=\"window\">Suspicious stretch</button><button type=\"button\" data-act=\"all\">All</button>");
    page.raw("<button type=\"button\" data-act=\"in\">Zoom in</button><button type=\"button\" data-act=\"out\">Zoom out</button>");
    page.raw("<button type=\"button\" data-act=\"earlier\">Earlier</button><button type=\"button\" data-act=\"later\">Later</button>");
    page.raw("<span class=\"soft\">Drag to zoom. Keys on the chart: ← → Home End move, + − zoom, W suspicious stretch, 0 all.</span>");
    page.raw("<output id=\"readout\" aria-live=\"polite\"></output></div>\n");
}

fn list(page: &mut Markup, head: &'static str, numbers: impl Iterator<Item = u64>) {
    page.raw(head);
    for (at, number) in numbers.enumerate() {
        if at > 0 {
            page.raw(",");
        }
        page.number(number);
    }
}

fn rect(page: &mut Markup, class: &'static str, (x, y): (f64, f64), (width, height): (f64, f64)) {
    page.raw("<rect class=\"").raw(class).raw("\" x=\"").decimal(x, 2).raw("\" y=\"").decimal(y, 1);
    page.raw("\" width=\"").decimal(width, 2).raw("\" height=\"").decimal(height, 1).raw("\"/>\n");
}

fn line(page: &mut Markup, class: &'static str, from: (f64, f64), to: (f64, f64)) {
    page.raw("<line class=\"").raw(class).raw("\" x1=\"").decimal(from.0, 2).raw("\" y1=\"").decimal(from.1, 1);
    page.raw("\" x2=\"").decimal(to.0, 2).raw("\" y2=\"").decimal(to.1, 1).raw("\"/>\n");
}

fn bars(
    page: &mut Markup,
    class: &'static str,
    counts: impl Iterator<Item = u64> + Clone,
    (height, bottom): (f64, f64),
) {
    let top = counts.clone().max().unwrap_or(0).max(1) as f64;
    for (at, count) in counts.enumerate().filter(|(_, count)| *count > 0) {
        let tall = (count as f64 / top * height).max(1.0);
        rect(page, class, (at as f64, bottom - tall), (0.92, tall));
    }
}

fn labels<'s>(page: &mut Markup, report: &Report, (start, step): (i64, i64), services: impl Iterator<Item = &'s str>) {
    let most = |counts: fn(&logtap_analyze::triage::report::Bucket) -> u64| {
        report.timeline.iter().map(counts).max().unwrap_or(0)
    };
    page.raw("<text x=\"6\" y=\"14\">lines, at most ").number(most(|bucket| bucket.total_lines)).raw(" in ");
    page.number(report.bucket_seconds.max(1) as u64).raw(" s</text><text x=\"6\" y=\"128\">errors, at most ");
    page.number(most(|bucket| bucket.error_lines)).raw("</text>\n");
    let count = report.timeline.len() as i64;
    let ticks: [(&str, &str); 5] = [
        ("0%", "\" dx=\"6\" text-anchor=\"start"),
        ("25%", "\" text-anchor=\"middle"),
        ("50%", "\" text-anchor=\"middle"),
        ("75%", "\" text-anchor=\"middle"),
        ("100%", "\" dx=\"-6\" text-anchor=\"end"),
    ];
    for (at, (x, anchor)) in ticks.into_iter().enumerate() {
        let instant = time::format(start.saturating_add(step.saturating_mul(count * at as i64) / 4));
        page.raw(if at % 2 == 0 { "<text class=\"tick\"" } else { "<text class=\"tick minor\"" })
            .raw(" y=\"212\" x=\"")
            .raw(x)
            .raw(anchor)
            .raw("\">");
        page.text(instant.get(11..19).unwrap_or_default()).raw("</text>\n");
    }
    for (at, service) in services.enumerate() {
        page.raw("<text class=\"name\" x=\"6\" y=\"").decimal(ROWS.0 + ROWS.1 * at as f64 + 11.0, 0).raw("\">");
        page.text(service).raw("</text>\n");
    }
}
