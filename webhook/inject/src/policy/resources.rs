//! Requests and limits of the sidecar: `qos.rs` and `resources.rs` in CEL.

use super::cel::{Variables, choose, find, text};
use crate::config::Config;
use crate::quantity::{self, Quantity};
use crate::resources::{MAX_SPOOL, MIN_CPU, MIN_MEMORY, MIN_SPOOL, STORAGE_SPARE, state_size};
use crate::vocabulary::annotation;

/// Longest quantity looked at.
const MAX_TEXT: usize = 64;

/// Texts of all amounts, empty where there is none, the size of the spool as a number, and that of
/// its volume.
pub(super) fn variables(variables: &mut Variables, config: &Config) {
    class(variables);
    spool(variables, config);
    let defaults = &config.resources;
    for (name, key, least) in [
        ("cpu_request_written", annotation::CPU_REQUEST, MIN_CPU),
        ("cpu_limit_written", annotation::CPU_LIMIT, MIN_CPU),
        ("memory_request_written", annotation::MEMORY_REQUEST, MIN_MEMORY),
        ("memory_limit_written", annotation::MEMORY_LIMIT, MIN_MEMORY),
    ] {
        variables.set(name, find(key, &amount(least), "\"\""));
    }
    pair(variables, "cpu", &defaults.guaranteed_cpu, &defaults.cpu_request, None);
    let limit = &defaults.memory_limit;
    pair(variables, "memory", limit, &defaults.memory_request, Some(limit));
    variables.set(
        "storage_limit",
        format!(
            "variables.class != \"pod\" && variables.all_containers.exists(c, {}) ? variables.state_size : \"\"",
            set("c", "limits", "ephemeral-storage")
        ),
    );
}

/// An amount of nano units as a quantity.
fn nano(nano: i128) -> String {
    format!("quantity({})", text(&format!("{nano}n")))
}

/// Whether a text `t` is an amount that we read, no smaller than that many nano units.
fn amount(least: i128) -> String {
    format!(
        "t.size() <= {MAX_TEXT} && t.matches({}) && quantity(t).compareTo({}) >= 0 && quantity(t).compareTo({}) < 0",
        text(quantity::PATTERN),
        nano(least),
        format_args!("quantity({})", text(&i64::MAX.to_string())),
    )
}

/// What a container requests or limits, a text.
fn of(container: &str, side: &str, resource: &str) -> String {
    format!("{container}.?resources.?{side}[?{}].orValue(\"0\")", text(resource))
}

/// Whether a container requests or limits more than nothing.
fn set(container: &str, side: &str, resource: &str) -> String {
    format!("sign(quantity({})) > 0", of(container, side, resource))
}

/// `class`: `pod`, `guaranteed`, `burstable` or `none`. No container requests more than its limit, so
/// sums are equal where each container's amounts are.
fn class(variables: &mut Variables) {
    let level = |side: &str| format!("object.spec.?resources.?{side}.orValue({{}}).size() > 0");
    let any: Vec<String> = ["limits", "requests"]
        .iter()
        .flat_map(|side| ["cpu", "memory"].map(|resource| set("c", side, resource)))
        .collect();
    let equal: Vec<String> = ["cpu", "memory"]
        .iter()
        .map(|resource| {
            let (limit, request) = (of("c", "limits", resource), of("c", "requests", resource));
            format!("{} && quantity({request}) == quantity({limit})", set("c", "limits", resource))
        })
        .collect();
    variables.set(
        "class",
        choose(
            [
                (format!("{} || {}", level("requests"), level("limits")).as_str(), text("pod")),
                (format!("!variables.all_containers.exists(c, {})", any.join(" || ")).as_str(), text("none")),
                (format!("variables.all_containers.all(c, {})", equal.join(" && ")).as_str(), text("guaranteed")),
            ],
            text("burstable"),
        ),
    );
}

fn spool(variables: &mut Variables, config: &Config) {
    let (least, most) = (MIN_SPOOL - 1, MAX_SPOOL);
    let valid = format!(
        "t.size() <= {MAX_TEXT} && t.matches({}) && quantity(t).compareTo(quantity(\"{least}\")) > 0 \
         && quantity(t).compareTo(quantity(\"{most}\")) <= 0",
        text(quantity::PATTERN)
    );
    variables.set("spool_written", find(annotation::SPOOL, &valid, "\"\""));
    // Rounded up to whole bytes: the least of the numbers around it that is no smaller.
    let near = "int(quantity(variables.spool_written).asApproximateFloat())";
    let whole = format!(
        "[{near} - 1, {near}, {near} + 1].filter(n, quantity(variables.spool_written).compareTo(quantity(string(n))) <= 0)[0]"
    );
    let written = "variables.spool_written != \"\"";
    variables.set("spool", choose([(written, whole)], config.spool.whole().to_string()));
    // As `Quantity::bytes` spells it, as far as spools go.
    let steps =
        [("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10), ("G", 1_000_000_000), ("M", 1_000_000), ("k", 1000)];
    let spelt =
        |(suffix, step): (&str, u64)| (format!("n % {step} == 0"), format!("string(n / {step}) + {}", text(suffix)));
    let spelt: Vec<(String, String)> = steps.into_iter().map(spelt).collect();
    let spelt = choose(spelt.iter().map(|(condition, one)| (condition.as_str(), one.clone())), "string(n)".to_owned());
    let size = format!("[variables.spool + {STORAGE_SPARE}].map(n, {spelt})[0]");
    variables.set("state_size", choose([(written, size)], text(state_size(config.spool.whole()).as_str())));
}

/// `…_request` and `…_limit`, for the pod's class.
fn pair(variables: &mut Variables, what: &str, guaranteed: &Quantity, request: &Quantity, limit: Option<&Quantity>) {
    let (asked, bound) = (format!("variables.{what}_request_written"), format!("variables.{what}_limit_written"));
    let default = |quantity: Option<&Quantity>| text(quantity.map_or("", Quantity::as_str));
    let exceeds = |request: &str, limit: &str| format!("quantity({request}).compareTo(quantity({limit})) > 0");
    let (is_asked, is_bound) = (format!("{asked} != \"\""), format!("{bound} != \"\""));
    let contradict = format!("{is_asked} && {is_bound} && {}", exceeds(&asked, &bound));
    let equal =
        choose([(is_bound.as_str(), bound.clone()), (is_asked.as_str(), asked.clone())], default(Some(guaranteed)));
    let default_request = default(Some(request));
    let lowered = format!("{is_bound} && {}", exceeds(&default_request, &bound));
    let ordered_request = choose(
        [
            (contradict.as_str(), default_request.clone()),
            (is_asked.as_str(), asked.clone()),
            (lowered.as_str(), bound.clone()),
        ],
        default_request.clone(),
    );
    let default_limit = default(limit);
    let raised = limit.map(|_| format!("{is_asked} && {}", exceeds(&asked, &default_limit)));
    let ordered_limit = choose(
        [(contradict.as_str(), default_limit.clone()), (is_bound.as_str(), bound.clone())]
            .into_iter()
            .chain(raised.as_deref().map(|raised| (raised, asked.clone()))),
        default_limit.clone(),
    );
    for (side, ordered) in [("request", ordered_request), ("limit", ordered_limit)] {
        let cases =
            [("variables.class == \"guaranteed\"", equal.clone()), ("variables.class == \"burstable\"", ordered)];
        variables.set(&format!("{what}_{side}"), choose(cases, text("")));
    }
}
