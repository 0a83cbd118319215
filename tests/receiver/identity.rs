//! Senders that are pods: what the cluster knows of them counts, not what they say.

use std::sync::Arc;

use logtap_push::encode::{Line, Stream, snappy};
use logtap_push::sequence::Sequence;
use logtap_receiver::config::Verifier;
use logtap_receiver::identity::{Pod, Verdict, Verify};
use logtap_testkit::capture::Capture;
use logtap_testkit::client::{LokiClient, Response};

use crate::support::Receiver;

/// A fake of the cluster: tokens are `NAMESPACE/POD/UID`, or say what is the matter.
struct Fake;

impl Verify for Fake {
    fn verify(&mut self, token: &str) -> Verdict {
        match token.split('/').collect::<Vec<_>>()[..] {
            [namespace, name, uid] => Verdict::Pod(Arc::new(Pod {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                uid: uid.to_owned(),
            })),
            ["away"] => Verdict::Unavailable("no answer".to_owned()),
            _ => Verdict::Refused("unknown".to_owned()),
        }
    }
}

fn receiver() -> Receiver {
    Receiver::start(|config| config.identities = Some(Verifier(Box::new(Fake))))
}

fn post(client: &mut LokiClient, token: Option<&str>, text: &str, first: u64) -> Response {
    let labels = [("container", "app"), ("namespace", "payments"), ("pod", "ledger-0")];
    let lines = [Line { ns: 1_790_000_000_000_000_000, text, meta: &[] }];
    let sequence = Some(Sequence { source: "one", first, mark: None });
    let body = snappy(&[Stream { labels: &labels, lines: &lines, sequence }]);
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/x-protobuf")];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    client.post("/loki/api/v1/push", &headers, &body).unwrap()
}

#[test]
fn the_clusters_word_counts() {
    let receiver = receiver();
    let mut client = receiver.client();
    assert_eq!(post(&mut client, Some("shop/web-1/u1"), "from web-1", 1).status, 204);
    assert_eq!(post(&mut client, Some("shop/web-2/u2"), "from web-2", 1).status, 204);
    assert_eq!(post(&mut client, Some("shop/web-2/u2"), "from web-2 again", 1).status, 204);
    let (summary, dir) = receiver.stop();
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    let seen: Vec<_> = capture
        .logs()
        .map(|line| ["namespace", "pod", "container", "app"].map(|label| line.labels.get(label).map(String::as_str)))
        .collect();
    let of = |pod| [Some("shop"), Some(pod), Some("app"), None];
    assert_eq!(seen, [of("web-1"), of("web-2")], "the container stays the sender's claim");
    assert_eq!(summary.counts.repeated, 1, "one pod's numbers are nothing to another's");
}

#[test]
fn nobody_else_gets_in_and_a_silent_cluster_is_no_refusal() {
    let receiver = receiver();
    let mut client = receiver.client();
    assert_eq!(post(&mut client, None, "x", 1).status, 401);
    assert_eq!(post(&mut client, Some("stranger"), "x", 1).status, 401);
    let away = post(&mut client, Some("away"), "x", 1);
    assert_eq!((away.status, away.header("retry-after")), (503, Some("1")));
    assert_eq!(client.get("/metrics").unwrap().status, 401);
    assert_eq!(client.get("/ready").unwrap().status, 200);
    let (summary, dir) = receiver.stop();
    assert_eq!(summary.counts.received, 0);
    let audit = std::fs::read_to_string(dir.path().join("capture/audit.jsonl")).unwrap();
    assert_eq!(audit.matches("unauthorized").count(), 3);
}
