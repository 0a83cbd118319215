//! How a pod changes: `patch.rs` in CEL, with what [`sidecar`] adds.

use serde_json::Value;

use super::cel::{POD, Variables, choose, spec, text, texts};
use super::literal::{Literals, StandIn};
use crate::config::{Config, Mode};
use crate::patch::{MAX_ANNOTATIONS, escape, repair};
use crate::patch::{Operation, Repair};
use crate::plan::{OptIn, Plan, Source, User};
use crate::quantity::Quantity;
use crate::resources::{Resources, state_size};
use crate::sidecar;
use crate::target::Target;
use crate::vocabulary::{annotation, sidecar as names};

/// Stands for the spool's size; far beyond any that a plan can have.
const SPOOL: u64 = 7_777_777_777_777_777;
/// Begins stand-ins that are texts; no name, URL or image has it.
const MARK: char = '\u{e000}';

/// `volumes_added`, `evict`, `status` and `act`: what is done, `inject`, `repair` or nothing.
pub(super) fn variables(variables: &mut Variables, config: &Config) {
    let template = Template::new(config);
    variables.set("sidecar_volumes", template.render(|plan| sidecar::volumes(plan).into()));
    variables.set("status", template.render(|plan| sidecar::status(plan).into()));
    let [node, rest] = [&template.node, &template.api].map(sidecar::local_volumes);
    let shared = rest.len();
    variables.set("evict_written", format!("{POD}[?{}].orValue(\"\")", text(annotation::SAFE_TO_EVICT_VOLUMES)));
    let mut list = "variables.evict_written".to_owned();
    for (at, volume) in node.iter().enumerate() {
        let (name, volume) = (format!("evict_{at}"), text(volume));
        let added = format!("({list}.trim() == \"\" ? {list} : {list} + \",\") + {volume}");
        let there = format!("{volume} in {list}.split(\",\")");
        let unwanted = if at < shared { there } else { format!("!variables.node || {there}") };
        variables.set(&name, choose([(unwanted.as_str(), list)], added));
        list = format!("variables.{name}");
    }
    variables.set("evict", list);
    let ours = texts([annotation::SAFE_TO_EVICT_VOLUMES, annotation::STATUS]);
    let keys = annotation::SAFE_TO_EVICT_VOLUMES.len() + annotation::STATUS.len();
    variables.set(
        "annotations_fit",
        format!(
            "{POD}.map(k, k in {ours} ? 0 : bytes(k).size() + bytes({POD}[k]).size()).sum() + {keys} \
             + bytes(variables.evict).size() + bytes(variables.status).size() <= {MAX_ANNOTATIONS}"
        ),
    );
    let free = "!variables.sidecar_volumes.exists(v, variables.volumes.exists(t, t.name == v.name && t != v))";
    variables.set(
        "act",
        format!(
            "!variables.opted_in ? \"\" : variables.stripped ? \"repair\" : variables.present.size() == 0 \
             && variables.permitted && variables.placeable && variables.containers.size() > 0 \
             && variables.selectable && variables.target != \"\" && {free} ? \"inject\" : \"\""
        ),
    );
}

/// The expression of the mutation.
pub(super) fn change(config: &Config) -> String {
    let template = Template::new(config);
    let container = template.render(sidecar::container);
    let list = match config.mode {
        Mode::Native => "initContainers",
        Mode::Container => "containers",
    };
    let secrets =
        Value::from(config.pull_secrets.iter().map(|name| serde_json::json!({ "name": name })).collect::<Vec<_>>());
    let mut parts = vec![append("volumes", "variables.sidecar_volumes"), append(list, &format!("[{container}]"))];
    if !config.pull_secrets.is_empty() {
        parts.push(append("imagePullSecrets", &template.literals.render(&[], &secrets)));
    }
    let annotations = "/metadata/annotations";
    let set = |key: &str, value: &str| add(&text(&format!("{annotations}/{}", escape(key))), value);
    parts.push(format!(
        "(!variables.annotations_fit ? [] : (has(object.metadata.annotations) ? [] : [{}]) + [{}, {}])",
        add(&text(annotations), "{}"),
        set(annotation::SAFE_TO_EVICT_VOLUMES, "variables.evict"),
        set(annotation::STATUS, "variables.status"),
    ));
    let inject = ("variables.act == \"inject\"", parts.join(" + "));
    let repair = ("variables.act == \"repair\"", put_back());
    choose([inject, repair], "[]".to_owned())
}

/// Adds elements to the end of a list of the spec, those aside whose name is there.
fn append(list: &str, elements: &str) -> String {
    let there = spec(list, "[]");
    let missing = format!("{elements}.filter(e, !{there}.exists(t, t.name == e.name))");
    format!(
        "(has(object.spec.{list}) ? [] : [{}]) + {missing}.map(e, {})",
        add(&text(&format!("/spec/{list}")), "[]"),
        add(&text(&format!("/spec/{list}/-")), "e"),
    )
}

fn add(path: &str, value: &str) -> String {
    operation("add", path, value)
}

fn operation(op: &str, path: &str, value: &str) -> String {
    format!("JSONPatch{{op: {}, path: {path}, value: {value}}}", text(op))
}

/// The operations of [`repair`], for whichever place the container has.
fn put_back() -> String {
    let place = format!("string(variables.init_containers.map(c, c.name).indexOf({}))", text(names::CONTAINER));
    let index = usize::MAX;
    let operations = repair(Repair { index }).into_iter().filter_map(|one| {
        let (op, path, value) = match one {
            Operation::Add { path, value } => ("add", path, value),
            Operation::Test { path, value } => ("test", path, value),
            Operation::Remove { .. } => return None,
        };
        let (before, after) = path.split_once(&index.to_string())?;
        Some(operation(op, &format!("{} + {place} + {}", text(before), text(after)), &value.to_string()))
    });
    format!("[{}]", operations.collect::<Vec<_>>().join(", "))
}

/// Plans full of stand-ins, one for each of the ways in which what is added differs in more than texts.
struct Template {
    node: Plan,
    own_user: Plan,
    api: Plan,
    literals: Literals,
}

impl Template {
    fn new(config: &Config) -> Self {
        let mark = |name: &str| format!("{MARK}{name}");
        let list = |name: &str| vec![mark(name)];
        let image = if config.allow_image_annotation { mark("image") } else { config.image.clone() };
        // Shares no amount with another stand-in.
        let amount = |number: u32| Some(Quantity::milli(1_900_000_000 + number));
        let api = Plan {
            mode: config.mode,
            source: Source::Api,
            image,
            target: Target::stand_in(mark("target")),
            target_ca: Some(mark("target_ca")),
            session: Some(mark("session")),
            app: Some(mark("app")),
            containers: list("only"),
            exclude_containers: list("exclude"),
            spool: SPOOL,
            resources: Resources {
                requests: [amount(1), amount(2)],
                limits: [amount(3), amount(4)],
                storage_limit: Some(Quantity::milli(1_900_000_005)),
            },
            user: User::Inherited,
            pull_secrets: config.pull_secrets.clone(),
            node_log_dir: config.node_log_dir.clone(),
            opted_in: OptIn::Pod,
        };
        let amounts = ["cpu_request", "memory_request", "cpu_limit", "memory_limit", "storage_limit"];
        let texts = ["target_ca", "session", "app"].map(|name| (name, format!("variables.{name}")));
        let joined = ["only", "exclude"].map(|name| (name, format!("variables.{name}.join(\",\")")));
        let literals = texts
            .into_iter()
            .chain(joined)
            .map(|(name, value)| stand_in(mark(name), literal(&value), Some(format!("{value} != \"\""))))
            .chain(amounts.into_iter().zip(1..).map(|(name, number)| {
                let (text, value) = (format!("{}m", 1_900_000_000 + number), format!("variables.{name}"));
                stand_in(text, value.clone(), Some(format!("{value} != \"\"")))
            }))
            .chain([
                stand_in(mark("target"), literal("variables.target"), None),
                stand_in(SPOOL.to_string(), "string(variables.spool)".to_owned(), None),
                stand_in(state_size(SPOOL).as_str().to_owned(), "variables.state_size".to_owned(), None),
                StandIn {
                    text: mark("image"),
                    whole: "variables.image".to_owned(),
                    // Inside the JSON of the status.
                    part: "variables.image.replace(\"\\\\\", \"\\\\\\\\\").replace(\"\\\"\", \"\\\\\\\"\")".to_owned(),
                    there: None,
                },
            ])
            .collect();
        let node = Plan { source: Source::Node, user: User::Root, ..api.clone() };
        let own_user = Plan { user: User::Own, ..api.clone() };
        Self { node, own_user, api, literals: Literals(literals) }
    }

    /// What a function of a plan gives, for any plan.
    fn render(&self, part: impl Fn(&Plan) -> Value) -> String {
        let [node, own_user, api] = [&self.node, &self.own_user, &self.api].map(part);
        self.literals.render(&[("variables.node", &node), ("variables.root_user", &own_user)], &api)
    }
}

fn stand_in(text: String, value: String, there: Option<String>) -> StandIn {
    StandIn { text, part: value.clone(), whole: value, there }
}

/// As the sidecar's environment spells values: see `sidecar::literal`.
fn literal(value: &str) -> String {
    format!("{value}.replace(\"$\", \"$$\")")
}
