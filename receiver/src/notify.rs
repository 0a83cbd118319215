//! Notifications to webhooks: delivered in order by one thread for each
//! webhook, tried again, and awaited at the end for a bounded time.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::config::Webhook;

/// Names of all events, as in 1.x, and `drops`.
pub const EVENTS: [&str; 7] = ["start", "stop", "rotation", "error", "disk-warning", "alert", "drops"];

/// Notifications that wait for one webhook; further ones are lost with a warning.
const WAITING: usize = 256;
const ATTEMPTS: u32 = 5;
/// Pause before the second attempt; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a stop waits for what was not yet delivered.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// How a notification proves where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookAuth {
    /// `Authorization: Bearer …`
    Bearer(String),
    /// `X-Logtap-Signature: sha256=<hex HMAC of the body>`
    HmacSha256(String),
}

impl std::str::FromStr for WebhookAuth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("bearer", secret)) if !secret.is_empty() => Ok(Self::Bearer(secret.to_owned())),
            Some(("hmac-sha256", secret)) if !secret.is_empty() => Ok(Self::HmacSha256(secret.to_owned())),
            _ => Err("write bearer:<token> or hmac-sha256:<secret>".to_owned()),
        }
    }
}

/// Something to tell.
#[derive(Debug)]
pub(crate) struct Notification {
    event: &'static str,
    body: String,
}

impl Notification {
    /// One of [`EVENTS`] that happens now; `more` are further fields of the object.
    pub(crate) fn new(event: &'static str, dir: &str, stats: Value, more: &[(&str, Value)]) -> Self {
        let mut object = serde_json::json!({
            "event": event,
            "timestamp": logtap_capture::time::format(logtap_capture::time::now()),
            "dir": dir,
            "stats": stats,
        });
        for (name, value) in more {
            object[*name] = value.clone();
        }
        Self { event, body: object.to_string() }
    }
}

/// The sending side; dropping it ends the threads after what waits is delivered.
#[derive(Debug)]
pub(crate) struct Notifier {
    lines: Vec<Line>,
}

/// A webhook's queue, and what tells that its thread has ended.
#[derive(Debug)]
struct Line {
    events: Vec<String>,
    sender: SyncSender<Arc<Notification>>,
    ended: Receiver<()>,
}

impl Notifier {
    pub(crate) fn start(webhooks: Vec<Webhook>) -> std::io::Result<Self> {
        let mut lines = Vec::new();
        for webhook in webhooks {
            let (sender, receiver) = sync_channel(WAITING);
            let (alive, ended) = channel();
            let events = webhook.events.clone();
            std::thread::Builder::new().name("notifier".to_owned()).spawn(move || {
                deliver_all(&webhook, &receiver);
                drop::<std::sync::mpsc::Sender<()>>(alive);
            })?;
            lines.push(Line { events, sender, ended });
        }
        Ok(Self { lines })
    }

    /// Never waits.
    pub(crate) fn send(&self, notification: Notification) {
        let notification = Arc::new(notification);
        for line in &self.lines {
            let wanted = line.events.is_empty() || line.events.iter().any(|event| event == notification.event);
            if wanted && line.sender.try_send(notification.clone()).is_err() {
                tracing::warn!(event = notification.event, "a webhook notification is lost: too many wait");
            }
        }
    }

    /// Waits until everything is delivered or given up, but not for ever: a
    /// webhook that cannot be reached must not hold up the stop.
    pub(crate) fn finish(self) {
        let until = Instant::now() + LAST_WAIT;
        let waiting: Vec<Receiver<()>> = self.lines.into_iter().map(|line| line.ended).collect();
        for ended in waiting {
            let left = until.saturating_duration_since(Instant::now());
            if ended.recv_timeout(left) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                tracing::warn!("a webhook did not take all notifications within {LAST_WAIT:?}");
            }
        }
    }
}

fn deliver_all(webhook: &Webhook, notifications: &Receiver<Arc<Notification>>) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(true).build().into();
    for notification in notifications {
        deliver(&agent, webhook, &notification);
    }
}

fn deliver(agent: &ureq::Agent, webhook: &Webhook, notification: &Notification) {
    for attempt in 1..=ATTEMPTS {
        let mut request = agent
            .post(&webhook.url)
            .header("content-type", "application/json")
            .header("x-logtap-event", notification.event);
        match &webhook.auth {
            Some(WebhookAuth::Bearer(token)) => request = request.header("authorization", format!("Bearer {token}")),
            Some(WebhookAuth::HmacSha256(secret)) => {
                request =
                    request.header("x-logtap-signature", format!("sha256={}", signature(secret, &notification.body)));
            }
            None => {}
        }
        match request.send(&notification.body) {
            Ok(_) => return,
            Err(error) if attempt == ATTEMPTS => {
                tracing::warn!(event = notification.event, "webhook not delivered: {error}")
            }
            Err(_) => std::thread::sleep(PAUSE * (1 << (attempt - 1))),
        }
    }
}

/// Lower-case hex of the HMAC-SHA256 of the body.
fn signature(secret: &str, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_spellings() {
        assert_eq!("bearer:a:b".parse(), Ok(WebhookAuth::Bearer("a:b".to_owned())));
        assert!("basic:x".parse::<WebhookAuth>().is_err());
        assert!("bearer:".parse::<WebhookAuth>().is_err());
    }

    #[test]
    fn known_signature() {
        // RFC 4231, test case 2.
        assert_eq!(
            signature("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
