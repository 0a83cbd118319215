//! Search results against the oracle.

use crate::oracle::{self, Stored};
use crate::world::{self, fixture, lines, ok, run};

fn texts(all: &[Stored], wanted: impl Fn(&Stored) -> bool) -> Vec<&str> {
    all.iter().filter(|line| wanted(line)).map(|line| line.text.as_str()).collect()
}

#[test]
fn patterns_find_what_the_oracle_finds() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let all = oracle::all(&dir);
    let path = dir.to_str().unwrap();
    let patterns = [
        "refused",
        "Connection refused \"by",
        "timeout|refused",
        "status=5\\d\\d",
        "took \\d{4}ms",
        "ünïcödé",
        "☃",
        "^ERROR",
        "end$",
        "\\\\ path",
        "multi\\nline",
        "level",
        "k",
        "(?i)KELVIN",
        "n=59[0-9]{2} ",
        "api-0",
        "worker",
        ".",
        "zzzzzzzzzzzzzzz",
        "\"warn\"",
        "\\t",
        "(?s)multi.*end",
        "a{0}",
    ];
    for pattern in patterns {
        for (flags, expression) in [
            (&[][..], pattern.to_owned()),
            (&["-i"], format!("(?i){pattern}")),
            (&["-w"], format!(r"\b{{start-half}}(?:{pattern})\b{{end-half}}")),
            (&["-F"], regex::escape(pattern)),
            (&["-F", "-i"], format!("(?i){}", regex::escape(pattern))),
        ] {
            let regex = regex::Regex::new(&expression).unwrap();
            for invert in [false, true] {
                let expected = texts(&all, |line| line.matches(&regex) != invert);
                let mut args = vec!["grep", "--json", pattern, path];
                args.extend_from_slice(flags);
                args.extend(invert.then_some("-v"));
                assert_eq!(lines(&ok(&args)), expected, "{args:?}");
            }
        }
    }
}

#[test]
fn random_pieces_of_messages() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let all = oracle::all(&dir);
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..60 {
        let message: Vec<char> = all[random.usize(..all.len())].value["msg"].as_str().unwrap().chars().collect();
        let from = random.usize(..message.len());
        let to = (from + random.usize(1..24)).min(message.len());
        let mut piece: String = message[from..to].iter().collect();
        let mut args = vec!["grep", "--json", "-F"];
        if random.bool() {
            args.push("-i");
            piece = piece
                .chars()
                .map(|c| if random.bool() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                .collect();
        }
        let case = if args.contains(&"-i") { "(?i)" } else { "" };
        let expression = format!("{case}{}", regex::escape(&piece));
        let regex = regex::Regex::new(&expression).unwrap();
        args.extend(["--", &piece, dir.to_str().unwrap()]);
        assert_eq!(lines(&ok(&args)), texts(&all, |line| line.matches(&regex)), "{piece:?}");
    }
}

#[test]
fn labels_and_times() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let all = oracle::all(&dir);
    let path = dir.to_str().unwrap();
    let found = |args: &[&str]| {
        let mut full = vec!["grep", "--json", "n=", path];
        full.extend_from_slice(args);
        lines(&ok(&full)).len()
    };
    let count = |wanted: &dyn Fn(&Stored) -> bool| {
        texts(&all, |line| line.value["msg"].as_str().unwrap().contains("n=") && wanted(line)).len()
    };
    assert_eq!(found(&["--label", "app=api"]), count(&|line| line.label("app") == "api"));
    assert_eq!(found(&["--label", "app!=api"]), count(&|line| line.label("app") != "api"));
    assert_eq!(found(&["--label", "app=~a.*|db", "--label", "pod!~.*api.*"]), count(&|line| line.label("app") == "db"));
    assert_eq!(found(&["--label", "absent="]), count(&|_| true));
    let (from, to) = ("2026-01-15T10:32:20", "2026-01-15T10:32:41");
    let within = count(&|line| line.ts() >= from && line.ts() < to);
    assert!(within > 100);
    assert_eq!(found(&["--from", "2026-01-15T11:32:20+01:00", "--to", "2026-01-15T10:32:40.999999999Z"]), within);
    assert_eq!(found(&["--from", "10:32:20", "--to", "10:32:40.999999999"]), within);
    assert_eq!(found(&["--from", "10:33"]), count(&|line| line.ts() >= "2026-01-15T10:33"));
    let last = all.iter().map(Stored::ts).max().unwrap();
    let seconds = |text: &str| text[17..29].parse::<f64>().unwrap() + 60.0 * text[14..16].parse::<f64>().unwrap();
    assert_eq!(found(&["--from", "-5s"]), count(&|line| seconds(line.ts()) >= seconds(last) - 5.0));
}

#[test]
fn counts_files_and_limits() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let files = oracle::files(&dir);
    let path = dir.to_str().unwrap();
    let regex = regex::Regex::new("n=(17|5900) ").unwrap();
    let counts: Vec<(String, usize)> = files
        .iter()
        .map(|(name, lines)| (name.clone(), lines.iter().filter(|line| line.matches(&regex)).count()))
        .collect();
    let expected: Vec<String> = counts.iter().map(|(name, count)| format!("{name}:{count}")).collect();
    assert_eq!(lines(&ok(&["grep", "-c", "n=(17|5900) ", path])), expected);
    let with: Vec<&str> = counts.iter().filter(|(_, count)| *count > 0).map(|(name, _)| name.as_str()).collect();
    assert_eq!(lines(&ok(&["grep", "-l", "n=(17|5900) ", path])), with);
    let every = ok(&["grep", "refused", path]);
    for max in [0, 1, 7, 100_000] {
        let limited = ok(&["grep", "-m", &max.to_string(), "refused", path]);
        assert_eq!(lines(&limited), lines(&every).into_iter().take(max).collect::<Vec<_>>());
    }
    let total: usize = ok(&["grep", "-c", "-m", "7", "refused", path])
        .lines()
        .map(|line| line.rsplit(':').next().unwrap().parse::<usize>().unwrap())
        .sum();
    assert_eq!(total, 7);
}

#[test]
fn sorted_by_time_and_the_same_for_any_jobs() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let path = dir.to_str().unwrap();
    let all = oracle::all(&dir);
    let mut expected = texts(&all, |_| true);
    expected.sort_by_key(|line| line[7..37].to_owned());
    for jobs in ["1", "2", "5"] {
        assert_eq!(lines(&ok(&["grep", "", path, "--json", "--sort", "-j", jobs])), expected);
        assert_eq!(ok(&["grep", "refused", path, "-C", "2", "-j", jobs]), ok(&["grep", "refused", path, "-C", "2"]));
    }
    let first: Vec<&str> = expected.into_iter().take(3).collect();
    assert_eq!(lines(&ok(&["grep", "", path, "--json", "--sort", "-m", "3"])), first);
}

#[test]
fn text_is_one_visible_line_per_log_line() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let text = ok(&["grep", "multi", dir.to_str().unwrap(), "-m", "1"]);
    let shape = regex::Regex::new(
        r"^2026-01-15T10:3\d:\d\d\.\d{3}Z \[(api/api|db/db|worker/worker)-0\] n=\d+ multi\\nline \w+\\r\\n end\n$",
    )
    .unwrap();
    assert!(shape.is_match(&text), "{text}");
}

#[test]
fn captures_of_1x() {
    for (name, count) in [
        ("rotated", 12000),
        ("killed", 5600),
        ("offset", 1600),
        ("redacted", 2400),
        ("sliced", 12000),
        ("merged", 14400),
    ] {
        let outcome = run(&["grep", "-c", "", &fixture(name)]);
        let total: u64 = outcome.out.lines().map(|line| line.rsplit(':').next().unwrap().parse::<u64>().unwrap()).sum();
        assert_eq!((outcome.code, total), (0, count), "{name}: {}", outcome.err);
        assert_eq!(outcome.out.lines().count() >= 7, name == "rotated" || name == "sliced" || name == "merged");
    }
}
