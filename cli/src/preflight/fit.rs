//! What quotas and limit ranges of a namespace ask of every container, and the sidecar's requests
//! and limits that meet it.
//!
//! Without need the sidecar has no CPU limit, because a throttled reader loses lines.

use logtap_inject::tap::Annotations;
use logtap_inject::vocabulary::annotation;
use logtap_inject::{Config, Quantity};
use serde_json::Value;

use crate::cluster::resource::text;

/// Annotations that make the sidecar fit, and why each is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fitting {
    /// To be written beside the switch.
    pub(crate) annotations: Annotations,
    /// One sentence each.
    pub(crate) reasons: Vec<String>,
}

/// One resource: the sidecar's request and limit, and what they are called.
struct Fit {
    resource: &'static str,
    keys: [&'static str; 2],
    request: Quantity,
    limit: Option<Quantity>,
    /// The limit where one is forced.
    forced: Quantity,
}

/// What the namespace's quotas and limit ranges force.
pub(crate) fn fit(quotas: &[Value], ranges: &[Value]) -> Fitting {
    let defaults = Config::default().resources;
    let mut fitting = Fitting::default();
    let cpu = Fit {
        resource: "cpu",
        keys: [annotation::CPU_REQUEST, annotation::CPU_LIMIT],
        request: defaults.cpu_request,
        limit: None,
        forced: defaults.guaranteed_cpu,
    };
    let memory = Fit {
        resource: "memory",
        keys: [annotation::MEMORY_REQUEST, annotation::MEMORY_LIMIT],
        request: defaults.memory_request,
        limit: Some(defaults.memory_limit.clone()),
        forced: defaults.memory_limit,
    };
    for one in [cpu, memory] {
        one.run(quotas, ranges, &mut fitting);
    }
    fitting
}

impl Fit {
    fn run(mut self, quotas: &[Value], ranges: &[Value], fitting: &mut Fitting) {
        let started = (self.request.clone(), self.limit.clone());
        let hard = format!("limits.{}", self.resource);
        for quota in quotas {
            if self.limit.is_none() && !quota["spec"]["hard"][&hard].is_null() {
                self.limit = Some(self.forced.clone());
                fitting.reasons.push(format!(
                    "quota {} asks every container for a {} limit",
                    text(quota, "name"),
                    self.resource
                ));
            }
        }
        for range in ranges {
            for item in
                range["spec"]["limits"].as_array().into_iter().flatten().filter(|item| item["type"] == "Container")
            {
                let amount = |side: &str| item[side][self.resource].as_str().and_then(Quantity::parse);
                let ratio = item["maxLimitRequestRatio"][self.resource].as_str().and_then(Quantity::parse);
                self.range(text(range, "name"), amount("min"), amount("max"), ratio, fitting);
            }
        }
        let now = (Some(self.request), self.limit);
        for (key, (before, after)) in self.keys.into_iter().zip([(Some(started.0), now.0), (started.1, now.1)]) {
            if let Some(after) = after.filter(|after| before.as_ref() != Some(after)) {
                fitting.annotations.insert(key.to_owned(), after.as_str().to_owned());
            }
        }
    }

    fn range(
        &mut self,
        name: &str,
        min: Option<Quantity>,
        max: Option<Quantity>,
        ratio: Option<Quantity>,
        fitting: &mut Fitting,
    ) {
        let resource = self.resource;
        let mut because = |what: String| fitting.reasons.push(format!("limit range {name} {what}"));
        if let Some(max) = max {
            let over = self.limit.as_ref().is_none_or(|limit| limit.nano() > max.nano());
            if over {
                let limit = if self.forced.nano() > max.nano() { max.clone() } else { self.forced.clone() };
                because(format!("allows at most {max} of {resource}: the limit is {limit}"));
                self.limit = Some(limit);
            }
        }
        if let Some(min) = min.filter(|min| self.request.nano() < min.nano()) {
            because(format!("asks for at least {min} of {resource}"));
            if self.limit.as_ref().is_some_and(|limit| limit.nano() < min.nano()) {
                self.limit = Some(min.clone());
            }
            self.request = min;
        }
        if let Some(ratio) = ratio {
            let limit = self.limit.get_or_insert_with(|| self.forced.clone()).clone();
            let over = self.request.nano().saturating_mul(ratio.nano()) < limit.nano().saturating_mul(1_000_000_000);
            if over {
                because(format!(
                    "allows a {resource} limit of at most {ratio} times the request: {limit} is requested"
                ));
                self.request = limit;
            }
        }
        if let Some(limit) = self.limit.clone().filter(|limit| limit.nano() < self.request.nano()) {
            self.request = limit;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn range(item: Value) -> Value {
        let mut item = item;
        item["type"] = "Container".into();
        json!({ "metadata": { "name": "r" }, "spec": { "limits": [item] } })
    }

    fn written(fitting: &Fitting) -> Vec<(&str, &str)> {
        fitting.annotations.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    #[test]
    fn nothing_is_forced_where_nothing_asks() {
        assert_eq!(fit(&[], &[]), Fitting::default());
        let requests_only =
            json!({ "metadata": { "name": "q" }, "spec": { "hard": { "requests.cpu": "4", "limits.memory": "1Gi" } } });
        assert_eq!(fit(&[requests_only], &[]), Fitting::default(), "the sidecar has a memory limit anyway");
    }

    #[test]
    fn a_quota_of_limits_forces_a_cpu_limit() {
        let quota = json!({ "metadata": { "name": "q" }, "spec": { "hard": { "limits.cpu": "4" } } });
        let fitting = fit(&[quota], &[]);
        assert_eq!(written(&fitting), [("logtap.io/cpu-limit", "100m")]);
        assert_eq!(fitting.reasons, ["quota q asks every container for a cpu limit"]);
    }

    #[test]
    fn limit_ranges_bound_both_sides() {
        let max = range(json!({ "max": { "cpu": "50m", "memory": "32Mi" } }));
        assert_eq!(written(&fit(&[], &[max])), [("logtap.io/cpu-limit", "50m"), ("logtap.io/memory-limit", "32Mi")]);
        let min = range(json!({ "min": { "cpu": "100m", "memory": "128Mi" } }));
        let expected = [
            ("logtap.io/cpu-request", "100m"),
            ("logtap.io/memory-limit", "128Mi"),
            ("logtap.io/memory-request", "128Mi"),
        ];
        assert_eq!(written(&fit(&[], &[min])), expected);
        let ratio = range(json!({ "maxLimitRequestRatio": { "memory": "2" } }));
        assert_eq!(written(&fit(&[], &[ratio])), [("logtap.io/memory-request", "64Mi")]);
    }
}
