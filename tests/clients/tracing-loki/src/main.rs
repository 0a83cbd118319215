//! Logs through the tracing-loki crate: snappy protobuf, label values in Rust's `{:?}` form.
//!
//! The line is a JSON object that the crate makes of the event; this program makes the same one.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Names and values as the program means them; `{:?}` writes several in a way no Go program reads.
const LABELS: [(&str, &str); 4] =
    [("app", "a \"q\", b=\"c\""), ("path", "C:\\temp\\dir"), ("odd", "zero\u{200b}width\u{7f}\0\u{1b}'"), ("n", "5")];
/// Events between two pauses: the crate's channel holds 512 and drops what does not fit.
const BURST: usize = 50;

macro_rules! event {
    ($level:ident, $text:expr, $number:expr) => {{
        tracing::$level!(message = $text, number = $number);
        line!()
    }};
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, _, url, lines, report] = &args[..] else { return Err("usage: VARIANT URL LINES REPORT".into()) };
    let lines: Vec<String> = serde_json::from_str(&std::fs::read_to_string(lines)?)?;

    let mut builder = tracing_loki::builder();
    for (name, value) in LABELS {
        builder = builder.label(name, value)?;
    }
    let (layer, controller, task) =
        builder.extra_field("host", "tester \"1\"")?.build_controller_url(url::Url::parse(url)?)?;
    tracing_subscriber::registry().with(layer).init();

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let sending = runtime.spawn(task);
    let mut sent = String::new();
    for (number, text) in lines.iter().enumerate() {
        let text = text.as_str();
        let (level, at) = match number % 3 {
            0 => ("info", event!(info, text, number)),
            1 => ("warn", event!(warn, text, number)),
            _ => ("error", event!(error, text, number)),
        };
        let labels: serde_json::Map<String, Value> =
            LABELS.into_iter().chain([("level", level)]).map(|(name, value)| (name.to_owned(), value.into())).collect();
        writeln!(sent, "{}", serde_json::json!({ "labels": labels, "msg": expected(text, number, at) }))?;
        if number % BURST == BURST - 1 {
            std::thread::sleep(Duration::from_millis(30));
        }
    }
    runtime.block_on(async {
        controller.shutdown().await;
        sending.await
    })?;
    std::fs::write(report, sent)?;
    Ok(())
}

/// The crate's line: the event's fields, the extra fields, then where the event stands.
fn expected(text: &str, number: usize, at: u32) -> String {
    let text = Value::from(text);
    let (module, file) = (Value::from(module_path!()), Value::from(file!()));
    format!(
        "{{\"message\":{text},\"number\":{number},\"host\":\"tester \\\"1\\\"\",\"_spans\":[],\
         \"_target\":{module},\"_module_path\":{module},\"_file\":{file},\"_line\":{at}}}"
    )
}
