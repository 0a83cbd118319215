//! Receivers in the cluster: what was acknowledged there lands in a capture here, each line once,
//! whatever is cut or killed in between, and exactly what was made is removed.
//!
//! One test at a time.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![expect(clippy::print_stdout, reason = "the figures are what the run is for")]

#[path = "incluster/crowd.rs"]
mod crowd;
#[path = "incluster/link.rs"]
mod link;
#[path = "incluster/stage.rs"]
mod stage;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use link::Link;
use logtap_cluster_tests::{Namespace, bare_pod, logtap, until, workload};
use stage::{Recv, Sent, gaps, kill_container, kinds, pods, push, texts};

/// Every line that was acknowledged is there once, and no line twice.
#[track_caller]
fn assert_once(dir: &std::path::Path, sent: &Sent) {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for text in texts(dir) {
        *counts.entry(text).or_default() += 1;
    }
    let missing: Vec<_> = sent.kept.iter().filter(|text| !counts.contains_key(*text)).collect();
    let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(missing.is_empty() && doubled.is_empty(), "missing {missing:?}, doubled {doubled:?}");
    let unknown: Vec<_> =
        counts.keys().filter(|text| !sent.kept.contains(*text) && !sent.open.contains(*text)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(!sent.kept.is_empty());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn lines_land_here_whatever_is_cut() {
    let namespace = Namespace::new("land", "restricted");
    let link = Link::new();
    let recv = Recv::start(&namespace, &link, &[]);
    let done = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let (mut sent, mut from) = (Sent::default(), 0);
            while !done.load(Ordering::SeqCst) {
                push(&namespace, from, 200, &mut sent);
                from += 200;
            }
            sent
        });
        for n in 0..10 {
            std::thread::sleep(Duration::from_secs(2));
            match n {
                3 => {
                    // A laptop that sleeps: nothing moves, and nobody is told.
                    link.stall(true);
                    std::thread::sleep(Duration::from_secs(15));
                    link.cut();
                    link.stall(false);
                }
                6 => kill_container(&namespace),
                _ => link.cut(),
            }
        }
        std::thread::sleep(Duration::from_secs(2));
        done.store(true, Ordering::SeqCst);
        sender.join().unwrap()
    });
    let cuts = link.cuts();
    assert!(cuts >= 9, "only {cuts} connections were cut");
    let (dir, ran) = recv.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_once(dir.path(), &sent);
    assert_eq!(gaps(dir.path()), Vec::<String>::new());
    assert_eq!(kinds(&namespace), Vec::<String>::new(), "nothing is left");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn killed_it_goes_on_where_it_was() {
    let namespace = Namespace::new("again", "restricted");
    let link = Link::new();
    let mut recv = Recv::start(&namespace, &link, &[]);
    let mut sent = Sent::default();
    for round in 0..4 {
        push(&namespace, round * 1000, 500, &mut sent);
        if round == 2 {
            recv.arrived(1);
        }
        let dir = recv.kill();
        push(&namespace, round * 1000 + 500, 500, &mut sent);
        recv = Recv::start_in(dir, &namespace, &link, &[]);
    }
    let (dir, ran) = recv.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("going on with receiver"), "{ran:?}");
    assert_eq!(sent.kept.len(), 4000);
    assert_once(dir.path(), &sent);
    assert_eq!(kinds(&namespace), Vec::<String>::new());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn two_people_do_not_disturb_each_other() {
    let namespace = Namespace::new("two", "restricted");
    let name = namespace.name();
    let link = Link::new();
    let made = logtap(&["deploy", "-n", name, "--name", "shared"]);
    assert_eq!(made.status, Some(0), "{made:?}");
    let theirs = kinds(&namespace);
    let other = Recv::start(&namespace, &link, &["--name", "other"]);
    let before = kinds(&namespace);
    let recv = Recv::start(&namespace, &link, &["--name", "mine"]);

    let taken = logtap(&[
        "recv",
        "--in-cluster",
        "-n",
        name,
        "--name",
        "other",
        "--dir",
        recv.dir().join("x").to_str().unwrap(),
    ]);
    assert_eq!(taken.status, Some(2), "{taken:?}");
    assert!(taken.stderr.contains("--attach"), "{taken:?}");
    let removed = logtap(&["deploy", "--remove", "-n", name, "--name", "other"]);
    assert_eq!(removed.status, Some(6), "in use: {removed:?}");

    let (_dir, ran) = recv.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(kinds(&namespace), before, "all of the other's and the shared one's");
    let (_dir, ran) = other.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(kinds(&namespace), theirs);
    let again = logtap(&["deploy", "-n", name, "--name", "shared", "--json"]);
    assert!(again.stdout.contains("\"made\":false"), "{again:?}");
    let removed = logtap(&["deploy", "--remove", "-n", name, "--name", "shared"]);
    assert_eq!(removed.status, Some(0), "{removed:?}");
    assert_eq!(kinds(&namespace), Vec::<String>::new());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn whoever_attaches_reads_all_and_leaves_all() {
    let namespace = Namespace::new("attach", "restricted");
    let name = namespace.name();
    let made = logtap(&["deploy", "-n", name, "--name", "shared", "--no-auth"]);
    assert_eq!(made.status, Some(0), "{made:?}");
    let theirs = kinds(&namespace);
    let mut sent = Sent::default();
    push(&namespace, 0, 300, &mut sent);
    let recv = Recv::start(&namespace, &Link::new(), &["--name", "shared", "--attach"]);
    recv.arrived(300);
    push(&namespace, 1000, 300, &mut sent);
    recv.arrived(600);
    let (dir, ran) = recv.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("Ctrl+C leaves it as it is"), "{ran:?}");
    assert_once(dir.path(), &sent);
    assert_eq!(kinds(&namespace), theirs);
    let removed = logtap(&["deploy", "--remove", "-n", name, "--name", "shared"]);
    assert_eq!(removed.status, Some(0), "{removed:?}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_second_signal_leaves_the_rest_where_it_is() {
    let namespace = Namespace::new("hurry", "restricted");
    let link = Link::new();
    let recv = Recv::start(&namespace, &link, &[]);
    let mut sent = Sent::default();
    push(&namespace, 0, 300, &mut sent);
    recv.arrived(300);
    link.thin(true);
    for batch in 1..20 {
        push(&namespace, batch * 1000, 1000, &mut sent);
    }
    let receiver = kinds(&namespace);
    recv.interrupt();
    recv.says("Ctrl+C once more leaves it there");
    let (dir, ran) = recv.end_on();
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("lines that have not come") && ran.stderr.contains("deploy --remove"), "{ran:?}");
    assert_eq!(kinds(&namespace), receiver, "nothing is removed");
    link.thin(false);
    let recv = Recv::start_in(dir, &namespace, &link, &[]);
    let (dir, ran) = recv.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_once(dir.path(), &sent);
    assert_eq!(kinds(&namespace), Vec::<String>::new());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_download_brings_what_is_there_and_later_the_rest() {
    let namespace = Namespace::new("download", "restricted");
    let name = namespace.name();
    let made = logtap(&["deploy", "-n", name, "--name", "shared", "--redact=email", "--no-auth"]);
    assert_eq!(made.status, Some(0), "{made:?}");
    let dir = tempfile::tempdir().unwrap();
    let capture = dir.path().join("capture");
    let url = format!("k8s://{name}/shared");
    let download = || logtap(&["download", &url, capture.to_str().unwrap(), "--json"]);
    let mut sent = Sent::default();
    for round in 0..3 {
        push(&namespace, round * 1000, 1000, &mut sent);
        let ran = download();
        assert_eq!(ran.status, Some(0), "{ran:?}");
        assert!(ran.stdout.contains("\"lines\":1000"), "{ran:?}");
        assert_once(&capture, &sent);
    }
    let inspected = logtap(&["inspect", capture.to_str().unwrap(), "--json"]);
    assert!(inspected.stdout.contains("email"), "its rules are known here: {inspected:?}");
    until("its figures", || {
        let status = logtap(&["status", "-n", name, "--json"]);
        let known = status.stdout.contains("\"name\":\"shared\"") && status.stdout.contains("\"received\":3000");
        if known { Ok(()) } else { Err(status.stdout) }
    });
    for (wrong, code) in [(format!("k8s://{name}/nobody"), 3), ("k8s://x".to_owned(), 2)] {
        assert_eq!(logtap(&["download", &wrong, capture.to_str().unwrap()]).status, Some(code), "{wrong}");
    }
    // Followed, it goes on by itself, over a way that is cut, and leaves the receiver where it is.
    let link = Link::new();
    let followed = Recv::download(dir, &url, &link);
    push(&namespace, 3000, 1000, &mut sent);
    followed.arrived(4000);
    link.cut();
    push(&namespace, 4000, 1000, &mut sent);
    followed.arrived(5000);
    let (followed, ran) = followed.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_once(followed.path(), &sent);
    let removed = logtap(&["deploy", "--remove", "-n", name, "--name", "shared", "--json"]);
    assert_eq!(removed.status, Some(0), "{removed:?}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn what_went_with_a_pod_is_a_gap_of_that_size() {
    let namespace = Namespace::new("gap", "restricted");
    let link = Link::new();
    let recv = Recv::start(&namespace, &link, &[]);
    let mut sent = Sent::default();
    push(&namespace, 0, 300, &mut sent);
    recv.arrived(300);
    // The laptop was away; back on a thin line, it hears how much there is long before it has it.
    link.stall(true);
    let mut late = Sent::default();
    for batch in 0..20 {
        push(&namespace, 10_000 + batch * 1000, 1000, &mut late);
    }
    assert_eq!(late.kept.len(), 20_000);
    link.cut();
    link.thin(true);
    link.stall(false);
    recv.arrived(301);
    let pod = pods(&namespace).remove(0);
    namespace.kubectl(&["delete", "pod", &pod, "--grace-period=0", "--force"], "").unwrap();
    link.cut();
    link.thin(false);
    until("another pod", || match pods(&namespace).first() {
        Some(other) if *other != pod => Ok(()),
        other => Err(format!("{other:?}")),
    });
    push(&namespace, 2000, 100, &mut sent);
    until("the last line", || {
        let found = texts(&recv.dir());
        if sent.kept.iter().all(|line| found.contains(line)) { Ok(()) } else { Err(format!("{} lines", found.len())) }
    });
    let (dir, ran) = recv.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let here = texts(dir.path());
    let marks = gaps(dir.path());
    let [mark] = marks.as_slice() else { panic!("{marks:?}") };
    let lost: usize = mark.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(lost > 0, "{mark}");
    assert_eq!(here.len() + lost, 300 + 20_000 + 100, "{mark}");
    sent.open = late.kept;
    assert_once(dir.path(), &sent);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn nobody_reads_and_it_removes_itself() {
    let namespace = Namespace::new("ttl", "restricted");
    let made = logtap(&["deploy", "-n", namespace.name(), "--ttl", "5s"]);
    assert_eq!(made.status, Some(0), "{made:?}");
    let began = Instant::now();
    until("nothing to be left", || {
        let left = kinds(&namespace);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    assert!(began.elapsed() > Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_tap_finds_it_by_itself_and_senders_are_known_by_their_tokens() {
    let namespace = Namespace::new("tap", "restricted");
    let name = namespace.name();
    let good = |args: &[&str]| {
        let ran = logtap(args);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        ran
    };
    good(&["install", "--mode", "policy", "--timeout", "90s"]);
    let script = "n=0; trap exit TERM; while :; do echo line $n; n=$((n+1)); sleep 0.1; done";
    namespace.create(&workload("Deployment", "api", &bare_pod("api", script)));
    namespace.kubectl(&["rollout", "status", "deployment/api", "--timeout=90s"], "").unwrap();
    let recv = Recv::start_asking(&namespace, &Link::new());
    let mut stranger = Sent::default();
    push(&namespace, 0, 10, &mut stranger);
    assert!(stranger.kept.is_empty(), "a sender without a token is refused");
    let checked = good(&["check", "-n", name, "--probe"]);
    assert!(checked.stdout.contains("answers ("), "the probe knows the receiver's authority: {checked:?}");
    good(&["tap", "-n", name, "--deployment", "api", "--timeout", "90s"]);
    recv.arrived(50);
    let (dir, ran) = recv.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stderr.contains(&format!("still tapped to it: deployment/api in namespace {name}")), "{ran:?}");
    let found = texts(dir.path());
    let wanted: Vec<String> = (0..found.len()).map(|n| format!("line {n}")).collect();
    assert_eq!(found, wanted);
    good(&["untap", "-n", name, "--deployment", "api", "--timeout", "90s"]);
    good(&["uninstall", "--timeout", "90s"]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_pod_that_is_told_to_end_hands_over_first_and_another_takes_its_place() {
    let namespace = Namespace::new("evict", "restricted");
    let link = Link::new();
    let recv = Recv::start(&namespace, &link, &[]);
    let mut sent = Sent::default();
    push(&namespace, 0, 2000, &mut sent);
    let pod = pods(&namespace).remove(0);
    namespace.kubectl(&["delete", "pod", &pod, "--wait=false"], "").unwrap();
    until("another pod", || match pods(&namespace).first() {
        Some(other) if *other != pod => Ok(()),
        other => Err(format!("{other:?}")),
    });
    push(&namespace, 5000, 100, &mut sent);
    assert_eq!(sent.kept.len(), 2100);
    recv.arrived(2100);
    let (dir, ran) = recv.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_once(dir.path(), &sent);
    assert_eq!(gaps(dir.path()), Vec::<String>::new());
    assert_eq!(kinds(&namespace), Vec::<String>::new());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_crowd_lands_here_while_the_way_is_cut() {
    crowd::run(3, 60, 3);
}

mod long {
    #[test]
    #[ignore = "ten minutes: LOGTAP_CLUSTER=long tests/run cluster"]
    fn a_crowd_lands_here_for_ten_minutes() {
        super::crowd::run(10, 600, 10);
    }
}
