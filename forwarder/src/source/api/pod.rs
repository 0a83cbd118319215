//! What the API server knows about our pod: its containers, and which of them are over.

use serde_json::Value;

/// A pod as the API server gives it.
#[derive(Debug)]
pub(crate) struct Pod {
    raw: Value,
}

/// One life of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// How often the container was started again before it.
    pub(crate) restarts: u64,
    /// Whether it is not over yet.
    pub(crate) runs: bool,
    /// Whether it is over and the next one is waited for. The log "before" is that of this life then.
    pub(crate) waits: bool,
}

/// One container of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: String,
    /// Whether it belongs to the app: the pod lives as long as these do.
    pub(crate) is_app: bool,
    /// Whether it is started again whenever it ends.
    is_sidecar: bool,
    /// Whether somebody added it to look at the pod: it is never started again.
    is_ephemeral: bool,
}

impl Pod {
    pub(crate) fn new(raw: Value) -> Self {
        Self { raw }
    }

    /// All containers, ephemeral ones included.
    pub(crate) fn containers(&self) -> Vec<Container> {
        let list = |key: &'static str, is_app: bool| {
            let all = self.raw["spec"][key].as_array().map(Vec::as_slice).unwrap_or_default();
            all.iter().filter_map(move |one| {
                let is_sidecar = one["restartPolicy"] == "Always";
                let is_ephemeral = key == "ephemeralContainers";
                Some(Container { name: one["name"].as_str()?.to_owned(), is_app, is_sidecar, is_ephemeral })
            })
        };
        let all = list("initContainers", false).chain(list("containers", true));
        all.chain(list("ephemeralContainers", false)).collect()
    }

    /// Whether a container has ended and will not be started again.
    pub(crate) fn is_over(&self, name: &str) -> bool {
        let Some(container) = self.containers().into_iter().find(|one| one.name == name) else { return false };
        let Some(code) = self.exit_code(name) else { return false };
        match self.raw["spec"]["restartPolicy"].as_str() {
            _ if container.is_sidecar => false,
            _ if container.is_ephemeral => true,
            Some("Never") => true,
            Some("OnFailure") => code == 0,
            _ => !container.is_app && code == 0,
        }
    }

    /// Whether the app may ever be over: a pod of a Job, and not one whose containers are always started
    /// again.
    pub(crate) fn may_end(&self) -> bool {
        matches!(self.raw["spec"]["restartPolicy"].as_str(), Some("Never" | "OnFailure"))
    }

    /// What a container does, and how often it was started again.
    pub(crate) fn life(&self, name: &str) -> Option<Life> {
        let status = self.status(name)?;
        let restarts = status["restartCount"].as_u64()?;
        let runs = status["state"]["running"].is_object();
        let waits = status["state"]["waiting"].is_object() && status["lastState"]["terminated"].is_object();
        Some(Life { restarts, runs, waits })
    }

    fn exit_code(&self, name: &str) -> Option<i64> {
        self.status(name)?["state"]["terminated"]["exitCode"].as_i64()
    }

    fn status(&self, name: &str) -> Option<&Value> {
        let status = &self.raw["status"];
        let lists = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];
        lists.iter().filter_map(|key| status[*key].as_array()).flatten().find(|one| one["name"] == name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(policy: &str, code: i64) -> Pod {
        let ended = |name: &str| json!({ "name": name, "state": { "terminated": { "exitCode": code } } });
        Pod::new(json!({
            "spec": {
                "restartPolicy": policy,
                "initContainers": [{ "name": "init" }, { "name": "mesh", "restartPolicy": "Always" }],
                "containers": [{ "name": "app" }, { "name": "busy" }],
                "ephemeralContainers": [{ "name": "look" }],
            },
            "status": {
                "initContainerStatuses": [ended("init"), ended("mesh")],
                "containerStatuses": [ended("app"), { "name": "busy", "state": { "running": {} } }],
            },
        }))
    }

    #[test]
    fn init_containers_come_first() {
        let all = pod("Always", 0).containers();
        let names: Vec<(&str, bool)> = all.iter().map(|one| (one.name.as_str(), one.is_app)).collect();
        let expected = [("init", false), ("mesh", false), ("app", true), ("busy", true), ("look", false)];
        assert_eq!(names, expected);
    }

    #[test]
    fn only_a_policy_lets_an_app_end() {
        assert_eq!(["Always", "OnFailure", "Never"].map(|policy| pod(policy, 0).may_end()), [false, true, true]);
        assert!(!Pod::new(json!({})).may_end(), "the API server's own default is Always");
    }

    #[test]
    fn over_is_what_no_policy_starts_again() {
        let over = |policy, code| ["init", "mesh", "app", "busy", "gone"].map(|name| pod(policy, code).is_over(name));
        assert_eq!(over("Always", 0), [true, false, false, false, false]);
        assert_eq!(over("Always", 1), [false; 5]);
        assert_eq!(over("OnFailure", 0), [true, false, true, false, false]);
        assert_eq!(over("OnFailure", 1), [false; 5]);
        assert_eq!(over("Never", 1), [true, false, true, false, false]);
    }
}
