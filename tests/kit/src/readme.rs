//! The command lines of the README of logtap 1.x, as they were printed there, comments aside: whoever knows
//! 1.x types them. Lines that stand there twice are here once; the table of commands there has forms that
//! leave out flags which 1.x demands, too, and those are not here.

/// Where a line can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// This machine: `tests/cli/readme.rs`.
    Nothing,
    /// A cluster: `tests/cluster/tests/readme.rs`.
    Cluster,
    /// A bucket: `tests/remote/test_readme.py`.
    Bucket,
}

/// What takes the place of names that stood for the reader's own.
pub const SUBSTITUTIONS: [(&str, &str); 8] = [
    ("the default port, 3100", "LOGTAP_RECV_ADDR=127.0.0.1:0"),
    ("<dir>", "./capture"),
    ("<pattern>", "error"),
    ("--listen :3100", "--listen 127.0.0.1:0"),
    ("http://hook", "a local server's URL"),
    ("host:3100", "address of the cluster's receiver"),
    ("--namespace payments", "--namespace and the test's own"),
    ("s3://...", "s3://bucket/shared"),
];

/// The lines.
pub const LINES: [(&str, Needs); 52] = [
    ("logtap version", Needs::Nothing),
    ("logtap recv --dir ./capture --max-disk 1GB --redact", Needs::Nothing),
    ("logtap recv --listen :3100 --dir ./capture --max-disk 1GB --redact", Needs::Nothing),
    ("logtap open ./capture", Needs::Nothing),
    ("logtap inspect <dir> --json", Needs::Nothing),
    ("logtap triage <dir> --json", Needs::Nothing),
    ("logtap grep <pattern> <dir> --format text", Needs::Nothing),
    ("logtap check --json", Needs::Cluster),
    ("logtap upload <dir> --to s3://... --share --json", Needs::Bucket),
    ("logtap check", Needs::Cluster),
    ("logtap recv --in-cluster --image ghcr.io/ppiankov/logtap-forwarder:latest --redact", Needs::Cluster),
    ("logtap tap --deployment api-gateway", Needs::Cluster),
    ("logtap untap --deployment api-gateway", Needs::Cluster),
    ("logtap inspect ./capture", Needs::Nothing),
    ("logtap triage ./capture --out ./triage", Needs::Nothing),
    ("logtap recv", Needs::Nothing),
    ("logtap watch <dir>", Needs::Nothing),
    ("logtap catalog", Needs::Nothing),
    ("logtap report <dir>", Needs::Nothing),
    ("logtap deploy", Needs::Cluster),
    ("logtap status", Needs::Cluster),
    ("logtap recv --dir ./capture --max-disk 50GB --redact", Needs::Nothing),
    ("logtap recv --listen :3100 --dir ./capture", Needs::Nothing),
    ("logtap recv --headless", Needs::Nothing),
    ("logtap recv --tls-cert cert.pem --tls-key key.pem", Needs::Nothing),
    ("logtap recv --in-cluster --image ghcr.io/ppiankov/logtap-forwarder:latest", Needs::Cluster),
    ("logtap tap --deployment api-gateway --target host:3100", Needs::Cluster),
    ("logtap tap --namespace payments --allow-prod --target host:3100", Needs::Cluster),
    ("logtap tap --selector app=worker --target host:3100", Needs::Cluster),
    ("logtap tap --namespace payments --all --force --target host:3100", Needs::Cluster),
    ("logtap open ./capture --speed 10x", Needs::Nothing),
    ("logtap open ./capture --from 10:32 --to 10:45 --label app=gateway", Needs::Nothing),
    ("logtap export ./capture --format parquet --out capture.parquet", Needs::Nothing),
    ("logtap export ./capture --format csv --grep \"error|timeout\" --out errors.csv", Needs::Nothing),
    ("logtap grep \"error|timeout\" ./capture", Needs::Nothing),
    ("logtap grep \"ORD-12345\" ./capture --format text", Needs::Nothing),
    ("logtap grep \"tracking-id-abc123\" ./capture --sort", Needs::Nothing),
    ("logtap grep \"OOMKilled\" ./capture --label app=worker --count", Needs::Nothing),
    ("logtap grep \"panic\" ./capture -C 3", Needs::Nothing),
    ("logtap diff ./before ./after --json", Needs::Nothing),
    ("logtap diff ./baseline ./current --baseline --json", Needs::Nothing),
    ("logtap upload ./capture s3://bucket/prefix", Needs::Bucket),
    ("logtap download s3://bucket/prefix --out ./capture", Needs::Bucket),
    ("logtap recv --dir ./capture --webhook-url http://hook --webhook-auth bearer:my-token", Needs::Nothing),
    ("logtap recv --dir ./capture --webhook-url http://hook --webhook-auth hmac-sha256:secret", Needs::Nothing),
    ("logtap slice ./capture --label app=web --out ./slice --json", Needs::Nothing),
    ("logtap merge ./a ./b --out ./merged --json", Needs::Nothing),
    ("logtap snapshot ./capture --output capture.tar.zst --json", Needs::Nothing),
    ("logtap triage ./capture --out ./triage --jobs 8", Needs::Nothing),
    ("logtap recv --redact --dir ./capture", Needs::Nothing),
    ("logtap recv --redact=email,jwt --dir ./capture", Needs::Nothing),
    ("logtap recv --redact --redact-patterns ./patterns.yaml --dir ./capture", Needs::Nothing),
];

/// What of 1.x's promises about these lines is kept in another form.
pub const OTHERWISE: [(&str, &str); 4] = [
    (
        "logtap grep \"tracking-id-abc123\" ./capture --sort",
        "prints lines for people; with --json one object a line, as 1.x did",
    ),
    ("logtap export ./capture --format parquet --out capture.parquet", "needs a build with --features parquet"),
    (
        "logtap upload ./capture s3://bucket/prefix",
        "the capture is at s3://bucket/prefix/ID; one that was not redacted needs --allow-unredacted",
    ),
    (
        "logtap download s3://bucket/prefix --out ./capture",
        "fetches what `upload` of this version put there, if it is the only capture; ./capture must not exist",
    ),
];
