//! The flags by which a receiver hands its capture out.

use clap::Args;
use logtap_receiver::stream::StreamConfig;

use super::{parse_duration, parse_listen};
use crate::error::CliError;

/// How the capture is handed out to whoever downloads it.
#[derive(Debug, Args)]
pub(super) struct StreamArgs {
    /// Hand the capture out by line numbers on this loopback address
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) stream_listen: Option<String>,
    /// End when nobody has read there for so long; 0 is never
    #[arg(long, default_value = "0", value_name = "DURATION", requires = "stream_listen")]
    unused_for: String,
}

impl StreamArgs {
    /// What was typed, made into what to do.
    pub(super) fn into_config(self) -> Result<Option<StreamConfig>, CliError> {
        let Some(text) = self.stream_listen else { return Ok(None) };
        let listen = parse_listen(&text)?;
        if !listen.ip().is_loopback() {
            return Err(CliError::usage(format!(
                "--stream-listen {text}: only a loopback address; who connects there may read everything"
            )));
        }
        let unused_for = match self.unused_for.as_str() {
            "0" | "0s" => None,
            text => Some(parse_duration(text).ok_or_else(|| {
                CliError::usage(format!("--unused-for {text:?} is no duration; write 30m or 4h, or 0"))
            })?),
        };
        Ok(Some(StreamConfig { listen, unused_for }))
    }
}
