//! Waits until what was installed does its work, and shows it by a rehearsal: a pod that asks for a
//! forwarder would get one.

use std::time::{Duration, Instant};

use logtap_inject::vocabulary::object;

use super::ModeArg;
use super::objects::Wanted;
use crate::cluster::Cluster;
use crate::cluster::resource::{DEPLOYMENT, POD};
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::preflight::{Rehearsal, rehearse, sample};
use crate::workload::{Progress, progress, trouble};

const LOOK: Duration = Duration::from_millis(500);
/// A target for the rehearsal, where there is no default: nothing ever connects to it.
const NOWHERE: &str = "http://logtap.invalid";
/// Where the rehearsal takes place.
const NAMESPACE: &str = "default";

/// Waits, and says what was seen.
///
/// # Errors
/// With the reason, if it does not come about in time.
pub(super) fn until_serving(
    cluster: &Cluster,
    wanted: &Wanted,
    timeout: Duration,
    ui: &Ui,
) -> Result<String, CliError> {
    let (began, status) = (Instant::now(), ui.status());
    loop {
        let why = match unavailable(cluster, wanted)? {
            Some(why) => why,
            None => match rehearse(cluster, NAMESPACE, &sample(Some(NOWHERE)), &sample(None))? {
                Rehearsal::Tapped { .. } => {
                    status.clear();
                    return Ok("a rehearsed pod gets its forwarder".to_owned());
                }
                Rehearsal::NotAllowed => {
                    status.clear();
                    return Ok("not seen at work: you may not create pods".to_owned());
                }
                Rehearsal::Untapped(why) | Rehearsal::Refused { why, .. } => {
                    format!("a rehearsed pod gets no forwarder: {why}")
                }
            },
        };
        status.show(&why);
        if began.elapsed() >= timeout || cluster.pause(LOOK) {
            status.clear();
            return Err(CliError::new(Kind::Findings, format!("installed, but it does not serve: {why}"))
                .hint("logtap check tells more; installing again goes on from here"));
        }
    }
}

/// Why the webhook's pods are not all there.
fn unavailable(cluster: &Cluster, wanted: &Wanted) -> Result<Option<String>, CliError> {
    if wanted.mode == ModeArg::Policy {
        return Ok(None);
    }
    let Some(deployment) = cluster.get(DEPLOYMENT, &wanted.namespace, object::WEBHOOK)? else {
        return Ok(Some("somebody deleted its Deployment".to_owned()));
    };
    let (done, wanted_pods) = match progress(&deployment) {
        Progress::Going { done, wanted } => (done, wanted),
        Progress::Stuck(why) => return Ok(Some(why)),
        Progress::Done | Progress::Unmoved => return Ok(None),
    };
    let labels = format!("app.kubernetes.io/name={}", object::WEBHOOK);
    let pods = cluster.list(POD, &wanted.namespace, &labels)?;
    let more = pods.iter().find_map(trouble).map(|found| format!(": {}", found.line)).unwrap_or_default();
    Ok(Some(format!("{done} of {wanted_pods} pods of the webhook are ready{more}")))
}
