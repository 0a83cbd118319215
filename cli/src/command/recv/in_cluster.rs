//! `logtap recv --in-cluster`: a receiver in the cluster for the length of this command, and its lines
//! in a capture on this machine.

use std::time::Duration;

use clap::Args;
use logtap_inject::vocabulary::image;

use super::flags::Elsewhere;
use crate::cluster::{Cluster, ClusterArgs};
use crate::deployed::{self, Goal, Local, Pull, Pulled, Receiver, Wanted};
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::{size, when};

/// Flags that only matter inside a cluster.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Receiver in the cluster")]
pub(crate) struct InClusterArgs {
    /// Receive inside the cluster: a receiver is made there, and its lines come to --dir on this machine
    #[arg(long)]
    pub(crate) in_cluster: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) made: MadeArgs,
    /// Name of the receiver; made from the id of the capture unless given
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Most bytes that wait in the cluster while this machine is away; the oldest lines go first
    #[arg(long, default_value = "1GB", value_parser = size::parse, value_name = "SIZE")]
    pub(crate) spool: u64,
    /// Read from a receiver that somebody else made; it is left as it is in the end
    #[arg(long)]
    pub(crate) attach: bool,
}

/// What every receiver in a cluster is made with.
#[derive(Debug, Clone, Args)]
pub(crate) struct MadeArgs {
    /// Image of the receiver, with tag or digest
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Secret to pull the image with (can be repeated)
    #[arg(long = "pull-secret", value_name = "NAME")]
    pub(crate) pull_secrets: Vec<String>,
    /// Take lines from senders without a pod's token, too, and believe what they say they are
    #[arg(long)]
    pub(crate) no_auth: bool,
    /// The receiver removes itself when nobody has read from it for so long; 0 is never
    #[arg(long, default_value = "4h", value_name = "DURATION", value_parser = ttl)]
    pub(crate) ttl: Duration,
    /// Longest wait for the receiver to start
    #[arg(long, default_value = "3m", value_name = "DURATION", value_parser = ttl)]
    pub(crate) timeout: Duration,
}

fn ttl(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let length = when::duration(text).and_then(|ns| u64::try_from(ns).ok());
    length.map(Duration::from_nanos).ok_or_else(|| "write a duration such as 30m or 4h, or 0".to_owned())
}

impl MadeArgs {
    /// The image to use, where it is not the usual one. The README of 1.x named the forwarder's.
    pub(crate) fn image(&self, ui: &Ui) -> Option<String> {
        let last = |image: &str| image.rsplit('/').next().is_some_and(|last| last.starts_with("logtap-forwarder"));
        match &self.image {
            Some(image) if last(image) => {
                ui.note(format_args!(
                    "--image {image} is the image of forwarders; the receiver's, {}:{}, is used: leave --image out",
                    image::RECEIVER,
                    env!("CARGO_PKG_VERSION")
                ));
                None
            }
            other => other.clone(),
        }
    }

    /// How long a receiver waits for a reader; for ever without.
    pub(crate) fn ttl(&self) -> Option<Duration> {
        Some(self.ttl).filter(|ttl| !ttl.is_zero())
    }
}

/// Makes the receiver, or goes on with the one that this capture has, and brings its lines until told to
/// end; then the rest, and removes what it made.
///
/// # Errors
/// If there is no receiver to be had, lines cannot be written here, or not all came.
pub(super) fn run(args: InClusterArgs, elsewhere: Elsewhere, ui: &Ui) -> Result<(), CliError> {
    let cluster = Cluster::connect(&args.cluster)?;
    let mut signals = cluster.signals()?;
    let Elsewhere { dir, options, rx, flags, files } = elsewhere;
    let mut local = Local::open(&dir, options, rx)?;
    let id = local.id();
    let name = args.name.clone().unwrap_or_else(|| format!("logtap-receiver-{}", id.get(..8).unwrap_or(&id)));
    let found = deployed::find(&cluster, cluster.namespace(), &name)?;
    let (receiver, ours) = match found {
        Some(receiver) if receiver.is_for(&id) => {
            ui.note(format_args!("going on with receiver {}", receiver.title()));
            (receiver, true)
        }
        Some(receiver) if args.attach => (receiver, false),
        Some(receiver) => {
            return Err(CliError::usage(format!("receiver {} is {}'s", receiver.title(), receiver.owner()))
                .hint("--attach reads from it and leaves it there; --name makes another one"));
        }
        None if args.attach => {
            return Err(CliError::new(
                Kind::NotFound,
                format!("there is no receiver {name} in namespace {}", cluster.namespace()),
            ));
        }
        None => {
            let wanted = Wanted {
                name: name.clone(),
                namespace: cluster.namespace().to_owned(),
                owner: deployed::owner_title(),
                capture: Some(id.clone()),
                image: args.made.image(ui),
                pull_secrets: args.made.pull_secrets.clone(),
                spool: args.spool,
                ttl: args.made.ttl(),
                auth: !args.made.no_auth,
                flags,
                files,
            };
            (deployed::make(&cluster, &wanted)?, true)
        }
    };
    let ready = deployed::until_ready(&cluster, &receiver, args.made.timeout, &mut signals, ui);
    let outcome = match ready {
        Ok(true) => {
            greet(&cluster, &receiver, ours, &local, ui)?;
            let goal = if ours { Goal::UntilTold } else { Goal::Follow };
            Pull::new(&cluster, &receiver, &mut local, &mut signals, ui, goal)
                .run(|cluster| drain(cluster, &receiver, ui))
        }
        Ok(false) => Ok(Pulled::All),
        Err(error) => Err(error),
    };
    end(&cluster, &receiver, ours, local, outcome, ui)
}

fn greet(cluster: &Cluster, receiver: &Receiver, ours: bool, local: &Local, ui: &Ui) -> Result<(), CliError> {
    let url = receiver.url(cluster)?.unwrap_or_default();
    ui.note(format_args!("receiver {} listens on {url}", receiver.title()));
    let end = if ours { "ends it, brings the rest and removes it" } else { "leaves it as it is" };
    ui.note(format_args!("its lines come to {}; Ctrl+C {end}", local.dir().display()));
    ui.note(format_args!("tap something: logtap tap -n {} --deployment NAME --target {url}", receiver.namespace));
    Ok(())
}

/// Said once the person asks to end: what is tapped will find nobody.
fn drain(cluster: &Cluster, receiver: &Receiver, ui: &Ui) {
    let taps = receiver.url(cluster).ok().flatten().and_then(|url| deployed::taps_to(cluster, &url).ok());
    for tap in taps.unwrap_or_default() {
        ui.note(format_args!("still tapped to it: {tap}; logtap untap takes that back"));
    }
    ui.note("the receiver takes no more lines; what it has comes here (Ctrl+C once more leaves it there)");
}

fn end(
    cluster: &Cluster,
    receiver: &Receiver,
    ours: bool,
    local: Local,
    outcome: Result<Pulled, CliError>,
    ui: &Ui,
) -> Result<(), CliError> {
    // Safe here first, then removed there.
    let (dir, added) = (local.dir().to_owned(), local.added());
    let metadata = local.close()?;
    ui.note(format_args!("{added} lines in {}", dir.display()));
    if let Some(evicted) = &metadata.evicted {
        ui.note(format_args!("evicted {} lines in {} files to stay under the cap", evicted.lines, evicted.files));
    }
    let removal = format!("logtap deploy --remove -n {} --name {}", receiver.namespace, receiver.name);
    match outcome {
        Ok(Pulled::Gone(lost)) => Err(CliError::new(
            Kind::NotFound,
            format!("somebody removed receiver {}; {lost} lines that had not come went with it", receiver.title()),
        )),
        Ok(Pulled::Left(lines)) if ours => {
            let left = format!("receiver {} stays, with {lines} lines that have not come", receiver.title());
            Err(CliError::new(Kind::Internal, left)
                .hint("the same command goes on where it was")
                .hint(format!("{removal} removes it with what it has")))
        }
        Ok(Pulled::All | Pulled::Left(_)) if !ours => Ok(()),
        Ok(_) => {
            for title in deployed::remove(cluster, receiver)? {
                ui.note(format_args!("removed {title}"));
            }
            Ok(())
        }
        Err(error) => Err(error.hint(format!("receiver {} is still there: {removal} removes it", receiver.title()))),
    }
}
