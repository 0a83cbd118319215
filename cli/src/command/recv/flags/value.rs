//! What is written behind flags of `logtap recv`, read; and checks of it for settings that are kept in a
//! file, which must not ask the network or open anything.

use std::net::SocketAddr;
use std::time::Duration;

use logtap_capture::session::Fsync;
use logtap_receiver::config::Webhook;
use logtap_receiver::{EVENTS, WebhookAuth};
use logtap_redact::parse_selection;

use crate::error::CliError;

/// Where notifications go, each with what it is told.
///
/// # Errors
/// If an address or an event is none.
pub(super) fn webhooks(
    urls: Vec<String>,
    events: &[String],
    auth: Option<&WebhookAuth>,
) -> Result<Vec<Webhook>, CliError> {
    let events: Vec<String> =
        events.iter().map(|event| event.trim().to_owned()).filter(|event| !event.is_empty()).collect();
    check_events(&events)?;
    let urls = urls.into_iter().map(|url| url.trim().to_owned()).filter(|url| !url.is_empty());
    urls.map(|url| {
        if url.starts_with("http://") || url.starts_with("https://") {
            Ok(Webhook { url, events: events.clone(), auth: auth.cloned() })
        } else {
            // Not repeated here: such addresses hold secrets.
            Err(CliError::usage("--webhook-url must start with http:// or https://"))
        }
    })
    .collect()
}

/// Checks the names of events.
///
/// # Errors
/// If there is no such event.
pub(crate) fn check_events(events: &[String]) -> Result<(), CliError> {
    match events.iter().find(|event| !EVENTS.contains(&event.trim()) && !event.trim().is_empty()) {
        Some(unknown) => {
            Err(CliError::usage(format!("--webhook-events: no event {unknown:?}; there are {}", EVENTS.join(", "))))
        }
        None => Ok(()),
    }
}

/// Checks addresses of webhooks.
///
/// # Errors
/// If one is none.
pub(crate) fn check_webhooks(urls: &[String]) -> Result<(), CliError> {
    webhooks(urls.to_vec(), &[], None).map(drop)
}

/// Checks the selection of redaction rules.
///
/// # Errors
/// If there is no such rule.
pub(crate) fn check_redact(rules: &str) -> Result<(), CliError> {
    parse_selection(rules).map(drop).map_err(|error| CliError::usage(format!("--redact: {error}")))
}

/// Checks when written lines are made safe.
///
/// # Errors
/// If it is no such moment.
pub(crate) fn check_fsync(text: &str) -> Result<(), CliError> {
    parse_fsync(text).map(drop)
}

/// Checks the form of an address to listen on; names are not looked up.
///
/// # Errors
/// If it cannot be one.
pub(crate) fn check_listen(text: &str) -> Result<(), CliError> {
    let has_port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { Ok(()) } else { parse_listen(text).map(drop) }
}

/// An address to listen on; a name is looked up.
///
/// # Errors
/// If it is none.
pub(super) fn parse_listen(text: &str) -> Result<SocketAddr, CliError> {
    use std::net::ToSocketAddrs;
    let wrong = || {
        CliError::usage(format!(
            "--listen {text:?} is no address; write HOST:PORT, such as 127.0.0.1:3100, or :3100 for all interfaces"
        ))
    };
    match text.strip_prefix(':') {
        Some(port) => Ok(SocketAddr::from(([0, 0, 0, 0], port.parse().map_err(|_| wrong())?))),
        None => text.to_socket_addrs().map_err(|_| wrong())?.next().ok_or_else(wrong),
    }
}

/// When written lines are made safe.
///
/// # Errors
/// If it is no such moment.
pub(super) fn parse_fsync(text: &str) -> Result<Fsync, CliError> {
    match text {
        "always" => Ok(Fsync::Always),
        "never" => Ok(Fsync::Never),
        _ => parse_duration(text).filter(|every| *every >= Duration::from_millis(10)).map(Fsync::Every).ok_or_else(
            || {
                CliError::usage(format!(
                    "--fsync {text:?}: write always, never or an interval of at least 10ms, such as 1s"
                ))
            },
        ),
    }
}

/// `250ms`, `1s`, `1.5s`, `2m`, `4h`
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(at);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    } * number.parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(parse_listen(":3100").unwrap().to_string(), "0.0.0.0:3100");
        assert_eq!(parse_listen("[::1]:9").unwrap().to_string(), "[::1]:9");
        for wrong in ["3100", "x:y", ":x", ""] {
            assert!(parse_listen(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn intervals() {
        assert_eq!(parse_fsync("250ms").unwrap(), Fsync::Every(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1500)));
        for wrong in ["", "5", "1x", "-1s", "0ms"] {
            assert!(parse_fsync(wrong).is_err(), "{wrong}");
        }
    }
}
