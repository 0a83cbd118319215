//! What the sidecar requests and is limited to, so that the pod is treated as before.
//!
//! - The QoS class stays. In a pod of class BestEffort the sidecar asks for nothing.
//! - No CPU limit, because a throttled reader loses lines; only class Guaranteed and an annotation
//!   force one. A namespace whose quota or limit range wants one carries that annotation.
//! - A limit of ephemeral storage only where a container of the pod has one already. The kubelet
//!   holds the whole pod to the sum of its containers' limits and counts the app's own files and
//!   logs: a limit on the sidecar alone would be one on the app. Where there are limits, ours adds
//!   to them what the spool can take.
//! - A request never exceeds its limit: the API server would refuse the pod.

use crate::config::Config;
use crate::pod::Pod;
use crate::qos::{self, Class};
use crate::quantity::Quantity;
use crate::settings::{Found, Settings};
use crate::vocabulary::annotation;
use crate::warnings::Warnings;

/// Beside the spool: cursor, marker and the container's own log.
pub(crate) const STORAGE_SPARE: u64 = 16 << 20;
/// Least CPU that Kubernetes gives out: a thousandth, in billionths.
pub(crate) const MIN_CPU: i128 = 1_000_000;
/// Least memory that a process can start in; catches `64m`, which is a fraction of a byte.
pub(crate) const MIN_MEMORY: i128 = (4 << 20) * 1_000_000_000;
pub(crate) const MIN_SPOOL: u64 = 1 << 20;
pub(crate) const MAX_SPOOL: u64 = 100 << 30;

const KEYS: [&str; 4] =
    [annotation::CPU_REQUEST, annotation::CPU_LIMIT, annotation::MEMORY_REQUEST, annotation::MEMORY_LIMIT];

/// Requests and limits of the sidecar; what is `None` is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// Of CPU and of memory.
    pub requests: [Option<Quantity>; 2],
    /// Of CPU and of memory.
    pub limits: [Option<Quantity>; 2],
    /// Limit of ephemeral storage.
    pub storage_limit: Option<Quantity>,
}

/// Names of what [`Resources::requests`] and [`Resources::limits`] hold.
pub(crate) const COMPUTE: [&str; 2] = ["cpu", "memory"];

/// Size of the spool, in bytes.
pub(crate) fn spool(settings: Settings<'_>, config: &Config, warnings: &mut Warnings) -> u64 {
    let read = |text: &str| {
        Quantity::parse(text)
            .map(|quantity| quantity.whole())
            .filter(|bytes| (MIN_SPOOL..=MAX_SPOOL).contains(bytes))
            .ok_or_else(|| "it is no size from 1Mi to 100Gi".to_owned())
    };
    settings.find(annotation::SPOOL, warnings, read).map_or(config.spool.whole(), |found| found.value)
}

/// Bytes of the volume that holds the spool, so that a full spool evicts nothing.
pub(crate) fn state_size(spool: u64) -> Quantity {
    Quantity::bytes(spool.saturating_add(STORAGE_SPARE))
}

/// Resources of the sidecar in this pod.
pub(crate) fn plan(
    pod: Pod<'_>,
    settings: Settings<'_>,
    spool: u64,
    config: &Config,
    warnings: &mut Warnings,
) -> Resources {
    let class = qos::class(pod);
    let defaults = &config.resources;
    let mut read = |key: &'static str, least: i128, what: &str| {
        settings.find(key, warnings, |text| {
            Quantity::parse(text)
                .filter(|quantity| quantity.nano() >= least)
                .ok_or_else(|| format!("it is no amount of {what} that a process can run with"))
        })
    };
    let cpu = [read(annotation::CPU_REQUEST, MIN_CPU, "CPU"), read(annotation::CPU_LIMIT, MIN_CPU, "CPU")];
    let memory =
        [read(annotation::MEMORY_REQUEST, MIN_MEMORY, "memory"), read(annotation::MEMORY_LIMIT, MIN_MEMORY, "memory")];
    let asked = cpu.iter().chain(&memory).any(Option::is_some);
    let storage_limit = (class != Class::PodLevel && qos::limits_storage(pod)).then(|| state_size(spool));
    let ([cpu_request, cpu_limit], [memory_request, memory_limit]) = match class {
        Class::PodLevel | Class::BestEffort => {
            if asked {
                let why = if class == Class::PodLevel {
                    "the pod sets resources as a whole"
                } else {
                    "they would change the pod's QoS class from BestEffort"
                };
                warnings.push(format!("resources for the sidecar ({}) are ignored: {why}", KEYS.join(", ")));
            }
            ([None, None], [None, None])
        }
        Class::Guaranteed => (
            equal(cpu, &defaults.guaranteed_cpu, "cpu", warnings),
            equal(memory, &defaults.memory_limit, "memory", warnings),
        ),
        Class::Burstable => (
            ordered(cpu, &defaults.cpu_request, None, "cpu", warnings),
            ordered(memory, &defaults.memory_request, Some(&defaults.memory_limit), "memory", warnings),
        ),
    };
    Resources { requests: [cpu_request, memory_request], limits: [cpu_limit, memory_limit], storage_limit }
}

type Asked = [Option<Found<Quantity>>; 2];
type Pair = [Option<Quantity>; 2];

/// Request and limit that are the same: the limit asked for, or the request, or the default.
fn equal([request, limit]: Asked, default: &Quantity, what: &str, warnings: &mut Warnings) -> Pair {
    if let (Some(request), Some(limit)) = (&request, &limit)
        && request.value.nano() != limit.value.nano()
    {
        warnings.push(format!(
            "logtap.io/{what}-request: {} is ignored: the pod is of class Guaranteed, so the limit {} is requested too",
            request.value, limit.value
        ));
    }
    let one = limit.or(request).map_or_else(|| default.clone(), |found| found.value);
    [Some(one.clone()), Some(one)]
}

/// Request and limit with the request at or below the limit: where one of them is asked for, the
/// other gives way; where both are and contradict each other, the defaults hold.
fn ordered(
    [request, limit]: Asked,
    default_request: &Quantity,
    default_limit: Option<&Quantity>,
    what: &str,
    warnings: &mut Warnings,
) -> Pair {
    let exceeds = |request: &Quantity, limit: &Quantity| request.nano() > limit.nano();
    match (request.map(|found| found.value), limit.map(|found| found.value)) {
        (Some(request), Some(limit)) if exceeds(&request, &limit) => {
            warnings.push(format!(
                "logtap.io/{what}-request: {request} exceeds logtap.io/{what}-limit: {limit}; the defaults are used"
            ));
            [Some(default_request.clone()), default_limit.cloned()]
        }
        (Some(request), None) => {
            let limit =
                default_limit.map(|limit| if exceeds(&request, limit) { request.clone() } else { limit.clone() });
            [Some(request), limit]
        }
        (None, Some(limit)) => {
            let request = if exceeds(default_request, &limit) { limit.clone() } else { default_request.clone() };
            [Some(request), Some(limit)]
        }
        (None, None) => [Some(default_request.clone()), default_limit.cloned()],
        (request, limit) => [request, limit],
    }
}
