//! Lists, then watches, for ever; metadata only, so that a namespace costs a few hundred bytes.

use std::collections::HashSet;
use std::fmt::Debug;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::PartialObjectMeta;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use tokio::time::Instant;

use super::{ClusterError, call};

/// Objects in one answer.
const PAGE: u32 = 250;
/// Seconds after which the API server ends a watch, so that one that went dead is noticed soon.
const WATCH: u32 = 60;
/// How long a watch may be silent: it should have ended before.
const SILENCE: Duration = Duration::from_secs(75);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(30);
const GONE: u16 = 410;

/// Who is told.
pub(crate) trait Observer: Send {
    /// An object is there, or changed.
    fn applied(&mut self, object: &ObjectMeta);
    /// An object is gone.
    fn deleted(&mut self, name: &str);
    /// The objects of these names are all there are.
    fn listed(&mut self, names: &HashSet<String>);
    /// Nothing is heard for a while.
    fn failed(&mut self, error: &ClusterError);
}

/// Tells an observer of all objects that a field selector chooses (all, if it is empty).
pub(crate) async fn follow<K>(api: Api<K>, fields: &str, mut observer: impl Observer)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match list(&api, fields, &mut observer).await {
            Ok(version) => {
                pause = FIRST_PAUSE;
                match watch(&api, fields, version, &mut observer).await {
                    Ok(()) => {
                        tokio::time::sleep(FIRST_PAUSE).await;
                        continue;
                    }
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        observer.failed(&error);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

async fn list<K>(api: &Api<K>, fields: &str, observer: &mut impl Observer) -> Result<String, ClusterError>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let mut params = ListParams::default().fields(fields).limit(PAGE);
    let mut names = HashSet::new();
    loop {
        let page = call(api.list_metadata(&params)).await?;
        for one in &page.items {
            names.extend(one.metadata.name.clone());
            observer.applied(&one.metadata);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => {
                observer.listed(&names);
                return Ok(page.metadata.resource_version.unwrap_or_default());
            }
        }
    }
}

/// Watches from a version on; returns when that version is too old to go on from.
async fn watch<K>(
    api: &Api<K>,
    fields: &str,
    mut version: String,
    observer: &mut impl Observer,
) -> Result<(), ClusterError>
where
    K: Resource + Clone + DeserializeOwned + Debug + 'static,
    K::DynamicType: Default,
{
    let params = WatchParams { bookmarks: true, ..WatchParams::default().fields(fields).timeout(WATCH) };
    loop {
        let began = Instant::now();
        let events = call(api.watch_metadata(&params, &version)).await?;
        let mut events = std::pin::pin!(events);
        while let Some(event) = tokio::time::timeout(SILENCE, events.next())
            .await
            .map_err(|_| ClusterError::Failed("a watch went silent".to_owned()))?
        {
            match event.map_err(ClusterError::from)? {
                WatchEvent::Added(one) | WatchEvent::Modified(one) => {
                    keep(&mut version, &one);
                    observer.applied(&one.metadata);
                }
                WatchEvent::Deleted(one) => {
                    keep(&mut version, &one);
                    observer.deleted(one.metadata.name.as_deref().unwrap_or_default());
                }
                WatchEvent::Bookmark(mark) => version = mark.metadata.resource_version,
                WatchEvent::Error(status) if status.code == GONE => return Ok(()),
                WatchEvent::Error(status) => return Err(kube::Error::Api(status).into()),
            }
        }
        // A server that ends watches at once is not asked again at once.
        tokio::time::sleep(FIRST_PAUSE.saturating_sub(began.elapsed())).await;
    }
}

fn keep<K>(version: &mut String, object: &PartialObjectMeta<K>) {
    if let Some(newer) = &object.metadata.resource_version {
        version.clone_from(newer);
    }
}
