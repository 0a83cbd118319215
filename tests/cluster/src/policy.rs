//! What the admission policies make of pods, beside what the webhook would make of the same pods.
//!
//! Every pod is created as a dry run twice: where it is tapped, and where nothing is ever tapped. On
//! the second, which is what a webhook is sent, `decide_pod` and `patch` do their work; that goes
//! through the API server once more, for its own defaults, and then both have to be the same.

mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use logtap_inject::vocabulary::label;
use logtap_inject::{Decision, NamespaceSettings, decide_pod, patch, repair};
use serde_json::{Value, json};

use crate::kubectl::{kubectl, until};
pub use rules::{config, in_force};

/// Requests of one call of kubectl; beyond some 300 it begins to wait between them.
const BATCH: usize = 250;
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A namespace to put pods into.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Space {
    config: &'static str,
    name: Option<&'static str>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

/// What came of a pod.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Name of the decision, as the webhook reports it.
    pub decision: &'static str,
    /// The pod where nothing is tapped.
    pub before: Value,
    /// The pod where it is tapped.
    pub after: Value,
}

/// Pods with their namespaces.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(Space, Value)>,
}

impl Space {
    /// One that says nothing, under a configuration that [`config`] knows.
    #[must_use]
    pub fn of(config: &'static str) -> Self {
        Self { config, ..Self::default() }
    }

    /// One that says nothing, under the usual configuration.
    #[must_use]
    pub fn quiet() -> Self {
        Self::of("usual")
    }

    /// The one of that name, which is made if it is not there.
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// With a label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With an annotation.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }
}

impl Outcome {
    /// The forwarder in the pod.
    #[must_use]
    pub fn forwarder(&self) -> Option<&Value> {
        let lists = ["initContainers", "containers"];
        let all = lists.iter().filter_map(|list| self.after["spec"][list].as_array()).flatten();
        all.into_iter().find(|one| one["name"] == "logtap-forwarder")
    }

    /// A variable of the forwarder's environment.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<&str> {
        self.forwarder()?["env"].as_array()?.iter().find(|one| one["name"] == name)?["value"].as_str()
    }
}

impl Table {
    /// Adds a pod.
    #[must_use]
    pub fn with(mut self, space: &Space, pod: Value) -> Self {
        self.rows.push((space.clone(), pod));
        self
    }

    /// Compares policy and webhook for every pod.
    ///
    /// # Panics
    /// When they differ, or the cluster refuses something.
    #[must_use]
    pub fn compare(self) -> Vec<Outcome> {
        rules::in_force();
        let spaces = Spaces::new(self.rows.iter().map(|(space, _)| space.clone()).collect());
        let sent = self.rows.iter().flat_map(|(space, pod)| {
            [(spaces.plain.as_str(), pod), (spaces.name(space), pod)].map(|(name, pod)| placed(pod, name))
        });
        let seen = create(&sent.collect::<Vec<_>>());
        let verdicts: Vec<(&'static str, Value)> = self
            .rows
            .iter()
            .zip(seen.chunks(2))
            .map(|((space, _), pair)| webhook(&clean(&pair[0]), &spaces.made[space], space.config))
            .collect();
        let expected = create(&verdicts.iter().map(|(_, pod)| placed(pod, &spaces.plain)).collect::<Vec<_>>());
        let all = self.rows.iter().zip(seen.chunks(2)).zip(verdicts.iter().zip(&expected));
        all.map(|(((space, pod), pair), ((decision, _), expected))| {
            let (wanted, found) = (comparable(expected, pod), comparable(&pair[1], pod));
            assert!(
                wanted == found,
                "{decision} in {space:?}, but the policy differs at {}\nof {pod:#}\nwebhook: {wanted:#}\npolicy: {found:#}",
                difference("", &wanted, &found)
            );
            Outcome { decision, before: pair[0].clone(), after: pair[1].clone() }
        })
        .collect()
    }
}

/// Namespaces that were made, which tests share: they only ever see dry runs, and go with the cluster.
static MADE: Mutex<BTreeMap<Space, Value>> = Mutex::new(BTreeMap::new());

/// Namespaces of a table.
struct Spaces {
    /// One in which nothing is tapped.
    plain: String,
    made: BTreeMap<Space, Value>,
}

impl Spaces {
    fn new(wanted: BTreeSet<Space>) -> Self {
        let plain = Space::of("none").label(label::TAP, label::DISABLED);
        let mut known = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = wanted.iter().chain([&plain]).filter(|space| space.name.is_some() || !known.contains_key(space));
        let missing = missing.cloned().collect();
        known.extend(Self::make(missing));
        let made = wanted.into_iter().map(|space| (known[&space].clone(), space)).map(|(made, space)| (space, made));
        Self { plain: name(&known[&plain]).to_owned(), made: made.collect() }
    }

    fn make(spaces: Vec<Space>) -> BTreeMap<Space, Value> {
        if spaces.is_empty() {
            return BTreeMap::new();
        }
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is set").as_millis();
        let fresh = || format!("test-policy-{time}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let items = spaces.iter().map(|space| {
            let mut labels = space.labels.clone();
            labels.insert(rules::CONFIG_LABEL.to_owned(), space.config.to_owned());
            let name = space.name.map_or_else(fresh, str::to_owned);
            let metadata = json!({ "name": name, "labels": labels, "annotations": space.annotations });
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })
        });
        let made = call(&["apply", "-o", "json", "-f", "-"], &items.collect::<Vec<_>>());
        until("default service accounts", || {
            let path = "jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{\"\\n\"}{end}";
            let all = kubectl(&["get", "serviceaccounts", "--all-namespaces", "-o", path], "")?;
            let ready = |one: &&Value| all.lines().any(|line| line == format!("{}/default", name(one)));
            made.iter().find(|one| !ready(one)).map_or(Ok(()), |one| Err(format!("none in {}", name(one))))
        });
        spaces.into_iter().zip(made).collect()
    }

    fn name(&self, space: &Space) -> &str {
        name(&self.made[space])
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        // Those that were there before.
        for name in self.made.keys().filter_map(|space| space.name) {
            let label = format!("{}-", rules::CONFIG_LABEL);
            kubectl(&["label", "namespace", name, &label], "").unwrap_or_default();
        }
    }
}

fn name(namespace: &Value) -> &str {
    namespace["metadata"]["name"].as_str().expect("namespaces have names")
}

/// The pod as the webhook leaves it, and the name of its decision.
fn webhook(pod: &Value, namespace: &Value, name: &str) -> (&'static str, Value) {
    let config = config(name);
    let texts = |part: &str| -> Vec<(&str, &str)> {
        let all = namespace["metadata"][part].as_object().into_iter().flatten();
        all.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
    };
    let settings = NamespaceSettings::new(texts("labels"), texts("annotations"), &config);
    let namespace = namespace["metadata"]["name"].as_str().unwrap_or_default();
    let verdict = decide_pod(namespace, pod, Some(&settings), &config);
    let operations = match &verdict.decision {
        Decision::Skip(_) => Vec::new(),
        Decision::Inject(plan) => patch(plan, pod),
        Decision::Repair(place) => repair(*place),
    };
    let operations = serde_json::to_value(operations).expect("operations are JSON");
    let operations: json_patch::Patch = serde_json::from_value(operations).expect("operations are a patch");
    let mut pod = pod.clone();
    json_patch::patch(&mut pod, &operations).expect("the patch fits its pod");
    (verdict.decision.name(), pod)
}

/// What the API server makes of each pod, without keeping it.
fn create(pods: &[Value]) -> Vec<Value> {
    pods.chunks(BATCH).flat_map(|pods| call(&["create", "--dry-run=server", "-o", "json", "-f", "-"], pods)).collect()
}

/// Sends objects, and reads as many from what kubectl prints: one after the other, or as a list.
fn call(args: &[&str], items: &[Value]) -> Vec<Value> {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let text = kubectl(args, &list.to_string()).unwrap_or_else(|complaint| panic!("the cluster refuses: {complaint}"));
    let printed = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let objects: Vec<Value> = printed
        .map(|one| one.expect("kubectl prints JSON"))
        .flat_map(
            |one| if one["kind"] == "List" { one["items"].as_array().cloned().unwrap_or_default() } else { vec![one] },
        )
        .collect();
    assert_eq!(objects.len(), items.len(), "as many objects come back");
    objects
}

fn placed(pod: &Value, namespace: &str) -> Value {
    let mut pod = pod.clone();
    (pod["apiVersion"], pod["kind"]) = ("v1".into(), "Pod".into());
    pod["metadata"]["namespace"] = namespace.into();
    pod
}

/// A pod without what the API server adds to every object that it stores.
fn clean(pod: &Value) -> Value {
    let mut pod = pod.clone();
    if let Some(metadata) = pod["metadata"].as_object_mut() {
        metadata.retain(|key, _| {
            ["name", "generateName", "labels", "annotations", "ownerReferences"].contains(&key.as_str())
        });
    }
    if let Some(members) = pod.as_object_mut() {
        members.remove("status");
    }
    pod
}

/// A pod without what differs from one creation to the next.
fn comparable(pod: &Value, sent: &Value) -> Value {
    let mut pod = clean(pod);
    if sent["metadata"].get("name").is_none()
        && let Some(metadata) = pod["metadata"].as_object_mut()
    {
        metadata.remove("name");
    }
    unsuffixed(&mut pod);
    pod
}

/// The volume of the pod's own token has a random suffix.
fn unsuffixed(value: &mut Value) {
    const PREFIX: &str = "kube-api-access-";
    match value {
        Value::String(text) if text.starts_with(PREFIX) => text.truncate(PREFIX.len()),
        Value::Array(all) => all.iter_mut().for_each(unsuffixed),
        Value::Object(all) => all.values_mut().for_each(unsuffixed),
        _ => {}
    }
}

/// The first place at which two values differ.
fn difference(path: &str, one: &Value, other: &Value) -> String {
    match (one, other) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            let differs = keys.into_iter().find(|key| left.get(*key) != right.get(*key));
            differs.map_or_else(String::new, |key| difference(&format!("{path}/{key}"), &one[key], &other[key]))
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let differs = (0..left.len()).find(|at| left[*at] != right[*at]);
            differs.map_or_else(String::new, |at| difference(&format!("{path}/{at}"), &left[at], &right[at]))
        }
        _ => format!("{path}: {one} became {other}"),
    }
}
