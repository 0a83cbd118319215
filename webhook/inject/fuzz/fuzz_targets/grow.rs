//! Objects grown from bytes: mostly pods, with anything anywhere.

use serde_json::{Map, Value, json};

/// Bytes, and zeros once they are used up.
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    pub fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[usize::from(self.next()) % words.len()]
    }
}

const ANNOTATIONS: &[&str] = &[
    "logtap.io/tap",
    "logtap.io/target",
    "logtap.io/target-ca",
    "logtap.io/spool",
    "logtap.io/session",
    "logtap.io/containers",
    "logtap.io/exclude-containers",
    "logtap.io/source",
    "logtap.io/cpu-request",
    "logtap.io/cpu-limit",
    "logtap.io/memory-request",
    "logtap.io/memory-limit",
    "logtap.io/image",
    "logtap.io/allow-prod",
    "logtap.io/status",
    "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes",
    "kubernetes.io/config.mirror",
];
const SPEC: &[&str] = &[
    "containers",
    "initContainers",
    "volumes",
    "imagePullSecrets",
    "securityContext",
    "resources",
    "nodeSelector",
    "affinity",
    "os",
    "dnsPolicy",
    "hostNetwork",
    "nodeName",
];
const CONTAINER: &[&str] = &["name", "image", "env", "resources", "restartPolicy", "future"];
const WORDS: &[&str] = &[
    "true",
    "false",
    "enabled",
    "logtap-forwarder",
    "logtap-state",
    "logtap-identity",
    "Always",
    "api",
    "api,proxy",
    "node",
    "64Mi",
    "100m",
    "http://r:1",
    "windows",
    "-----BEGIN CERTIFICATE----------END CERTIFICATE-----",
    "",
    "é\u{7}\"\\",
];

/// A pod or a namespace, more or less.
pub fn object(bytes: &mut Bytes<'_>) -> Value {
    if bytes.next() == 255 {
        return any(bytes, 3);
    }
    let annotations = map(bytes, ANNOTATIONS, |_, bytes| word(bytes));
    let labels = map(bytes, &["logtap.io/tap", "app"], |_, bytes| word(bytes));
    let spec = map(bytes, SPEC, |key, bytes| match key {
        "containers" | "initContainers" => list(bytes, container),
        "volumes" | "imagePullSecrets" => list(bytes, |bytes| json!({ "name": word(bytes) })),
        "resources" => resources(bytes),
        _ => any(bytes, 2),
    });
    // A pod to begin with, so that most of what grows from it gets past the first checks.
    let annotations = over(json!({ "logtap.io/tap": "true" }), annotations);
    let spec = over(json!({ "containers": [{ "name": "api" }, { "name": "proxy" }] }), spec);
    json!({ "metadata": { "annotations": annotations, "labels": labels }, "spec": spec })
}

/// The second with what it lacks from the first.
fn over(base: Value, other: Value) -> Value {
    match (base, other) {
        (Value::Object(mut base), Value::Object(other)) => {
            base.extend(other);
            base.into()
        }
        (_, other) => other,
    }
}

fn container(bytes: &mut Bytes<'_>) -> Value {
    map(bytes, CONTAINER, |key, bytes| match key {
        "resources" => resources(bytes),
        "env" => list(bytes, |bytes| json!({ "name": bytes.pick(&["LOGTAP_INJECTED", "X"]) })),
        _ => word(bytes),
    })
}

fn resources(bytes: &mut Bytes<'_>) -> Value {
    map(bytes, &["requests", "limits"], |_, bytes| {
        map(bytes, &["cpu", "memory", "ephemeral-storage"], |_, bytes| word(bytes))
    })
}

/// Some of the keys; now and then anything in place of the map.
fn map(bytes: &mut Bytes<'_>, keys: &[&str], mut value: impl FnMut(&str, &mut Bytes<'_>) -> Value) -> Value {
    let count = bytes.next();
    if count > 250 {
        return any(bytes, 2);
    }
    let mut all = Map::new();
    for _ in 0..count % 8 {
        let key = bytes.pick(keys);
        all.insert(key.to_owned(), value(key, bytes));
    }
    all.into()
}

fn list(bytes: &mut Bytes<'_>, mut element: impl FnMut(&mut Bytes<'_>) -> Value) -> Value {
    let count = bytes.next();
    if count > 250 {
        return any(bytes, 2);
    }
    (0..count % 4).map(|_| element(bytes)).collect()
}

fn word(bytes: &mut Bytes<'_>) -> Value {
    if bytes.next() > 250 {
        return any(bytes, 1);
    }
    bytes.pick(WORDS).into()
}

fn any(bytes: &mut Bytes<'_>, depth: u8) -> Value {
    match bytes.next() % if depth == 0 { 4 } else { 6 } {
        0 => Value::Null,
        1 => json!(bytes.next() & 1 == 0),
        2 => json!(bytes.next()),
        3 => bytes.pick(WORDS).into(),
        4 => (0..bytes.next() % 4).map(|_| any(bytes, depth - 1)).collect(),
        _ => (0..bytes.next() % 4)
            .map(|_| (bytes.pick(SPEC).to_owned(), any(bytes, depth - 1)))
            .collect::<Map<_, _>>()
            .into(),
    }
}
