//! Notifications to webhooks: delivered in order by one thread, tried again,
//! and awaited at the end.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::Webhook;

/// Notifications that wait; further ones are lost with a warning.
const WAITING: usize = 256;
const ATTEMPTS: u32 = 3;
const TIMEOUT: Duration = Duration::from_secs(5);

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

/// Something to tell. Event names as in 1.x (`start`, `stop`, `rotation`,
/// `error`, `disk-warning`, `alert`) and `drops`.
#[derive(Debug, Clone)]
pub struct Notification {
    /// Name of the event.
    pub event: &'static str,
    /// The whole JSON object.
    pub body: String,
}

impl Notification {
    /// A notification that happens now.
    #[must_use]
    pub fn new(event: &'static str, dir: &str, stats: serde_json::Value, detail: Option<&str>) -> Self {
        let mut object = serde_json::json!({
            "event": event,
            "timestamp": logtap_capture::time::format(logtap_capture::time::now()),
            "dir": dir,
            "stats": stats,
        });
        if let Some(detail) = detail {
            object["detail"] = detail.into();
        }
        Self { event, body: object.to_string() }
    }
}

/// The sending side; dropping it ends the thread after what waits is delivered.
#[derive(Debug)]
pub(crate) struct Notifier {
    sender: Option<SyncSender<Notification>>,
    thread: Option<JoinHandle<()>>,
}

impl Notifier {
    pub(crate) fn start(webhooks: Vec<Webhook>) -> std::io::Result<Self> {
        if webhooks.is_empty() {
            return Ok(Self { sender: None, thread: None });
        }
        let (sender, receiver) = sync_channel(WAITING);
        let thread =
            std::thread::Builder::new().name("notifier".to_owned()).spawn(move || deliver_all(&webhooks, &receiver))?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    pub(crate) fn send(&self, notification: Notification) {
        if let Some(sender) = &self.sender
            && let Err(error) = sender.try_send(notification)
        {
            tracing::warn!("a webhook notification is lost: {error}");
        }
    }

    /// Delivers what waits; bounded by attempts and time-outs.
    pub(crate) fn finish(mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the webhook thread failed");
        }
    }
}

fn deliver_all(webhooks: &[Webhook], notifications: &Receiver<Notification>) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(true).build().into();
    for notification in notifications {
        for webhook in webhooks {
            if webhook.events.is_empty() || webhook.events.iter().any(|event| event == notification.event) {
                deliver(&agent, webhook, &notification);
            }
        }
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
            Err(_) => std::thread::sleep(Duration::from_millis(200) * attempt),
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
