//! `--auth-token-file`: senders present one of its tokens.

use logtap_testkit::batches::Batch;
use logtap_testkit::capture::Capture;
use logtap_testkit::client::{Dialect, encode};

use super::{start, stop};

#[test]
fn a_push_needs_one_of_the_tokens() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, file) = (temp.path().join("capture"), temp.path().join("tokens"));
    std::fs::write(&file, "first-token\n\n  second-token  \n").unwrap();
    let mut recv = start(&dir, &["--auth-token-file", file.to_str().unwrap()]);
    let mut client = recv.client();
    let body = encode(Dialect::ProtoSnappy, &Batch::of(&[("app", "api")], 1_790_000_000_000_000_000, &["x"]));
    let mut status = |authorization: Option<&str>| {
        let mut headers = body.headers();
        headers.extend(authorization.map(|value| ("authorization", value)));
        client.post(body.path, &headers, &body.bytes).unwrap().status
    };
    for wrong in
        [None, Some("Bearer first-toke"), Some("Bearer "), Some("Basic first-token"), Some("Bearer first-token\n")]
    {
        let wrong = wrong.map(str::trim_end);
        let expected = if wrong == Some("Bearer first-token") { 204 } else { 401 };
        assert_eq!(status(wrong), expected, "{wrong:?}");
    }
    assert_eq!(status(Some("Bearer second-token")), 204);
    let mut client = recv.client();
    assert_eq!(client.get("/metrics").unwrap().status, 401);
    for open in ["/ready", "/healthz", "/readyz"] {
        assert_eq!(client.get(open).unwrap().status, 200, "probes carry no token: {open}");
    }
    stop(&mut recv);
    assert_eq!(Capture::read(&dir).unwrap().logs().count(), 2);
    assert!(!recv.stderr().contains("token\""), "{}", recv.stderr());
    for written in
        [String::from_utf8_lossy(&logtap_testkit::capture::raw_bytes(&dir).unwrap()).into_owned(), recv.stderr()]
    {
        assert!(!written.contains("first-token") && !written.contains("second-token"));
    }
}
