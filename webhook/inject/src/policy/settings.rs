//! Annotations beside the switch, as `settings.rs`, `target.rs`, `plan.rs` and `app.rs` read them.
//!
//! Texts are variables; one that is not there is the empty text, which no valid value is.

use super::cel::{POD, POD_LABELS, SPACE, SPACE_LABELS, Variables, choose, find, folded, text, written};
use crate::app::{APP_LABELS, CRON_DIGITS, TEMPLATE_HASH};
use crate::config::{Config, PodSecurity};
use crate::plan::Source;
use crate::settings::{MAX_CA, MAX_IMAGE, MAX_LIST, MAX_SESSION};
use crate::target::{MAX_HOST, MAX_LEN};
use crate::vocabulary::{annotation, label};

/// The texts of a plan, `node`, `root_user`, and `selectable`: a container is left to read.
pub(super) fn variables(variables: &mut Variables, config: &Config) {
    selection(variables);
    target(variables, config);
    variables.set("app", app());
    let session = format!("^[A-Za-z0-9]([A-Za-z0-9._-]{{0,{}}}[A-Za-z0-9])?$", MAX_SESSION - 2);
    variables.set("session", find(annotation::SESSION, &matches(MAX_SESSION, &session), "\"\""));
    let image = if config.allow_image_annotation {
        find(annotation::IMAGE, &matches(MAX_IMAGE, "^[!-~]+$"), &text(&config.image))
    } else {
        text(&config.image)
    };
    variables.set("image", image);

    let sources = [Source::Api, Source::Node].map(|source| text(source.name())).join(", ");
    let wanted = format!("({}.filter(t, t in [{sources}]) + [\"\"])[0]", folded(&[POD, SPACE], annotation::SOURCE));
    let privileged = written(&[SPACE_LABELS], label::POD_SECURITY);
    variables.set(
        "node",
        format!(
            "{wanted} == {} && ({privileged}.exists(t, t == \"privileged\") || {} && {privileged}.size() == 0)",
            text(Source::Node.name()),
            config.pod_security == PodSecurity::Privileged,
        ),
    );
    variables.set("root_user", "object.spec.?securityContext.?runAsUser.orValue(1) == 0");
}

/// Whether a text `t` is no longer than that and matches.
fn matches(most: usize, expression: &str) -> String {
    format!("bytes(t).size() <= {most} && t.matches({})", text(expression))
}

fn selection(variables: &mut Variables) {
    for (name, key) in [("only", annotation::CONTAINERS), ("exclude", annotation::EXCLUDE_CONTAINERS)] {
        variables.set(&format!("{name}_written"), written(&[POD, SPACE], key));
        let list = format!("variables.{name}_written");
        variables.set(
            name,
            format!("{list}.size() == 0 ? [] : {list}[0].split(\",\").map(t, t.trim()).filter(t, t != \"\")"),
        );
        variables.set(
            &format!("{name}_readable"),
            format!(
                "{list}.size() == 0 || variables.{name}.size() > 0 && bytes({list}[0]).size() <= {MAX_LIST} \
                 && !{list}[0].matches({})",
                text(r"\p{Cc}"),
            ),
        );
    }
    variables.set(
        "selectable",
        "variables.only_readable && variables.exclude_readable && (variables.only.size() + variables.exclude.size() == 0 \
         || variables.all_containers.exists(c, (variables.only.size() == 0 || c.name in variables.only) \
         && !(c.name in variables.exclude)))",
    );
}

fn target(variables: &mut Variables, config: &Config) {
    variables.set("target_written", find(annotation::TARGET, &url(), "\"\""));
    let default = config.target.as_ref().map_or_else(
        || text(""),
        |target| {
            let by_address = target.by_address.as_ref().unwrap_or(&target.url);
            choose([("variables.no_dns", text(by_address.as_str()))], text(target.url.as_str()))
        },
    );
    variables
        .set("target", choose([("variables.target_written != \"\"", "variables.target_written".to_owned())], default));

    let count = |mark: &str| format!("t.split(\"-----{mark} CERTIFICATE-----\").size()");
    let (begun, ended) = (count("BEGIN"), count("END"));
    let valid = format!(
        "bytes(t).size() <= {MAX_CA} && !t.contains(\"PRIVATE KEY\") && !t.contains(\"\\u0000\") \
         && {begun} > 1 && {begun} == {ended}"
    );
    // Not `find`: certificates are kept with the blanks around them.
    let found = format!("{}.filter(t, {valid})", written(&[POD, SPACE], annotation::TARGET_CA));
    let default = config.target.as_ref().and_then(|target| target.ca.as_deref()).unwrap_or_default();
    variables.set(
        "target_ca",
        format!("({found} + [{}])[0]", choose([("variables.target_written != \"\"", text(""))], text(default))),
    );
}

/// Whether a text `t` is a receiver's URL, as `Target::parse` says.
fn url() -> String {
    let label = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
    let port = "0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
    let tail = r"[/?][!$-;=?-\[\]_a-z~]*";
    let whole = format!(r"^(?i:https?)://(\[[0-9A-Fa-f:.]+\]|{label}(\.{label})*\.?)(:{port})?({tail})?$");
    // An IPv4 address inside IPv6 is spelt rightly even where the API server's `isIP` refuses it.
    let v6 = "isIP(h.substring(1, h.size() - 1).lowerAscii().replace(\"ffff\", \"fffe\")) && h.contains(\":\")";
    let name = format!("h.size() <= (h.endsWith(\".\") ? {} : {MAX_HOST})", MAX_HOST + 1);
    format!(
        "{} && [t.split(\"://\")[1].find({})].all(h, h.startsWith(\"[\") ? {v6} : h.matches({}) ? isIP(h) : {name})",
        matches(MAX_LEN, &whole),
        text(r"^(\[[^\]]*\]|[^:/?]*)"),
        text("^[0-9.]+$"),
    )
}

/// The label `app`.
fn app() -> String {
    let labels: Vec<String> = APP_LABELS.iter().map(|key| written(&[POD_LABELS], key)).collect();
    // The controller, or else the first owner.
    let owners = "object.metadata.?ownerReferences.orValue([])";
    let owners = format!("({owners}.filter(o, o.?controller.orValue(false)) + {owners})");
    let hash = format!("(\"-\" + {POD_LABELS}[?{}].orValue(\"\"))", text(TEMPLATE_HASH));
    let replicas = format!(
        "({} in {POD_LABELS} && o.name.endsWith({hash}) ? o.name.substring(0, o.name.size() - {hash}.size()) : o.name)",
        text(TEMPLATE_HASH)
    );
    let digits = text(&format!("-[0-9]{{{CRON_DIGITS},}}$"));
    let job = format!("(o.name.matches({digits}) ? o.name.substring(0, o.name.lastIndexOf(\"-\")) : o.name)");
    let base = format!("o.kind == \"ReplicaSet\" ? {replicas} : o.kind == \"Job\" ? {job} : o.name");
    format!("(({}).filter(t, t != \"\") + {owners}.map(o, {base}) + [\"\"])[0]", labels.join(" + "))
}
