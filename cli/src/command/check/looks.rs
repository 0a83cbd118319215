//! What `check` looks at in the namespace: switches, production, quotas, mesh, rights of forwarders,
//! a rehearsed pod, image and target.

use logtap_inject::NamespaceSwitch;
use logtap_inject::vocabulary::{annotation, label, object};
use serde_json::Value;

use crate::cluster::resource::{LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, QUOTA, ROLE_BINDING, label as label_of, text};
use crate::cluster::{Cluster, ClusterError, Resource};
use crate::error::CliError;
use crate::preflight::{
    Check, Installation, Probe, Rehearsal, State, authority, fit, in_cluster, meshes, probe, rehearse, sample,
    settings_of, url,
};

/// A target for the rehearsal, where none is known: nothing ever connects to it.
const NOWHERE: &str = "http://logtap.invalid";

pub(super) fn all(
    cluster: &Cluster,
    installed: &Installation,
    target: Option<&str>,
    run_probe: bool,
) -> Result<Vec<Check>, CliError> {
    let mut checks = Vec::new();
    let name = cluster.namespace();
    let namespace = match cluster.get(NAMESPACE, "", name) {
        Ok(Some(found)) => found,
        Ok(None) => {
            checks.push(Check::new("namespace", State::Failed, format!("there is no namespace {name}")));
            return Ok(checks);
        }
        Err(error) if error.is_denied() => {
            checks.push(Check::new("namespace", State::NotChecked, format!("you may not read namespace {name}")));
            Value::default()
        }
        Err(error) => return Err(error.into()),
    };
    if !namespace.is_null() {
        checks.extend(switches(&namespace));
    }
    checks.push(resources(cluster)?);
    checks.extend(network(cluster)?);
    checks.push(grants(cluster, installed)?);
    let known = known_target(cluster, installed, &namespace, target)?;
    checks.push(match &known {
        Ok((url, _)) => Check::new("target", State::Ok, format!("lines go to {url} unless a tap says otherwise")),
        Err(why) => Check::new("target", State::Warning, why.clone()).hint("taps name one with --target"),
    });
    let known = known.ok();
    let mut pod = sample(Some(known.as_ref().map_or(NOWHERE, |(url, _)| url)));
    if let Some((_, Some(authority))) = &known {
        pod["metadata"]["annotations"][annotation::TARGET_CA] = authority.as_str().into();
    }
    let (check, rehearsed) = admitted(rehearse(cluster, name, &pod, &sample(None))?);
    checks.push(check);
    checks.push(reached(cluster, rehearsed.as_deref().filter(|_| run_probe && known.is_some()))?);
    Ok(checks)
}

/// What the namespace itself says.
fn switches(namespace: &Value) -> Vec<Check> {
    let settings = settings_of(namespace);
    let mut checks = vec![match settings.switch() {
        NamespaceSwitch::Veto(by) => {
            Check::new("namespace", State::Failed, format!("the namespace forbids taps ({by})"))
                .hint("its owner removes that")
        }
        NamespaceSwitch::On => Check::new("namespace", State::Ok, "every new pod of the namespace opts in"),
        NamespaceSwitch::Unset => Check::new("namespace", State::Ok, "pods opt in one by one"),
        NamespaceSwitch::Invalid(key, value) => Check::new(
            "namespace",
            State::Failed,
            format!("{key}: {value:?} is neither true nor false; no pod opts in by it"),
        ),
    }];
    if settings.mirror_missed() {
        let why = format!(
            "its label {} is not what its annotation says: the webhook was away when that was written",
            label::TAP
        );
        let again = format!("kubectl annotate namespace {} --overwrite {}=…", text(namespace, "name"), annotation::TAP);
        checks.push(Check::new("mirror", State::Failed, why).hint(format!("write the annotation again: {again}")));
    }
    if let Some(by) = settings.prod() {
        let why = format!("the namespace looks like production ({by}): taps need --allow-prod");
        checks.push(Check::new("production", State::Warning, why));
    }
    if let Some(level) = label_of(namespace, label::POD_SECURITY) {
        let fits = "the forwarder meets all levels; source `node` needs privileged and falls back to `api`";
        checks.push(Check::new("pod_security", State::Ok, format!("{level}: {fits}")));
    }
    for mesh in meshes(&Value::Null, namespace) {
        let why = format!(
            "{mesh} takes connections of pods over: tap adds the forwarder's ports to its list of ports to leave alone"
        );
        checks.push(Check::new("mesh", State::Warning, why));
    }
    checks
}

fn readable(result: Result<Vec<Value>, ClusterError>) -> Result<Option<Vec<Value>>, CliError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_denied() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn list(cluster: &Cluster, what: Resource) -> Result<Option<Vec<Value>>, CliError> {
    readable(cluster.list(what, cluster.namespace(), ""))
}

fn resources(cluster: &Cluster) -> Result<Check, CliError> {
    let (quotas, ranges) = (list(cluster, QUOTA)?, list(cluster, LIMIT_RANGE)?);
    let (Some(quotas), Some(ranges)) = (quotas, ranges) else {
        return Ok(Check::new("quota", State::NotChecked, "you may not read quotas and limit ranges"));
    };
    let fitting = fit(&quotas, &ranges);
    if fitting.reasons.is_empty() {
        let count = quotas.len() + ranges.len();
        return Ok(Check::new("quota", State::Ok, format!("{count} quotas and limit ranges ask nothing special")));
    }
    let written: Vec<String> = fitting.annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let hint = format!("tap writes {} by itself; whoever annotates by hand does it too", written.join(" "));
    Ok(Check::new("quota", State::Warning, fitting.reasons.join("; ")).hint(hint))
}

fn network(cluster: &Cluster) -> Result<Option<Check>, CliError> {
    let policies = list(cluster, NETWORK_POLICY)?.unwrap_or_default();
    let egress =
        |policy: &&Value| policy["spec"]["policyTypes"].as_array().into_iter().flatten().any(|one| one == "Egress");
    let names: Vec<&str> = policies.iter().filter(egress).map(|policy| text(policy, "name")).collect();
    Ok((!names.is_empty()).then(|| {
        let why = format!("network policies restrict what pods connect to: {}", names.join(", "));
        Check::new("network", State::Warning, why)
            .hint("forwarders need the API server and the target; --probe shows whether the target is reached")
    }))
}

fn grants(cluster: &Cluster, installed: &Installation) -> Result<Check, CliError> {
    let name = "forwarder_rights";
    let bound = match cluster.get(ROLE_BINDING, cluster.namespace(), object::FORWARDER_ROLE) {
        Ok(found) => found.is_some(),
        Err(error) if error.is_denied() => false,
        Err(error) => return Err(error.into()),
    };
    Ok(match installed.grants {
        _ if bound => Check::new(name, State::Ok, "forwarders may read logs in this namespace"),
        Some(true) => Check::new(name, State::Ok, "the webhook lets forwarders read logs once a pod is tapped"),
        Some(false) => {
            Check::new(name, State::Warning, "nobody lets forwarders read logs here yet; tap does, if you may")
        }
        None => Check::new(name, State::NotChecked, "you may not see whether the webhook lets forwarders read logs"),
    })
}

/// Where lines would go and the certificates by which that is known, or why nobody knows.
fn known_target(
    cluster: &Cluster,
    installed: &Installation,
    namespace: &Value,
    asked: Option<&str>,
) -> Result<Result<(String, Option<String>), String>, CliError> {
    let own = |key| crate::cluster::resource::annotation(namespace, key);
    let inherited = own(annotation::TARGET);
    let said = asked.or(inherited).or(installed.variable("LOGTAP_DEFAULT_TARGET"));
    let may_be_known = said.is_none_or(|said| said.contains(".svc"));
    let found = if may_be_known { in_cluster(cluster, &installed.namespace)? } else { Vec::new() };
    let address = |service: &Value| (url(service), authority(service).map(str::to_owned));
    Ok(match (said, found.as_slice()) {
        (Some(said), found) => {
            let theirs = found.iter().map(address).find(|(url, _)| url == said).and_then(|(_, authority)| authority);
            let given = own(annotation::TARGET_CA).filter(|_| inherited == Some(said)).map(str::to_owned);
            Ok((said.to_owned(), given.or(theirs)))
        }
        (None, []) => Err("there is no default target and no receiver in the cluster".to_owned()),
        (None, [one]) => Ok(address(one)),
        (None, many) => Err(format!("there are {} receivers in the cluster", many.len())),
    })
}

fn admitted(found: Rehearsal) -> (Check, Option<Box<Value>>) {
    let name = "rehearsal";
    match found {
        Rehearsal::Tapped { pod, warnings } => {
            let said = if warnings.is_empty() { String::new() } else { format!(" ({})", warnings.join("; ")) };
            (Check::new(name, State::Ok, format!("a pod that asks for a forwarder would get one{said}")), Some(pod))
        }
        Rehearsal::Untapped(why) => {
            (Check::new(name, State::Failed, format!("a pod that asks for a forwarder would get none: {why}")), None)
        }
        Rehearsal::Refused { why, anyway } => {
            let state = if anyway { State::Warning } else { State::Failed };
            (Check::new(name, state, format!("a sample pod would be refused: {why}")), None)
        }
        Rehearsal::NotAllowed => (Check::new(name, State::NotChecked, "you may not create pods"), None),
    }
}

/// Whether image and target are reached from inside the cluster.
fn reached(cluster: &Cluster, rehearsed: Option<&Value>) -> Result<Check, CliError> {
    let name = "probe";
    let Some(pod) = rehearsed else {
        let why = "whether the image can be pulled and the target reached";
        return Ok(
            Check::new(name, State::NotChecked, why).hint("--probe runs a pod that shows it, once a target is known")
        );
    };
    Ok(match probe(cluster, cluster.namespace(), pod)? {
        Probe::Good(said) => Check::new(name, State::Ok, said),
        Probe::Bad(why) => Check::new(name, State::Failed, why),
        Probe::NotRun(why) => Check::new(name, State::NotChecked, why),
    })
}
