//! Whose pod a sender is, as the cluster says and not as the sender does.
//!
//! A token is looked at by one thread, which may ask the cluster; what it found
//! is remembered for a while, so that a pod that pushes every second is asked
//! about once a minute.

pub mod keys;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};

/// How long a pod is believed to be what the cluster said.
const KNOWN: Duration = Duration::from_secs(60);
/// How long a refusal holds.
const REFUSED: Duration = Duration::from_secs(10);
/// Longest wait for the cluster's word; the sender is asked to come again then.
const PATIENCE: Duration = Duration::from_secs(5);
/// Verdicts remembered; all are forgotten when there are more.
const MAX_KNOWN: usize = 16_384;
/// Tokens that wait to be looked at.
const WAITING: usize = 1024;
/// Longest token that is looked at, bytes; those of clusters have about 1,300.
const MAX_TOKEN: usize = 16 << 10;

/// A pod as the cluster knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID, which no other pod ever has.
    pub uid: String,
}

/// What there is to say about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is a pod's.
    Pod(Arc<Pod>),
    /// It is good for nothing here, for this reason.
    Refused(String),
    /// Nobody can tell right now, for this reason.
    Unavailable(String),
}

/// Tells whose a token is.
pub trait Verify: Send {
    /// May take its time; called from one thread, one token after the other.
    fn verify(&mut self, token: &str) -> Verdict;
}

type Key = [u8; 32];

/// Verdicts, and the way to new ones.
#[derive(Debug)]
pub(crate) struct Identities {
    known: Arc<Mutex<HashMap<Key, (Instant, Verdict)>>>,
    asked: mpsc::Sender<(Key, String, oneshot::Sender<Verdict>)>,
}

impl Identities {
    /// Starts the thread, which ends when this is dropped.
    pub(crate) fn start(mut verify: Box<dyn Verify>) -> io::Result<Self> {
        let (asked, mut questions) = mpsc::channel::<(Key, String, oneshot::Sender<Verdict>)>(WAITING);
        let known: Arc<Mutex<HashMap<Key, (Instant, Verdict)>>> = Arc::default();
        let mine = known.clone();
        std::thread::Builder::new().name("identity".to_owned()).spawn(move || {
            while let Some((key, token, answer)) = questions.blocking_recv() {
                if answer.is_closed() {
                    continue;
                }
                let verdict = recall(&mine, &key).unwrap_or_else(|| {
                    let verdict = verify.verify(&token);
                    remember(&mine, key, &verdict);
                    verdict
                });
                if answer.send(verdict).is_err() {
                    tracing::trace!("the sender no longer waits");
                }
            }
        })?;
        Ok(Self { known, asked })
    }

    /// Whose the token of a request is; `None` if there is none.
    pub(crate) async fn of(&self, headers: &HeaderMap) -> Option<Verdict> {
        let token = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let token =
            token.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer ")).map(|_| token[7..].trim())?;
        if token.is_empty() || token.len() > MAX_TOKEN {
            return None;
        }
        let key: Key = Sha256::digest(token).into();
        if let Some(verdict) = recall(&self.known, &key) {
            return Some(verdict);
        }
        let (answer, verdict) = oneshot::channel();
        if self.asked.try_send((key, token.to_owned(), answer)).is_err() {
            return Some(Verdict::Unavailable("too many senders wait to be identified".to_owned()));
        }
        match tokio::time::timeout(PATIENCE, verdict).await {
            Ok(Ok(verdict)) => Some(verdict),
            Ok(Err(_)) | Err(_) => Some(Verdict::Unavailable("the cluster does not answer".to_owned())),
        }
    }
}

fn lock(known: &Mutex<HashMap<Key, (Instant, Verdict)>>) -> MutexGuard<'_, HashMap<Key, (Instant, Verdict)>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

fn recall(known: &Mutex<HashMap<Key, (Instant, Verdict)>>, key: &Key) -> Option<Verdict> {
    let known = lock(known);
    let (since, verdict) = known.get(key)?;
    let holds = match verdict {
        Verdict::Pod(_) => KNOWN,
        Verdict::Refused(_) => REFUSED,
        Verdict::Unavailable(_) => return None,
    };
    (since.elapsed() < holds).then(|| verdict.clone())
}

fn remember(known: &Mutex<HashMap<Key, (Instant, Verdict)>>, key: Key, verdict: &Verdict) {
    let mut known = lock(known);
    if known.len() >= MAX_KNOWN {
        known.clear();
    }
    known.insert(key, (Instant::now(), verdict.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counts(Arc<Mutex<u64>>);

    impl Verify for Counts {
        fn verify(&mut self, token: &str) -> Verdict {
            *self.0.lock().unwrap() += 1;
            match token {
                "pod" => Verdict::Pod(Arc::new(Pod { namespace: "ns".into(), name: "web".into(), uid: "1".into() })),
                "away" => Verdict::Unavailable("no cluster".to_owned()),
                _ => Verdict::Refused("unknown".to_owned()),
            }
        }
    }

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[tokio::test]
    async fn the_cluster_is_asked_once_about_a_token() {
        let asked = Arc::new(Mutex::new(0));
        let identities = Identities::start(Box::new(Counts(asked.clone()))).unwrap();
        for _ in 0..3 {
            assert!(matches!(identities.of(&headers("Bearer pod")).await, Some(Verdict::Pod(_))));
            assert!(matches!(identities.of(&headers("bearer  other")).await, Some(Verdict::Refused(_))));
        }
        assert_eq!(*asked.lock().unwrap(), 2);
        for _ in 0..3 {
            assert!(matches!(identities.of(&headers("Bearer away")).await, Some(Verdict::Unavailable(_))));
        }
        assert_eq!(*asked.lock().unwrap(), 5, "nobody's word is remembered where there was none");
        for none in ["Basic pod", "Bearer", "Bearer "] {
            assert_eq!(identities.of(&headers(none)).await, None, "{none:?}");
        }
    }
}
