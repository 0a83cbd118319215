//! Pods that nobody thought of, in many namespaces and under every configuration.

use std::time::Instant;

use logtap_cluster_tests::{Space, Table, kubectl};
use serde_json::{Value, json};

/// Pods compared.
const PODS: usize = 400;
const SPACES: usize = 16;
/// The same pods each time.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    /// One time in so many.
    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

const TAPS: [&str; 12] =
    ["true", "enabled", " True ", "true", "true", "Enabled", "true", "TRUE", "true", "true", "false", "maybe"];
const SETTINGS: [(&str, &[&str]); 12] = [
    ("target", &["http://r:1", "https://[::1]:2/x", "r:1", "http://1.2.3", "http://a b"]),
    ("target-ca", &["-----BEGIN CERTIFICATE----------END CERTIFICATE-----", "none"]),
    ("spool", &["64Mi", "1Gi", "100M", "1", "1.5Mi", "x"]),
    ("session", &["s1", "x y", "-", "a.b"]),
    ("containers", &["app", "app,proxy", "init, app", "other", " , "]),
    ("exclude-containers", &["proxy", "app,proxy", "init", "other"]),
    ("source", &["node", "api", "NODE", "disk"]),
    ("cpu-request", &["5m", "1", "0", "100n", "2"]),
    ("cpu-limit", &["5m", "1", "1.5", "x"]),
    ("memory-request", &["32Mi", "1Gi", "5m", "1e8"]),
    ("memory-limit", &["32Mi", "1Gi", "0.5G", "-1"]),
    ("allow-prod", &["true", "false", "perhaps"]),
];

fn settings(dice: &mut Dice, often: usize) -> Vec<(String, &'static str)> {
    let mut all = Vec::new();
    for (key, values) in SETTINGS {
        if dice.one_in(often) {
            all.push((format!("logtap.io/{key}"), dice.pick(values)));
        }
    }
    if dice.one_in(2) {
        all.push(("logtap.io/tap".to_owned(), dice.pick(&TAPS)));
    }
    all
}

fn space(dice: &mut Dice) -> Space {
    let config = dice.pick(&["usual", "container", "images", "secrets", "address", "no-target"]);
    let configs = ["usual", "container", "images", "secrets", "address", "no-target"];
    let mut space = Space::of(configs.into_iter().find(|one| *one == config).unwrap());
    for (key, value) in settings(dice, 10) {
        // What a namespace forbids is soon compared.
        if value != "false" || dice.one_in(3) {
            space = space.annotation(&key, value);
        }
    }
    if dice.one_in(2) {
        space = space.label(
            "logtap.io/tap",
            dice.pick(&["enabled", "enabled", "enabled", "enabled", "enabled", "true", "maybe"]),
        );
    }
    if dice.one_in(6) {
        space = space.label(dice.pick(&["env", "environment", "stage"]), dice.pick(&["prod", "live", "test"]));
    }
    space
}

fn resources(dice: &mut Dice) -> Value {
    let amount =
        |dice: &mut Dice, at: usize| [["100m", "1", "0"], ["1Gi", "64Mi", "0"], ["2Gi", "1Gi", "0"]][at][dice.below(3)];
    let names = ["cpu", "memory", "ephemeral-storage"];
    let mut resources = json!({ "requests": {}, "limits": {} });
    let full = dice.one_in(2);
    for (at, name) in names.into_iter().enumerate() {
        if full && at < 2 {
            resources["limits"][name] = json!(["1", "64Mi"][at]);
            continue;
        }
        match dice.below(5) {
            0 => resources["limits"][name] = json!(amount(dice, at)),
            1 => resources["requests"][name] = json!(amount(dice, at)),
            2 => {
                let one = amount(dice, at);
                (resources["requests"][name], resources["limits"][name]) = (json!(one), json!(one));
            }
            _ => {}
        }
    }
    resources
}

fn container(dice: &mut Dice, name: &str) -> Value {
    let mut container = json!({ "name": name, "image": format!("{name}:1") });
    if !dice.one_in(4) {
        container["resources"] = resources(dice);
    }
    if dice.one_in(3) {
        container["env"] =
            json!([{ "name": "LOGTAP_INJECTED", "value": "1" }, { "name": "A", "value": "$(B) \"ü\"\n" }]);
    }
    container
}

fn pod(dice: &mut Dice) -> Value {
    let annotations: Value =
        settings(dice, 7).into_iter().map(|(key, value)| (key, json!(value))).collect::<serde_json::Map<_, _>>().into();
    let mut pod = json!({ "metadata": { "name": "generated", "annotations": annotations }, "spec": {} });
    if dice.one_in(2) {
        pod["metadata"]["labels"] =
            json!({ dice.pick(&["app", "k8s-app", "other", "app.kubernetes.io/name"]): dice.pick(&["api", "", "x"]) });
    }
    if dice.one_in(4) {
        pod["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"] =
            json!(dice.pick(&["", "data", "logtap-state", "x,logtap-node-logs"]));
    }
    let spec = &mut pod["spec"];
    let mut containers = vec![container(dice, "app")];
    if dice.one_in(3) {
        containers.push(container(dice, "proxy"));
    }
    if dice.one_in(20) {
        containers.push(container(dice, "logtap-forwarder"));
    }
    spec["containers"] = containers.into();
    if dice.one_in(3) {
        let name = if dice.one_in(9) { "logtap-forwarder" } else { "init" };
        let mut init = container(dice, name);
        if dice.one_in(2) {
            init["restartPolicy"] = json!("Always");
        }
        let taken = spec["containers"].as_array().unwrap().iter().any(|one| one["name"] == init["name"]);
        spec["initContainers"] = if taken { json!([]) } else { json!([init]) };
    }
    let fields: [(&str, Value, usize); 12] = [
        ("automountServiceAccountToken", json!(false), 2),
        ("securityContext", json!({ "runAsUser": 0 }), 4),
        ("securityContext", json!({ "runAsUser": 1000, "runAsNonRoot": true }), 6),
        ("hostNetwork", json!(true), 8),
        ("dnsPolicy", json!("Default"), 8),
        ("nodeSelector", json!({ "kubernetes.io/arch": "s390x" }), 20),
        ("nodeSelector", json!({ "kubernetes.io/os": "windows" }), 20),
        ("restartPolicy", json!("Never"), 3),
        ("imagePullSecrets", json!([{ "name": "more" }]), 4),
        ("volumes", json!([{ "name": "data", "emptyDir": {} }]), 3),
        ("volumes", json!([{ "name": "logtap-state", "emptyDir": { "sizeLimit": "80Mi" } }]), 8),
        ("volumes", json!([{ "name": "logtap-state", "emptyDir": {} }]), 20),
    ];
    for (field, value, often) in fields {
        if dice.one_in(often) {
            spec[field] = value;
        }
    }
    if dice.one_in(8) {
        spec["resources"] = json!({ "limits": { "memory": "8Gi" } });
    }
    pod
}

/// What the API server counted of expressions that failed.
fn failures() -> Vec<String> {
    let metrics = kubectl(&["get", "--raw", "/metrics"], "").unwrap();
    let counted = "apiserver_mutating_admission_policy_check_duration_seconds_count";
    assert!(metrics.contains(counted), "the API server counts evaluations");
    metrics.lines().filter(|line| line.starts_with(counted) && !line.contains("no_error")).map(str::to_owned).collect()
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn policy_generated_pods() {
    let mut dice = Dice(SEED);
    let spaces: Vec<Space> = (0..SPACES).map(|_| space(&mut dice)).collect();
    let rows = (0..PODS).map(|at| (&spaces[at % SPACES], pod(&mut dice)));
    let table = rows.fold(Table::default(), |table, (space, pod)| table.with(space, pod));
    let began = Instant::now();
    let outcomes = table.compare();
    let mut decisions = std::collections::BTreeMap::<&str, usize>::new();
    outcomes.iter().for_each(|one| *decisions.entry(one.decision).or_default() += 1);
    println!("{PODS} pods compared in {:.1} s: {decisions:?}", began.elapsed().as_secs_f64());
    assert_eq!(failures(), Vec::<String>::new(), "an expression that fails, or costs too much, leaves pods alone");
    assert!(decisions["injected"] > PODS / 4, "most pods say nothing else: {decisions:?}");
    assert!(decisions.len() > 6, "few reasons came up: {decisions:?}");
}
