//! Signatures as Sigstore bundles, with OpenSSL and cosign as the other side.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{World, run};

fn openssl(args: &[&str]) {
    let done = Command::new("openssl").args(args).output().expect("tests/run tools installs openssl");
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn pair(world: &World, who: &str, curve: &str) -> (PathBuf, PathBuf) {
    let (secret, public) = (world.at(&format!("{who}.pem")), world.at(&format!("{who}.pub.pem")));
    let curve = format!("ec_paramgen_curve:{curve}");
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", &curve, "-out", text(&secret)]);
    openssl(&["pkey", "-in", text(&secret), "-pubout", "-out", text(&public)]);
    (secret, public)
}

fn sign(world: &World, key: &Path) -> (i32, String) {
    run(&["sign", text(&world.capture()), "--format", "sigstore", "--key", text(key), "--force"])
}

fn verify(world: &World, key: &Path) -> (i32, String) {
    run(&["verify", text(&world.capture()), "--key", text(key)])
}

#[test]
fn what_was_signed_verifies_here_and_by_openssl() {
    let world = World::new();
    let (secret, public) = pair(&world, "mine", "P-256");
    let (_, stranger) = pair(&world, "stranger", "P-256");
    let (code, said) = sign(&world, &secret);
    assert_eq!(code, 0, "{said}");
    let (code, said) = verify(&world, &public);
    assert!(code == 0 && said.contains("as the owner of key "), "{said}");
    let (code, said) = verify(&world, &stranger);
    assert!(code == 6 && said.contains("by no key that you named"), "{said}");
    assert_eq!(world.verify(&[]).0, 6, "an SSH key that was named did not sign");

    // The envelope as its specification has it.
    let path = world.capture().join("statement.json.sigstore.json");
    let whole = fs::read_to_string(&path).unwrap();
    let bundle: Value = serde_json::from_str(&whole).unwrap();
    let envelope = &bundle["dsseEnvelope"];
    let statement = fs::read(world.capture().join("statement.json")).unwrap();
    assert_eq!(STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap(), statement);
    let signed =
        [format!("DSSEv1 28 application/vnd.in-toto+json {} ", statement.len()).as_bytes(), &statement].concat();
    fs::write(world.at("signed"), signed).unwrap();
    let signature = STANDARD.decode(envelope["signatures"][0]["sig"].as_str().unwrap()).unwrap();
    fs::write(world.at("sig"), signature).unwrap();
    let (signature, signed) = (world.at("sig"), world.at("signed"));
    openssl(&["dgst", "-sha256", "-verify", text(&public), "-signature", text(&signature), text(&signed)]);

    // Changes of any part.
    let other = STANDARD.encode(b"{}");
    let payload = envelope["payload"].as_str().unwrap();
    for broken in [
        String::new(),
        "{}".to_owned(),
        whole.replace(payload, &other),
        whole.replace("v0.3", "v0.9"),
        whole.replace("\"signatures\":[", "\"signatures\":[{\"sig\":\"AA==\"},"),
    ] {
        fs::write(&path, &broken).unwrap();
        assert_eq!(verify(&world, &public).0, 6, "{broken:.200}");
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(verify(&world, &public).0, 0);
    fs::write(world.capture().join("added"), "x").unwrap();
    let (code, said) = verify(&world, &public);
    assert!(code == 6 && said.contains("extra    added"), "{said}");
}

/// The program itself, in a network with nobody in it. It takes minutes to build: without it the test says
/// nothing, and the tier `unit` says that it did not run.
#[test]
fn what_was_signed_verifies_by_cosign_without_a_network() {
    if Command::new("cosign").arg("version").output().is_err() {
        assert!(std::env::var_os("LOGTAP_COSIGN").is_none(), "LOGTAP_COSIGN=1 tests/run tools builds cosign");
        eprintln!("verification by cosign NOT RUN: LOGTAP_COSIGN=1 tests/run tools unit");
        return;
    }
    let world = World::new();
    let (secret, public) = pair(&world, "mine", "P-256");
    let (_, stranger) = pair(&world, "stranger", "P-256");
    let (code, said) = sign(&world, &secret);
    assert_eq!(code, 0, "{said}");
    let bundle = world.capture().join("statement.json.sigstore.json");
    let verified = |key: &Path, file: &Path| {
        // As docs/signing.md has it.
        let mut cosign = Command::new("unshare");
        cosign.args(["--net", "cosign", "verify-blob-attestation", "--bundle", text(&bundle), "--key", text(key)]);
        cosign.args(["--type", "https://logtap.io/capture/v1", "--insecure-ignore-tlog", text(file)]);
        let done = cosign.env("HOME", world.at("home")).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.success(), said.contains("Verified OK"), "{said}");
        done.status.success()
    };
    let file = world.capture().join("2026-11-20T100000-000.jsonl");
    for name in ["2026-11-20T100000-000.jsonl", "2026-11-20T100002-000.jsonl", "metadata.json", "manifest.sha256"] {
        assert!(verified(&public, &world.capture().join(name)), "{name}");
    }
    assert!(!verified(&stranger, &file), "another key");
    fs::write(world.at("other"), "{}\n").unwrap();
    assert!(!verified(&public, &world.at("other")), "a file that the statement does not name");
    let whole = fs::read_to_string(&bundle).unwrap();
    let signature = serde_json::from_str::<Value>(&whole).unwrap()["dsseEnvelope"]["signatures"][0]["sig"].clone();
    let mut other = STANDARD.decode(signature.as_str().unwrap()).unwrap();
    *other.last_mut().unwrap() ^= 1;
    fs::write(&bundle, whole.replace(signature.as_str().unwrap(), &STANDARD.encode(other))).unwrap();
    assert!(!verified(&public, &file), "another signature");
}

#[test]
fn keys_of_other_kinds_are_refused() {
    let world = World::new();
    let (secret, public) = pair(&world, "other", "P-384");
    let (code, said) = sign(&world, &secret);
    assert!(code == 2 && said.contains("no private key of curve P-256"), "{said}");
    assert_eq!(verify(&world, &public).0, 2, "it is no key that counts");
    assert_eq!(sign(&world, &world.at("me")).0, 2, "an SSH key");
    assert_eq!(sign(&world, &world.at("nowhere")).0, 3);
    let (code, said) = run(&["sign", text(&world.capture()), "--format", "sigstore"]);
    assert!(code == 2 && said.contains("openssl genpkey"), "{said}");
    assert!(!world.capture().join("statement.json").exists(), "nothing is written before it is signed");
}
