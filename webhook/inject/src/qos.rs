//! The QoS class of a pod, by the rules of the kubelet's and the API server's own computation.

use serde_json::Value;

use crate::pod::Pod;
use crate::quantity::Quantity;

/// How a pod is treated when its node runs out of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Each container has limits of CPU and memory that equal its requests.
    Guaranteed,
    /// Something is requested or limited.
    Burstable,
    /// Nothing is.
    BestEffort,
    /// Requests and limits belong to the pod as a whole; containers need none.
    PodLevel,
}

/// The class, from containers and init containers as they are. A quantity that cannot be read
/// counts as unequal: the API server refuses that pod anyway.
pub(crate) fn class(pod: Pod<'_>) -> Class {
    if pod.spec("resources").is_some_and(sets_something) {
        return Class::PodLevel;
    }
    let (mut requests, mut limits) = ([0_i128; 2], [0_i128; 2]);
    let (mut any, mut all_limited, mut readable) = (false, true, true);
    for container in pod.all_containers() {
        for (at, resource) in ["cpu", "memory"].into_iter().enumerate() {
            let limit = amount(container, "limits", resource);
            let request = amount(container, "requests", resource);
            any |= limit.is_some() || request.is_some();
            // A request that is left out is the limit; one of zero is none.
            let request = if has(container, "requests", resource) { request } else { limit };
            all_limited &= limit.is_some();
            readable &= limit != Some(Amount::Unreadable) && request != Some(Amount::Unreadable);
            limits[at] = limits[at].saturating_add(nano(limit));
            requests[at] = requests[at].saturating_add(nano(request));
        }
    }
    match any {
        false => Class::BestEffort,
        true if all_limited && readable && requests == limits => Class::Guaranteed,
        true => Class::Burstable,
    }
}

/// Whether any container limits the pod's ephemeral storage.
pub(crate) fn limits_storage(pod: Pod<'_>) -> bool {
    pod.all_containers().any(|container| amount(container, "limits", "ephemeral-storage").is_some())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Amount {
    Nano(i128),
    Unreadable,
}

/// Whether a container says what it requests or limits, be it nothing.
fn has(container: &Value, side: &str, resource: &str) -> bool {
    container.get("resources").and_then(|all| all.get(side)?.get(resource)).is_some_and(|one| !one.is_null())
}

/// What a container requests or limits; zero is as good as nothing.
fn amount(container: &Value, side: &str, resource: &str) -> Option<Amount> {
    let text = match container.get("resources")?.get(side)?.get(resource)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    match Quantity::parse(&text) {
        Some(quantity) => Some(Amount::Nano(quantity.nano())),
        None if text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) => Some(Amount::Unreadable),
        None => None,
    }
}

fn nano(amount: Option<Amount>) -> i128 {
    match amount {
        Some(Amount::Nano(nano)) => nano,
        Some(Amount::Unreadable) | None => 0,
    }
}

fn sets_something(resources: &Value) -> bool {
    ["requests", "limits"]
        .iter()
        .any(|side| resources.get(side).and_then(Value::as_object).is_some_and(|all| !all.is_empty()))
}
