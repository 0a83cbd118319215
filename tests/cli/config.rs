//! Settings: where they come from, which goes before which, and what is said about those that cannot be used.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::recv::until;
use crate::terminal::Terminal;
use crate::world::{self, Outcome};

/// A home and a working directory with what these files say.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(own: &str, local: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("work")).unwrap();
        std::fs::create_dir_all(folder.path().join("home/.logtap")).unwrap();
        let place = Self { folder };
        for (path, text) in [(place.own(), own), (place.work().join(".logtap.yaml"), local)] {
            if !text.is_empty() {
                std::fs::write(path, text).unwrap();
            }
        }
        place
    }

    fn own(&self) -> PathBuf {
        self.folder.path().join("home/.logtap/config.yaml")
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = world::logtap();
        command.env("HOME", self.folder.path().join("home")).current_dir(self.work()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Outcome {
        self.command(args).output().unwrap().into()
    }

    fn values(&self) -> Vec<Value> {
        let shown: Value = serde_json::from_str(&self.run(&["config", "--json"]).out).unwrap();
        shown["values"].as_array().unwrap().clone()
    }

    fn value(&self, key: &str) -> Value {
        self.values().into_iter().find(|one| one["key"] == key).unwrap()
    }
}

#[test]
fn init_writes_every_default_and_never_over_a_file() {
    let place = Place::new("", "");
    std::fs::remove_dir(place.own().parent().unwrap()).unwrap();
    let defaults = place.values();
    let begun: Value = serde_json::from_str(&place.run(&["init", "--json"]).out).unwrap();
    assert_eq!((&begun["created"], &begun["local_found"]), (&true.into(), &false.into()));
    assert_eq!(begun["config_path"], place.own().to_str().unwrap());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place.own()), mode(place.own().parent().unwrap())), (0o600, 0o700));
    assert_eq!(place.values(), defaults, "as long as all is commented out nothing changes");

    // A blank after # parts what is said from what can be set.
    let text = std::fs::read_to_string(place.own()).unwrap();
    let bare: Vec<String> = text
        .lines()
        .map(|line| match line.trim_start().strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => line.replacen('#', "", 1),
            _ => line.to_owned(),
        })
        .collect();
    std::fs::write(place.own(), bare.join("\n")).unwrap();
    let valid = place.run(&["config", "validate"]);
    assert_eq!((valid.code, valid.out), (0, format!("ok: {} settings from files\n", defaults.len())));
    for (before, now) in defaults.iter().zip(place.values()) {
        assert_eq!(now["source"], "file", "{}", now["key"]);
        assert!(now["line"].is_u64());
        if !before["value"].is_null() {
            assert_eq!(now["value"], before["value"], "{}: what the file calls the default is one", now["key"]);
        }
    }

    std::fs::write(place.own(), "recv:\n  dir: mine\n").unwrap();
    let again: Value = serde_json::from_str(&place.run(&["init", "--json"]).out).unwrap();
    assert_eq!(again["created"], false);
    assert_eq!(std::fs::read_to_string(place.own()).unwrap(), "recv:\n  dir: mine\n");
}

/// `recv` names the directory that it cannot use: there is a file in its place.
#[test]
fn a_flag_goes_before_the_environment_that_before_files_those_before_the_default() {
    let used = |own: &str, local: &str, environment: &str, flag: &str| {
        let place = Place::new(own, local);
        for name in ["capture", "own", "local", "environment", "flag"] {
            std::fs::write(place.work().join(name), "").unwrap();
        }
        let mut command = place.command(&["recv", "--headless", "--listen", "127.0.0.1:0"]);
        if !environment.is_empty() {
            command.env("LOGTAP_RECV_DIR", environment);
        }
        if !flag.is_empty() {
            command.args(["--dir", flag]);
        }
        let outcome: Outcome = command.output().unwrap().into();
        assert!(outcome.code != 0, "{}", outcome.err);
        let names = ["capture", "own", "local", "environment", "flag"];
        let error = outcome.err.lines().find(|line| line.starts_with("error:")).unwrap().to_owned();
        let named: Vec<&str> = names.into_iter().filter(|name| error.contains(name)).collect();
        assert_eq!(named.len(), 1, "{error}");
        named[0]
    };
    let (own, local) = ("recv:\n  dir: own\n", "recv:\n  dir: local\n");
    assert_eq!(used("", "", "", ""), "capture");
    assert_eq!(used(own, "", "", ""), "own");
    assert_eq!(used(own, local, "", ""), "local");
    assert_eq!(used(own, local, "environment", ""), "environment");
    assert_eq!(used(own, local, "environment", "flag"), "flag");
}

#[test]
fn config_shows_where_each_value_comes_from_and_no_secret() {
    let own = "recv:\n  addr: ':9000'\n  webhooks:\n    - https://example.com/secret\n    - https://example.org\n";
    let place = Place::new(own, "defaults:\n  timeout: 90s\n");
    let mut command = place.command(&["config"]);
    command.env("LOGTAP_TAP_CPU", "5m");
    let outcome: Outcome = command.output().unwrap().into();
    let line = |key: &str| {
        let found = outcome.out.lines().find(|line| line.starts_with(key)).unwrap();
        found.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("recv.addr"), format!("recv.addr :9000 {} line 2", place.own().display()));
    assert_eq!(line("recv.webhooks"), format!("recv.webhooks (hidden) {} line 3", place.own().display()));
    assert_eq!(line("tap.cpu"), "tap.cpu 5m $LOGTAP_TAP_CPU");
    assert_eq!(line("defaults.timeout"), "defaults.timeout 90s .logtap.yaml line 2");
    assert_eq!(line("recv.dir"), "recv.dir ./capture default");
    assert_eq!(line("tap.memory"), "tap.memory - not set");
    assert!(!outcome.out.contains("secret"));
    let get = |key: &str| place.run(&["config", "get", key]);
    assert_eq!(get("recv.webhooks").out, "https://example.com/secret,https://example.org\n");
    assert_eq!((get("tap.memory").code, get("tap.memroy").code), (3, 2));
    assert!(get("tap.memroy").err.contains("tap.memory is one"));
    assert_eq!(place.run(&["config", "path"]).out, format!("{}\n", place.own().display()));
    let hidden = place.value("recv.webhooks");
    assert_eq!((&hidden["hidden"], &hidden["value"]), (&true.into(), &Value::Null));
}

#[test]
fn what_cannot_be_used_is_named_with_its_line() {
    for (text, said) in [
        ("recv:\n  listen: :1\n", "line 2: there is no setting recv.listen; recv.addr is one"),
        ("recv:\n\n  max_disk: 1GB\n", "line 3: there is no setting recv.max_disk; recv.disk_cap is one"),
        ("tap:\n  namspace: x\n", "line 2: there is no setting tap.namspace; tap.namespace is one"),
        ("recieve:\n  dir: x\n", "line 2: there is no setting recieve.dir; recv.dir is one"),
        ("qqq: 3\n", "line 1: there is no setting qqq\n"),
        ("recv: here\n", "line 1: recv takes keys, one to a line, indented below it"),
        ("recv:\n  dir:\n    a: b\n", "line 2: recv.dir: takes a value, not further keys"),
        ("recv:\n  dir: [a, b]\n", "line 2: recv.dir: takes one value, not a list"),
        ("recv:\n  disk_cap: much\n", "line 2: recv.disk_cap: invalid value 'much': invalid size"),
        ("recv:\n  on_full: wait\n", "line 2: recv.on_full: invalid value 'wait' [possible values: drop, retry]"),
        ("recv:\n  addr: 9000\n", "line 2: recv.addr: --listen \"9000\" is no address"),
        ("recv:\n  redact: emial\n", "line 2: recv.redact: --redact: "),
        (
            "recv:\n  webhook_events: [start, strat]\n",
            "line 2: recv.webhook_events: --webhook-events: no event \"strat\"",
        ),
        ("recv:\n  dir: a\n  dir: b\n", "line 3: is no YAML of settings: duplicate mapping key: dir\n"),
        ("recv: [\n", "line 1: is no YAML of settings: "),
        ("\t- x\n", "line 1: is no YAML of settings: "),
    ] {
        let place = Place::new(text, "");
        let outcome = place.run(&["config", "validate"]);
        assert_eq!(outcome.code, 6, "{text}");
        assert!(outcome.out.contains(said), "{text}\nsays {}not {said}", outcome.out);
        for command in [&["recv", "--headless"][..], &["tap", "deployment/x"], &["deploy", "--dry-run"]] {
            let refused = place.run(command);
            assert_eq!(refused.code, 2, "{command:?}: {}", refused.err);
            assert!(refused.err.contains(said.trim_end()), "{command:?}: {}", refused.err);
        }
        // What needs no settings works, and so does what repairs them.
        for command in [&["recv", "--help"][..], &["version"], &["config"], &["init"]] {
            assert_eq!(place.run(command).code, 0, "{command:?}");
        }
    }
    let both = Place::new("recv:\n  a: 1\n  b: 2\n", "tap:\n  c: 3\n").run(&["config", "validate"]).out;
    assert_eq!(both.lines().count(), 3, "all of them at once: {both}");
}

/// What the example file of 1.x holds, uncommented as it was shipped.
#[test]
fn a_file_of_1_x_keeps_working() {
    let place = Place::new(
        "recv:\n  addr: \":9000\"\n  dir: \"./capture\"\n  disk_cap: \"50GB\"\n  redact: \"false\"\n  webhooks:\n    - \"https://example.com/webhook\"\n  webhook_events: \"start,stop,error\"\ntap:\n  namespace: \"default\"\n  cpu: \"25m\"\n  memory: \"16Mi\"\ndefaults:\n  timeout: \"30s\"\n  verbose: false\n",
        "",
    );
    let outcome = place.run(&["config", "validate"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (0, "ok: 10 settings from files\n"));
    assert!(outcome.err.contains("line 15: defaults.verbose does nothing: LOGTAP_LOG=debug"), "{}", outcome.err);
}

/// Whoever can place a file into a directory must not choose who can send, who is told, or take redaction away.
#[test]
fn the_file_of_a_working_directory_is_not_trusted_with_everything() {
    let all = "recv:\n  addr: ':1'\n  webhooks: https://evil.example\n  auth_token_file: x\n  redact: false\n  dir: theirs\ntap:\n  target: evil.example:1\n";
    let place = Place::new("recv:\n  redact: true\n", all);
    for key in ["recv.addr", "recv.webhooks", "recv.auth_token_file", "tap.target"] {
        assert_eq!(place.value(key)["source"], "default", "{key}");
    }
    assert_eq!(
        (&place.value("recv.redact")["value"], &place.value("recv.dir")["value"]),
        (&"true".into(), &"theirs".into())
    );
    let said = place.run(&["config"]).err;
    assert!(said.contains(".logtap.yaml line 2: recv.addr is not taken from here"), "{said}");
    assert!(
        said.contains(".logtap.yaml line 5: recv.redact is not taken from here: it is set in your own file"),
        "{said}"
    );
    assert!(said.contains(".logtap.yaml of this directory sets recv.dir"), "{said}");
    assert_eq!(Place::new("", "recv:\n  redact: email\n").value("recv.redact")["source"], "file", "it may add some");
}

/// Redaction that the file asks for holds for receivers in the cluster, too; a namespace of the file is where
/// commands look, and no tap of that whole namespace.
#[test]
fn settings_reach_the_commands_they_are_for() {
    let place =
        Place::new("recv:\n  redact: email\n  webhooks: https://example.com\ntap:\n  namespace: payments\n", "");
    let config = r#"{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:1"}}],"users":[{"name":"u","user":{}}]}"#;
    let path = place.work().join("kubeconfig");
    std::fs::write(&path, config).unwrap();
    let kubeconfig = path.to_str().unwrap();
    let made = place.run(&["deploy", "--dry-run", "--kubeconfig", kubeconfig]);
    assert!(
        made.out.contains("--redact=email") && made.out.contains("namespace: payments"),
        "{} {}",
        made.out,
        made.err
    );
    let tap = place.run(&["tap", "--kubeconfig", kubeconfig]);
    assert_eq!(tap.code, 2, "nothing was named: {}", tap.err);
    let in_cluster = place.run(&["recv", "--in-cluster", "--headless", "--kubeconfig", kubeconfig]);
    assert_eq!(in_cluster.code, 5, "webhooks of the file are for receivers here: {}", in_cluster.err);
}

/// Settings are no flags: what stands alone on the line may be typed with any of them.
#[test]
fn stop_is_alone_whatever_the_environment_says() {
    let place = Place::new("recv:\n  dir: own\n", "");
    let stop = |args: &[&str]| -> Outcome {
        let mut command = place.command(&["recv", "--stop", "nowhere"]);
        command.args(args).env("LOGTAP_RECV_DIR", "x").env("LOGTAP_RECV_REDACT", "true").output().unwrap().into()
    };
    assert_eq!(stop(&[]).code, 3, "{}", stop(&[]).err);
    assert_eq!(stop(&["--json"]).code, 3);
    let with = stop(&["--dir", "y"]);
    assert_eq!((with.code, with.err.contains("--stop stands alone; --dir")), (2, true), "{}", with.err);
}

#[test]
fn another_file_can_be_named_and_none() {
    let place = Place::new("recv:\n  dir: usual\n", "");
    std::fs::write(place.work().join("other.yaml"), "recv:\n  dir: other\n").unwrap();
    for (variable, dir) in [("other.yaml", "other"), ("", "./capture")] {
        let outcome: Outcome =
            place.command(&["config", "get", "recv.dir"]).env("LOGTAP_CONFIG", variable).output().unwrap().into();
        assert_eq!(outcome.out, format!("{dir}\n"));
    }
}

#[test]
fn keys_of_the_view_are_chosen_and_mistakes_in_them_named() {
    let place = Place::new("keys:\n  next-error: [h, F8]\n  previous-error: \"\"\n", "keys:\n  quit: h\n");
    let dir = world::capture(place.folder.path());
    let mut command = place.command(&["open", dir.to_str().unwrap(), "--fresh"]);
    command.env("TERM", "xterm-256color");
    let mut terminal = Terminal::start(&command, 100, 30);
    terminal.wait_for("h next error");
    terminal.keys("E");
    terminal.wait_for("E is no key here");
    terminal.keys("h");
    until("h leads to an error", || !terminal.text().contains("E is no key here"));
    terminal.keys("q");
    assert_eq!(terminal.end(Duration::from_secs(5)), 0, "the directory's file has not made h quit");
    for (text, line, named) in [
        ("keys:\n  next-error: h\n  next-eror: y\n", 3, "next-eror"),
        ("keys:\n  next-error: hello\n", 2, "hello"),
        ("keys:\n  detach: z\n  next-error: \"n\"\n", 3, "next-hit"),
        ("keys:\n  next-error: n\n", 2, "in quotes"),
        ("keys: x\n", 1, "keys takes keys"),
    ] {
        let place = Place::new(text, "");
        let checked = place.run(&["config", "validate"]);
        assert_eq!(checked.code, 6, "{text}");
        assert!(
            checked.out.contains(&format!("line {line}: ")) && checked.out.contains(named),
            "{text}: {}",
            checked.out
        );
        let ran = Terminal::start(place.command(&["open", dir.to_str().unwrap()]).env("TERM", "xterm"), 80, 24)
            .end(Duration::from_secs(5));
        assert_eq!(ran, 2, "{text}");
    }
}
