//! The flags of `logtap recv`, and how they become a configuration. Flags of
//! 1.x are taken with their meaning, or with one line that says what changed.

mod elsewhere;
mod stream;
pub(crate) mod value;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use logtap_capture::session::Options;
use logtap_receiver::config::{Config, Limits, OnFull, TlsFiles, Verifier};
use logtap_receiver::{Alerts, WebhookAuth};
use logtap_redact::{Redactor, parse_patterns, parse_selection};

pub(crate) use elsewhere::{Elsewhere, tell};
use stream::StreamArgs;
use value::{parse_duration, parse_fsync, parse_listen, webhooks};

use super::attached::AttachedArgs;
use super::identity::ByCluster;
use super::in_cluster::InClusterArgs;
use super::key;
use crate::error::CliError;
use crate::output::Ui;
use crate::size;

/// Receive logs into a capture
///
/// Accepts Loki push (JSON and protobuf), OTLP/HTTP logs and newline-delimited
/// JSON. A line is acknowledged when its bytes are in the kernel; senders are
/// never kept waiting for the disk longer than --ack-timeout.
#[derive(Debug, Args)]
pub(crate) struct RecvArgs {
    /// Address to listen on; `:3100` means all interfaces
    #[arg(long, default_value = "127.0.0.1:3100", env = "LOGTAP_RECV_ADDR", value_name = "HOST:PORT")]
    listen: String,
    /// Capture directory; made if it does not exist
    #[arg(long, default_value = "./capture", env = "LOGTAP_RECV_DIR", value_name = "DIR")]
    pub(super) dir: PathBuf,
    /// Rotate files at this size (compressed); at most an eighth of --max-disk
    #[arg(long, default_value = "256MB", env = "LOGTAP_RECV_MAX_FILE", value_parser = size::parse, value_name = "SIZE")]
    max_file: u64,
    /// Most bytes in the directory; the oldest file goes first
    #[arg(long, default_value = "10GB", env = "LOGTAP_RECV_DISK_CAP", value_parser = size::parse, value_name = "SIZE")]
    max_disk: u64,
    /// When written lines are made safe against power loss: always, never or an interval such as 1s
    #[arg(long, default_value = "1s", env = "LOGTAP_RECV_FSYNC", value_name = "WHEN")]
    fsync: String,
    /// Redact before anything is stored: all rules, or those named (credit_card,email,jwt,bearer,ip_v4,ssn,phone)
    #[arg(long, num_args = 0..=1, default_missing_value = "true", env = "LOGTAP_RECV_REDACT", value_name = "RULES")]
    redact: Option<String>,
    /// YAML file of further rules (name, pattern, replacement); works alone too
    #[arg(long, env = "LOGTAP_RECV_REDACT_PATTERNS", value_name = "FILE")]
    redact_patterns: Option<PathBuf>,
    /// Replace equal values by equal tokens, such as `[REDACTED:email:3f9a1c2b]`
    #[arg(long)]
    redact_hash: bool,
    /// Key file for --redact-hash; must lie outside the capture [default: in the user's state directory]
    #[arg(long, value_name = "FILE", requires = "redact_hash")]
    redact_key_file: Option<PathBuf>,
    /// Write the receive time on every line, not only where it differs
    #[arg(long)]
    rx: bool,
    /// How long an answer waits for the disk
    #[arg(long, default_value = "250ms", value_name = "DURATION")]
    ack_timeout: String,
    /// What senders are told when lines cannot be kept: 204 and a count, or 429
    #[arg(long, value_enum, default_value = "drop", env = "LOGTAP_RECV_ON_FULL")]
    on_full: OnFullArg,
    /// Bytes of lines that may wait for the writer
    #[arg(long, default_value = "48MB", value_parser = size::parse, value_name = "SIZE")]
    queue: u64,
    /// Most bytes of a request body as sent
    #[arg(long, default_value = "32MB", value_parser = size::parse, value_name = "SIZE")]
    max_body: u64,
    /// Most bytes of a request body after decompression
    #[arg(long, default_value = "64MB", value_parser = size::parse, value_name = "SIZE")]
    max_decompressed: u64,
    /// Most open connections
    #[arg(long, default_value_t = 16_384, value_name = "N")]
    max_connections: usize,
    /// Plain log lines instead of a status line
    #[arg(long)]
    pub(super) headless: bool,
    /// Certificate chain (PEM) for TLS; taken up again when the file changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key (PEM) for TLS
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Accept only senders with a certificate of this authority (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// File of bearer tokens, one per line; senders must present one
    #[arg(long, env = "LOGTAP_RECV_AUTH_TOKEN_FILE", value_name = "FILE")]
    auth_token_file: Option<PathBuf>,
    /// Senders must present their pod's token (audience `logtap`), and are believed to be what the cluster says of it
    #[arg(long, value_enum, value_name = "HOW", requires = "tls_cert")]
    auth: Option<AuthArg>,
    /// Post notifications to this URL (can be repeated)
    #[arg(
        long = "webhook-url",
        alias = "webhook",
        env = "LOGTAP_RECV_WEBHOOKS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "URL"
    )]
    webhook_url: Vec<String>,
    /// Only these events: start,stop,rotation,error,disk-warning,alert,drops
    #[arg(long, env = "LOGTAP_RECV_WEBHOOK_EVENTS", value_delimiter = ',', value_name = "EVENTS")]
    webhook_events: Vec<String>,
    /// How notifications prove their origin: bearer:TOKEN or hmac-sha256:SECRET
    #[arg(long, env = "LOGTAP_RECV_WEBHOOK_AUTH", hide_env_values = true, value_name = "AUTH")]
    webhook_auth: Option<WebhookAuth>,
    /// 1.x: entries in the buffer; now --queue, in bytes
    #[arg(long, hide = true)]
    buffer: Option<u64>,
    /// 1.x: captures are always compressed now
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    compress: Option<bool>,
    /// YAML file of rules (name, metric, op, threshold, detail) that send an alert to the webhooks
    #[arg(long, value_name = "FILE")]
    alert_rules: Option<PathBuf>,
    #[command(flatten)]
    stream: StreamArgs,
    #[command(flatten)]
    pub(super) in_cluster: InClusterArgs,
    #[command(flatten)]
    pub(super) attached: AttachedArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AuthArg {
    Kubernetes,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnFullArg {
    Drop,
    Retry,
}

impl RecvArgs {
    /// What was typed, made into what to do.
    pub(super) fn into_config(self, ui: &Ui) -> Result<Config, CliError> {
        let Self {
            listen,
            dir,
            max_file,
            max_disk,
            fsync,
            redact,
            redact_patterns,
            redact_hash,
            redact_key_file,
            rx,
            ack_timeout,
            on_full,
            queue,
            max_body,
            max_decompressed,
            max_connections,
            headless: _,
            tls_cert,
            tls_key,
            tls_client_ca,
            auth_token_file,
            auth,
            webhook_url,
            webhook_events,
            webhook_auth,
            buffer,
            compress,
            alert_rules,
            stream,
            in_cluster: _,
            attached: _,
        } = self;
        let webhooks = webhooks(webhook_url, &webhook_events, webhook_auth.as_ref())?;
        let told =
            webhooks.iter().any(|webhook| webhook.events.is_empty() || webhook.events.iter().any(|e| e == "alert"));
        notices(ui, buffer, compress, alert_rules.is_some() && !told);
        let redactor =
            redactor(&dir, redact.as_deref(), redact_patterns.as_deref(), redact_hash.then_some(redact_key_file))?;
        let tls = match (tls_cert, tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key, client_ca: tls_client_ca }),
            _ => None,
        };
        let capture = Options {
            max_file,
            max_disk,
            fsync: parse_fsync(&fsync)?,
            redaction: redactor.as_ref().map(|redactor| redactor.names().to_vec()),
            tool: format!("logtap {}", env!("CARGO_PKG_VERSION")),
            background: true,
        };
        Ok(Config {
            listen: parse_listen(&listen)?,
            dir,
            capture,
            redactor: redactor.map(Arc::new),
            rx_always: rx,
            ack_timeout: parse_duration(&ack_timeout).ok_or_else(|| {
                CliError::usage(format!("--ack-timeout {ack_timeout:?} is no duration; write 250ms or 1s"))
            })?,
            on_full: match on_full {
                OnFullArg::Drop => OnFull::Drop,
                OnFullArg::Retry => OnFull::Retry,
            },
            limits: Limits {
                body: to_usize(max_body),
                decompressed: to_usize(max_decompressed),
                queue: to_usize(queue),
                connections: max_connections.clamp(1, 1 << 20),
                ..Limits::default()
            },
            tls,
            tokens: auth_token_file.as_deref().map(read_tokens).transpose()?.unwrap_or_default(),
            identities: match auth {
                Some(AuthArg::Kubernetes) => Some(Verifier(Box::new(ByCluster::new()?))),
                None => None,
            },
            webhooks,
            alerts: alert_rules.as_deref().map(read_alerts).transpose()?.unwrap_or_default(),
            drain: Duration::from_secs(10),
            stream: stream.into_config()?,
        })
    }
}

fn to_usize(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn notices(ui: &Ui, buffer: Option<u64>, compress: Option<bool>, alerts_go_nowhere: bool) {
    if buffer.is_some() {
        ui.note("--buffer counted entries in 1.x and is ignored; --queue bounds what waits, in bytes");
    }
    if compress == Some(false) {
        ui.note("--compress=false is ignored: captures are zstd frames of JSON lines that zstdcat, rg -z and DuckDB read while they grow");
    }
    if alerts_go_nowhere {
        ui.note("--alert-rules has no effect without --webhook-url that takes the event alert");
    }
}

fn read_alerts(path: &Path) -> Result<Alerts, CliError> {
    Alerts::parse(&read_small(path)?).map_err(|error| CliError::usage(format!("{}: {error}", path.display())))
}

fn read_small(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|error| CliError::at(path, &error))
}

fn read_tokens(path: &Path) -> Result<Vec<String>, CliError> {
    let tokens: Vec<String> =
        read_small(path)?.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if tokens.is_empty() {
        return Err(CliError::usage(format!("{} holds no token; write one per line", path.display())));
    }
    Ok(tokens)
}

/// Fails closed: a file that cannot be used stops the start.
fn redactor(
    dir: &Path,
    rules: Option<&str>,
    patterns: Option<&Path>,
    hash: Option<Option<PathBuf>>,
) -> Result<Option<Redactor>, CliError> {
    let builtins = rules
        .map(parse_selection)
        .transpose()
        .map_err(|error| CliError::usage(format!("--redact: {error}")))?
        .unwrap_or_default();
    let patterns = match patterns {
        Some(path) => parse_patterns(&read_small(path)?)
            .map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?,
        None => Vec::new(),
    };
    if builtins.is_empty() && patterns.is_empty() {
        return if hash.is_some() {
            Err(CliError::usage("--redact-hash needs --redact or --redact-patterns"))
        } else {
            Ok(None)
        };
    }
    let hash_key = hash.map(|file| key::load(file, dir)).transpose()?;
    Redactor::new(logtap_redact::Config { builtins, patterns, hash_key })
        .map(Some)
        .map_err(|error| CliError::usage(error.to_string()))
}
