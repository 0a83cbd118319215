//! The Kubernetes API as the commands use it: plain calls that wait, objects as JSON.
//!
//! Objects are never decoded into types, so that fields newer than this program survive, and so that
//! the pure plans of `logtap-inject` can read them as they are.

mod args;
mod call;
mod error;
pub(crate) mod resource;
mod rights;
mod tunnel;

use std::cell::RefCell;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(crate) use args::{ClusterArgs, WaitArgs};
pub(crate) use call::Answer;
pub(crate) use error::ClusterError;
pub(crate) use resource::Resource;
pub(crate) use rights::Right;
pub(crate) use tunnel::{Heard, Signals, Tunnel};

use crate::error::{CliError, Kind};
use call::Call;

/// Who writes, as server-side apply records it.
const MANAGER: &str = logtap_inject::vocabulary::object::FIELD_MANAGER;
/// Objects in one answer.
const PAGE: u32 = 500;

/// A cluster and the namespace that was chosen in it.
pub(crate) struct Cluster {
    runtime: Runtime,
    client: kube::Client,
    namespace: String,
    interrupts: RefCell<Option<Signal>>,
}

impl Cluster {
    /// Finds the cluster that flags and environment name. Asks it nothing yet.
    ///
    /// # Errors
    /// If there is no usable kubeconfig.
    pub(crate) fn connect(args: &ClusterArgs) -> Result<Self, CliError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = KubeConfigOptions { context: args.context.clone(), ..KubeConfigOptions::default() };
        let unknown = |error: String| {
            CliError::new(Kind::NotFound, format!("no cluster is known: {error}"))
                .hint("name one with --kubeconfig, --context or $KUBECONFIG")
        };
        let found = runtime.block_on(async {
            match &args.kubeconfig {
                Some(path) => {
                    let file = Kubeconfig::read_from(path).map_err(|error| unknown(error.to_string()))?;
                    let config = kube::Config::from_custom_kubeconfig(file, &options).await;
                    config.map_err(|error| unknown(error.to_string()))
                }
                None if args.context.is_some() => {
                    kube::Config::from_kubeconfig(&options).await.map_err(|error| unknown(error.to_string()))
                }
                None => kube::Config::infer().await.map_err(|error| unknown(error.to_string())),
            }
        });
        let mut config = found?;
        config.connect_timeout = Some(call::CONNECT);
        let usual = args.usual_namespace.clone().filter(|name| !name.is_empty());
        let named = args.namespace.clone().or(usual);
        let namespace = named.unwrap_or_else(|| config.default_namespace.clone());
        let _inside = runtime.enter();
        let client = kube::Client::try_from(config)
            .map_err(|error| CliError::new(Kind::Internal, format!("the kubeconfig cannot be used: {error}")))?;
        Ok(Self { runtime, client, namespace, interrupts: RefCell::new(None) })
    }

    /// The namespace to work in: that of `--namespace`, or of the kubeconfig's context.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// An object, or `None` where there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn get(&self, what: Resource, namespace: &str, name: &str) -> Result<Option<Value>, ClusterError> {
        match self.call(&Call::get(what.path(namespace, Some(name)))) {
            Ok(answer) => Ok(Some(answer.object)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Objects of a namespace (of all where it is empty) with these labels. A kind that the cluster
    /// does not know has none.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub(crate) fn list(&self, what: Resource, namespace: &str, labels: &str) -> Result<Vec<Value>, ClusterError> {
        self.select(what, namespace, labels, "")
    }

    /// Events of a namespace with this reason.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub(crate) fn events(&self, namespace: &str, reason: &str) -> Result<Vec<Value>, ClusterError> {
        self.select(resource::EVENT, namespace, "", &format!("reason={reason}"))
    }

    fn select(&self, what: Resource, namespace: &str, labels: &str, fields: &str) -> Result<Vec<Value>, ClusterError> {
        let mut all = Vec::new();
        let mut next = String::new();
        loop {
            let mut call = Call::get(what.path(namespace, None)).query("limit", &PAGE.to_string());
            for (name, value) in [("labelSelector", labels), ("fieldSelector", fields), ("continue", &next)] {
                if !value.is_empty() {
                    call = call.query(name, value);
                }
            }
            let page = match self.call(&call) {
                Ok(answer) => answer.object,
                Err(error) if error.is_missing() => return Ok(all),
                Err(error) => return Err(error),
            };
            for item in page["items"].as_array().into_iter().flatten() {
                // Lists leave out what all their items have in common.
                let mut item = item.clone();
                item["apiVersion"] = what.api_version().into();
                item["kind"] = what.kind.into();
                all.push(item);
            }
            next = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
            if next.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Creates an object; as a rehearsal, nothing is kept. Warnings come with the answer.
    ///
    /// # Errors
    /// If the cluster refuses.
    pub(crate) fn create(
        &self,
        what: Resource,
        namespace: &str,
        object: &Value,
        rehearsal: bool,
    ) -> Result<Answer, ClusterError> {
        let mut call = Call::post(what.path(namespace, None), object).query("fieldManager", MANAGER);
        if rehearsal {
            call = call.query("dryRun", "All");
        }
        self.call(&call)
    }

    /// Server-side apply of what `object` says; fields that others hold are taken over.
    ///
    /// # Errors
    /// If the cluster refuses.
    pub(crate) fn apply(&self, object: &Value) -> Result<Value, ClusterError> {
        let (what, namespace, name) = resource::address(object)?;
        let call = Call::apply(what.path(namespace, Some(name)), object);
        Ok(self.call(&call.query("fieldManager", MANAGER).query("force", "true"))?.object)
    }

    /// A JSON merge patch.
    ///
    /// # Errors
    /// If the cluster refuses.
    pub(crate) fn merge(
        &self,
        what: Resource,
        namespace: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Value, ClusterError> {
        let call = Call::merge(what.path(namespace, Some(name)), patch).query("fieldManager", MANAGER);
        Ok(self.call(&call)?.object)
    }

    /// Deletes exactly this object, not one of the same name made since; false if it is gone already.
    ///
    /// # Errors
    /// If the cluster refuses.
    pub(crate) fn delete(&self, object: &Value) -> Result<bool, ClusterError> {
        let (what, namespace, name) = resource::address(object)?;
        let exactly = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
            "preconditions": { "uid": object["metadata"]["uid"] },
        });
        match self.call(&Call::delete(what.path(namespace, Some(name)), &exactly)) {
            Ok(_) => Ok(true),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Version of the API server, such as `v1.36.3`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn version(&self) -> Result<String, ClusterError> {
        let answer = self.call(&Call::get("/version".to_owned()))?;
        Ok(answer.object["gitVersion"].as_str().unwrap_or_default().to_owned())
    }

    /// The keys with which the cluster signs tokens, as a JSON Web Key Set.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn key_set(&self) -> Result<String, ClusterError> {
        // The API server answers 406 to whoever takes nothing but plain JSON.
        let call = Call::get("/openid/v1/jwks".to_owned()).accept("application/jwk-set+json");
        let (_, bytes) = self.runtime.block_on(call::fetch(&self.client, &call))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The metrics of a Service, read through the API server, which speaks TLS to it if told so.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn metrics(&self, namespace: &str, service: &str, port: u64, tls: bool) -> Result<String, ClusterError> {
        let services = resource::SERVICE.path(namespace, None);
        let path = format!("{services}/{}{service}:{port}/proxy/metrics", if tls { "https:" } else { "" });
        let (_, bytes) = self.runtime.block_on(call::fetch(&self.client, &Call::get(path)))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Waits; true if the person asked to end meanwhile (Ctrl+C).
    pub(crate) fn pause(&self, time: Duration) -> bool {
        // Listened to from the first wait on, so that none is lost between two.
        let mut interrupts = self.interrupts.take();
        let ended = self.runtime.block_on(async {
            if interrupts.is_none() {
                interrupts = signal(SignalKind::interrupt()).ok();
            }
            match interrupts.as_mut() {
                Some(interrupts) => tokio::time::timeout(time, interrupts.recv()).await.is_ok(),
                None => {
                    tokio::time::sleep(time).await;
                    false
                }
            }
        });
        self.interrupts.replace(interrupts);
        ended
    }

    fn call(&self, call: &Call) -> Result<Answer, ClusterError> {
        self.runtime.block_on(call::send(&self.client, call))
    }
}
