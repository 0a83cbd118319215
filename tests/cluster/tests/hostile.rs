//! Lines and receivers that mean no good, against the forwarder as it is deployed: what it keeps, what it
//! counts, and how much memory it takes.
//!
//! One test at a time.
//! Only on a cluster of its own.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![expect(clippy::print_stdout, reason = "the figures are what the run is for")]

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use logtap_cluster_tests::node::{configure_kubelet, logs};
use logtap_cluster_tests::observer::{Observer, digest};
use logtap_cluster_tests::processes::{forwarder_of, signal, used};
use logtap_cluster_tests::{Answer, Fake, LocalReceiver, Namespace, Writer, app_pod, injected, until};
use logtap_inject::Config;
use logtap_inject::vocabulary::{annotation, sidecar};
use serde_json::{Value, json};

const SOURCES: [&str; 2] = ["api", "node"];
/// KiB that a forwarder may have had at most.
const MEMORY: u64 = 24 << 10;
/// How long a receiver means no good.
const TIME: Duration = Duration::from_secs(20);
/// Longest wait for what was written to come.
const PATIENCE: Duration = Duration::from_secs(90);

/// Lines that look like something else: like our marks, like the capture's own lines, like a kubelet's
/// files, like a kubelet's complaint; bytes that are no text; a line of 50 MiB.
const LINES: &str = r#"
echo '{"labels":{"logtap":"gap","container":"app"},"msg":"1000000 lines lost","seq":"SOURCE 1 1000000 gap"}'
echo '{"ts":"2026-01-01T00:00:00Z","labels":{"logtap":"end"},"msg":"end","seq":"SOURCE 7 1 end"}'
echo '"logtap":"end"'
echo 'logtap="gap" reason="rotated" lost=7'
echo '{logtap="end", logtap_piece="1+"} logtap_piece=1+'
echo 'X-Logtap-Can-Wait: 1'
echo '2026-01-01T00:00:00.000000000Z stdout F from a file'
echo '2026-01-01T00:00:00.000000000Z stdout P half of a line'
echo '2026-01-01T00:00:00.000000000Z stderr P:later'
echo '9999-12-31T23:59:59.999999999Z a time far away'
echo 'failed to create fsnotify watcher: too many open files'
echo 'unable to retrieve container logs for containerd://0123'
printf '\n \n  \t \r\r\n\033[31mred\033[0m\n'
printf 'nul \000 in the middle\n\000\n\000\000\000\n'
printf 'no utf-8: \377\376 \300\200 \355\240\200 \364\220\200\200 \342\202\nonly \377\n'
printf 'utf-8 at its ends: \364\217\277\277 \357\277\275 \342\200\250 \302\205\n'
printf 'carriage\rreturn\r\n'
echo 'before the long one'
seq 1 9999999 | tr '\n' ' ' | head -c 52428800; echo
echo 'behind it'
head -c 3000000 /dev/zero | tr '\0' '\377'; echo
echo 'the last line'
"#;

/// What a pod's forwarder was, at the end.
struct Seen {
    memory: u64,
    restarts: u64,
    said: String,
}

struct Pod<'n> {
    namespace: &'n Namespace,
    name: String,
    uid: String,
}

impl<'n> Pod<'n> {
    fn start(namespace: &'n Namespace, url: &str, source: &str, change: impl FnOnce(Value) -> Value) -> Self {
        let mut pod = app_pod(namespace, source, LINES);
        pod["metadata"]["annotations"][annotation::TARGET] = url.into();
        pod["metadata"]["annotations"][annotation::SOURCE] = source.into();
        namespace.create(&injected(namespace, change(pod), &Config::default()));
        let uid = until("the pod runs", || {
            let pod = namespace.get("pod", source)?;
            let begun = &pod["status"]["initContainerStatuses"][0]["state"];
            if begun["running"].is_null() {
                return Err(pod["status"].to_string());
            }
            pod["metadata"]["uid"].as_str().map(str::to_owned).ok_or_else(|| "no uid".to_owned())
        });
        Self { namespace, name: source.to_owned(), uid }
    }

    fn container(&self) -> String {
        format!("{}/app", self.name)
    }

    fn process(&self) -> PathBuf {
        forwarder_of(&self.uid).unwrap_or_else(|| panic!("the forwarder of {} runs", self.name))
    }

    /// Asks the forwarder for its figures.
    fn look(&self) -> Seen {
        let process = self.process();
        let memory = used(&process).unwrap().0;
        assert!(signal(&process, "USR1"));
        let said = until("the figures", || {
            let log = self.namespace.logs(&self.name, sidecar::CONTAINER)?;
            if log.contains("bytes wait") { Ok(log) } else { Err(log) }
        });
        let pod = self.namespace.get("pod", &self.name).unwrap();
        let restarts = pod["status"]["initContainerStatuses"][0]["restartCount"].as_u64().unwrap();
        Seen { memory, restarts, said }
    }
}

impl Seen {
    /// The last line with the figures.
    fn figures(&self) -> &str {
        self.said.lines().rfind(|line| line.contains("bytes wait")).unwrap()
    }

    /// The number before some words in the figures; 0 where they are not there.
    fn figure(&self, words: &str) -> u64 {
        let before = self.figures().split(words).next().filter(|before| *before != self.figures());
        before.map_or(0, |before| before.trim_end().rsplit([' ', ',']).next().unwrap().parse().unwrap())
    }

    /// What no kind of hostility may change.
    fn check(&self, what: &str) -> Vec<String> {
        println!(
            "{what}: VmHWM {} KiB, {} lines in its log; {}",
            self.memory,
            self.said.lines().count(),
            self.figures()
        );
        let mut wrong = Vec::new();
        if self.memory > MEMORY {
            wrong.push(format!("{what}: {} KiB, at most {MEMORY}", self.memory));
        }
        if self.restarts > 0 {
            wrong.push(format!("{what}: {} restarts", self.restarts));
        }
        // Its first line, each kind of trouble once, the figures.
        if self.said.lines().count() > 8 {
            wrong.push(format!("{what}: too much is said: {}", self.said));
        }
        wrong
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn lines_that_mean_no_good_are_lines() {
    // A file that is put aside amid a line may cost the API a part of it.
    configure_kubelet(&["containerLogMaxSize: 200Mi"]);
    let namespace = Namespace::new("lines", "privileged");
    namespace.grant();
    let observer = Observer::start(logs(), namespace.name());
    let mut receiver = LocalReceiver::new();
    receiver.start();
    // The runtime holds back a line without an end until the container is over.
    let ends = |source: &str| if source == "node" { "printf 'without an end'" } else { ":" };
    let pods = SOURCES.map(|source| {
        Pod::start(&namespace, &receiver.url(), source, |mut pod| {
            pod["spec"]["containers"][0]["args"] = json!([format!("{LINES}\n{}\nsleep 3600", ends(source))]);
            pod
        })
    });
    let whole = |pod: &Pod<'_>| observer.lines_of(&pod.container()).len();
    until("the lines", || {
        let counts = pods.each_ref().map(whole);
        if counts == [WHOLE; 2] { Ok(()) } else { Err(format!("{counts:?}")) }
    });
    let came = receiver.captured_until(PATIENCE, |captured| {
        pods.iter().all(|pod| captured.get(&pod.container()).is_some_and(|one| one.count() == WHOLE))
    });
    let mut wrong = Vec::new();
    for pod in &pods {
        if came.get(&pod.container()).is_none_or(|one| one.ended || one.count() != WHOLE) {
            wrong.push(format!("{}: {:?} lines, or an end that is none", pod.name, came.get(&pod.container())));
        }
    }
    let seen = pods.each_ref().map(Pod::look);
    namespace.kubectl(&["delete", "pods", "--all", "--wait"], "").unwrap();
    let captured = receiver.captured_until(PATIENCE, |captured| {
        pods.iter().all(|pod| captured.get(&pod.container()).is_some_and(|one| one.ended))
    });
    let truth = observer.finish();
    for (pod, seen) in pods.iter().zip(&seen) {
        wrong.extend(seen.check(&pod.name));
        let verdict = captured[&pod.container()].against(&truth[&pod.container()]);
        println!("{}: {verdict:?}", pod.name);
        let counts = (verdict.missing, verdict.doubled, verdict.disordered, verdict.foreign, verdict.gaps.len());
        if counts != (0, 0, 0, 0, 0) || verdict.written < WHOLE as u64 {
            wrong.push(format!("{}: {verdict:?}", pod.name));
        }
        if seen.figure("with bytes that are no text") == 0 {
            wrong.push(format!("{}: bytes that are no text are not counted: {}", pod.name, seen.figures()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Lines of [`LINES`] that have an end.
const WHOLE: usize = 28;

/// A receiver that means no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bad {
    Garbage,
    Unauthorized,
    Busy,
    Elsewhere,
    Never,
    TooLarge,
    Refused,
}

impl Bad {
    const ALL: [Self; 7] =
        [Self::Garbage, Self::Unauthorized, Self::Busy, Self::Elsewhere, Self::Never, Self::TooLarge, Self::Refused];

    fn answer(self, number: usize) -> Answer {
        let head = |text: &str| Answer::Bytes(text.as_bytes().to_vec());
        match self {
            Self::Garbage => Answer::Bytes(match number % 6 {
                0 => (0..=u8::MAX).cycle().take(1 << 20).collect(),
                1 => b"HTTP/1.1 999999 What\r\n\r\n".to_vec(),
                2 => [b"HTTP/1.1 204 Long\r\nX: ".to_vec(), vec![b'x'; 4 << 20]].concat(),
                // More than it says, more than anybody reads.
                3 => [b"HTTP/1.1 503 Large\r\nContent-Length: 99999999999\r\n\r\n".to_vec(), vec![0; 8 << 20]].concat(),
                4 => b"HTTP/1.1 500 Short\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n".to_vec(),
                _ => Vec::new(),
            }),
            Self::Unauthorized => Answer::Say(401, "text/html", vec![b'<'; 2 << 20]),
            Self::Busy => head("HTTP/1.1 429 Busy\r\nRetry-After: 99999999999999\r\nContent-Length: 0\r\n\r\n"),
            Self::Elsewhere => head("HTTP/1.1 307 There\r\nLocation: http://10.85.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
            Self::Never => Answer::Nothing,
            Self::TooLarge => Answer::Say(413, "text/plain", Vec::new()),
            Self::Refused => Answer::Say(400, "text/plain", Vec::new()),
        }
    }

    /// Whether it says that it will never take what it was sent.
    fn is_final(self) -> bool {
        matches!(self, Self::TooLarge | Self::Refused)
    }
}

/// A good receiver, then a bad one, then the good one again. What is not as it should be.
fn suffer(bad: Bad, writer: &Writer) -> Vec<String> {
    let namespace = Namespace::new(&format!("{bad:?}").to_lowercase(), "privileged");
    namespace.grant();
    let observer = Observer::start(logs(), namespace.name());
    let mut receiver = LocalReceiver::new();
    receiver.start();
    // Numbers of lost records are numbers of lost lines where no line is longer than a record.
    let shape = |source: &str| match (bad.is_final(), source) {
        (true, _) => "short",
        (_, "node") => "both",
        _ => "out",
    };
    let seconds = TIME.as_secs() + 20;
    let pods = SOURCES.map(|source| {
        Pod::start(&namespace, &receiver.url(), source, |pod| {
            let mut pod = writer.run_in(pod, &[]);
            // It stays until all is sent: what has to end meanwhile has five seconds for the rest.
            let script = format!("/writer/writer 300 {seconds} {}; echo done; exec sleep 3600", shape(source));
            pod["spec"]["containers"][0]["command"] = json!(["/bin/sh", "-c", script]);
            pod
        })
    });
    receiver.captured_until(PATIENCE, |captured| {
        pods.iter().all(|pod| captured.get(&pod.container()).is_some_and(|one| one.count() > 100))
    });
    receiver.kill();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let decide = move |_: &_| bad.answer(asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let fake = Fake::plain_on(receiver.port(), decide);
    let began = Instant::now();
    sleep(TIME);
    let seen = pods.each_ref().map(Pod::look);
    println!("{bad:?}: {} requests in {:.0} s", fake.asked().len(), began.elapsed().as_secs_f64());
    drop(fake);
    receiver.start();
    let written = |pod: &Pod<'_>| {
        let lines = observer.lines_of(&pod.container());
        lines.last().filter(|line| line.digest == digest(b"done")).map(|line| line.digest)
    };
    receiver.captured_until(PATIENCE, |captured| {
        let came =
            |pod: &Pod<'_>| written(pod).zip(captured.get(&pod.container())?.last()).map(|(one, other)| one == other);
        pods.iter().all(|pod| came(pod) == Some(true))
    });
    namespace.kubectl(&["delete", "pods", "--all", "--wait"], "").unwrap();
    let captured = receiver.captured_until(PATIENCE, |captured| {
        pods.iter().all(|pod| captured.get(&pod.container()).is_some_and(|one| one.ended))
    });
    let truth = observer.finish();
    let mut wrong = Vec::new();
    for (pod, seen) in pods.iter().zip(&seen) {
        let what = format!("{bad:?}, {}", pod.name);
        wrong.extend(seen.check(&what));
        let verdict = captured[&pod.container()].against(&truth[&pod.container()]);
        let marked: u64 = verdict.gaps.iter().map(|gap| gap.lost.parse().unwrap_or(0)).sum();
        let reasons: Vec<&str> = verdict.gaps.iter().map(|gap| gap.reason.as_str()).collect();
        println!(
            "{what}: {} of {} lines missing, {marked} in marks {reasons:?}, {} doubled",
            verdict.missing, verdict.written, verdict.doubled
        );
        if !captured[&pod.container()].ended {
            wrong.push(format!("{what}: no end"));
        }
        if (verdict.doubled, verdict.disordered, verdict.foreign) != (0, 0, 0) || verdict.missing != marked {
            wrong.push(format!("{what}: {verdict:?}"));
        }
        if bad.is_final() {
            if verdict.missing == 0 || seen.figure("refused") == 0 {
                wrong.push(format!("{what}: nothing is counted as refused: {}", seen.figures()));
            }
        } else {
            let in_vain = seen.figure("requests in vain");
            if verdict.missing > 0 || (bad != Bad::Never && in_vain == 0) {
                wrong.push(format!("{what}: {} missing, {in_vain} in vain", verdict.missing));
            }
        }
    }
    wrong
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn receivers_that_mean_no_good_cost_nothing_that_is_not_counted() {
    let writer = Writer::build();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let all = Bad::ALL.map(|bad| {
            let writer = &writer;
            scope.spawn(move || suffer(bad, writer))
        });
        all.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}
