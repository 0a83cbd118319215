//! Certificates under the eyes of clients: swapped while they talk, and read from files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

use http_body_util::BodyExt;
use logtap_certs::{Authority, Reloading};
use tokio::task::JoinSet;

use crate::stage::{NAME, Stage, is_injected, millis, seconds, tapped};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_125_a_leaf_swapped_under_load_loses_nothing() {
    let stage = Arc::new(Stage::new().await);
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for number in 0..8 {
        let (stage, stop, count) = (stage.clone(), stop.clone(), count.clone());
        clients.spawn(async move {
            let mut kept = stage.http2().await;
            while !stop.load(Ordering::Relaxed) {
                // Half of them shake hands for each request.
                let body = if number % 2 == 0 {
                    kept.ready().await.unwrap();
                    let response = kept.send_request(tapped()).await.expect("a request was lost");
                    response.into_body().collect().await.unwrap().to_bytes().to_vec()
                } else {
                    stage.send(tapped()).await.1.into_bytes()
                };
                assert!(is_injected(&body));
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for _ in 0..200 {
        let leaf = stage.authority.sign(&[NAME.to_owned()], SystemTime::now(), seconds(600)).unwrap();
        stage.live.serve(&leaf);
        tokio::time::sleep(millis(5)).await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    assert!(count.load(Ordering::Relaxed) > 200);
}

/// Files as the kubelet mounts them: through a link to a folder that is exchanged as a whole.
fn mount(root: &Path, name: &str, certificate: &str, key: &str) {
    let folder = root.join(name);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("tls.crt"), certificate).unwrap();
    fs::write(folder.join("tls.key"), key).unwrap();
    let next = root.join("..data_tmp");
    symlink(&folder, &next).unwrap();
    fs::rename(next, root.join("..data")).unwrap();
    for file in ["tls.crt", "tls.key"] {
        if !root.join(file).exists() {
            symlink(Path::new("..data").join(file), root.join(file)).unwrap();
        }
    }
}

#[test]
fn case_129_files_exchanged_through_a_link() {
    let root = tempfile::tempdir().unwrap();
    let pair = || {
        let one = Authority::mint(SystemTime::now(), seconds(3600)).unwrap();
        (one.certificate().to_pem(), one.key_pem())
    };
    let (certificate, key) = pair();
    mount(root.path(), "..1", &certificate, &key);
    let files = Reloading::load(&root.path().join("tls.crt"), &root.path().join("tls.key")).unwrap();
    assert_eq!(files.certificate().unwrap().to_pem(), certificate);
    std::thread::sleep(millis(20));
    let (certificate, key) = pair();
    mount(root.path(), "..2", &certificate, &key);
    assert!(files.reload().unwrap());
    assert_eq!(files.certificate().unwrap().to_pem(), certificate);
    assert!(!files.reload().unwrap());
}

#[test]
fn case_129_keys_of_every_form() {
    for (name, key) in [("SEC1", "EC PRIVATE KEY"), ("PKCS1", "RSA PRIVATE KEY"), ("PKCS8", "PRIVATE KEY")] {
        let root = tempfile::tempdir().unwrap();
        let path = |file: &str| root.path().join(file).to_str().unwrap().to_owned();
        let (certificate, file) = (path("tls.crt"), path("tls.key"));
        let kind: &[&str] =
            if name == "PKCS1" { &["rsa:2048"] } else { &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] };
        let made = ["req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=x", "-keyout", &file, "-out", &certificate];
        openssl(&[&made[..], &["-newkey"], kind].concat());
        match name {
            "SEC1" => openssl(&["ec", "-in", &file, "-out", &file]),
            "PKCS1" => openssl(&["rsa", "-traditional", "-in", &file, "-out", &file]),
            _ => {}
        }
        assert!(fs::read_to_string(&file).unwrap().starts_with(&format!("-----BEGIN {key}-----")), "{name}");
        Reloading::load(Path::new(&certificate), Path::new(&file)).unwrap();
    }
}

fn openssl(arguments: &[&str]) {
    let output = std::process::Command::new("openssl").args(arguments).output().expect("openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
