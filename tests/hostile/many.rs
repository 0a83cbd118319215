//! Cardinality: a million of what is usually a handful.

use std::fmt::Write;

use logtap_testkit::client::Body;
use logtap_testkit::load::{self, Plan, Prepared};

use crate::{JSON, PUSH, Victim};

fn post(victim: &Victim, body: &str) {
    let response = victim.attack(PUSH, &[JSON], body.as_bytes()).unwrap();
    assert_eq!(response.status, 204, "{}", response.text());
}

fn streams(sets: impl Iterator<Item = String>) -> String {
    let mut body = String::from(r#"{"streams":["#);
    for (at, labels) in sets.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(body, r#"{comma}{{"stream":{{{labels}}},"values":[["{}","x"]]}}"#, 1_790_000_000_000_000_000 + at)
            .unwrap();
    }
    body + "]}"
}

/// In large batches, then in requests of one line.
pub(crate) fn label_sets(victim: &mut Victim) {
    for batch in 0..10 {
        post(victim, &streams((0..98_000).map(|n| format!(r#""app":"svc-{batch}-{n}","pod":"{n:x}""#))));
    }
    let one = |n: usize| Prepared {
        body: Body {
            path: PUSH,
            content_type: Some("application/json"),
            content_encoding: None,
            bytes: streams(std::iter::once(format!(r#""app":"one-{n}""#))).into_bytes(),
        },
        lines: 1,
        text: 1,
    };
    let requests: Vec<_> = (0..20_000).map(one).collect();
    let plan = Plan { connections: 8, rate: None, duration: None, limit: None };
    let outcome = load::post(victim.recv.addr(), &requests, plan);
    assert_eq!((outcome.statuses.get(&204), outcome.failures.len()), (Some(&20_000), 0), "{:?}", outcome.failures);
    println!("one-line requests of new streams: {:.0}/s", outcome.lines_per_second());
}

pub(crate) fn label_names(victim: &mut Victim) {
    for batch in 0..5 {
        post(victim, &streams((0..40_000).map(|n| format!(r#""name_{batch}_{n}":"x""#))));
    }
    let wide: Vec<String> = (0..100_000).map(|n| format!(r#""wide_{n}":"x""#)).collect();
    post(victim, &streams(std::iter::once(wide.join(","))));
}

/// From 1700 to 2260, in no order.
pub(crate) fn timestamps(victim: &mut Victim) {
    let mut rng = fastrand::Rng::with_seed(3);
    for _ in 0..10 {
        let mut body = String::from(r#"{"streams":[{"stream":{"app":"ages"},"values":["#);
        for n in 0..100_000 {
            let comma = if n == 0 { "" } else { "," };
            write!(body, r#"{comma}["{}","x"]"#, rng.i64(-8_500_000_000_000_000_000..9_150_000_000_000_000_000))
                .unwrap();
        }
        body += "]}]}";
        post(victim, &body);
    }
}
