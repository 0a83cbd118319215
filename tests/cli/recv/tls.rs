//! TLS: the flags, senders' certificates, and a certificate replaced under load.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use logtap_testkit::batches::Batch;
use logtap_testkit::capture::Capture;
use logtap_testkit::client::{Dialect, encode, read_response};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{start, stop, until};
use crate::world::run;

/// An authority that signs what the tests need.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for `localhost` and its key, both PEM.
    fn sign(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn client(&self, identity: Option<&(String, String)>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        // A resumed session shows the certificate of the first one.
        config.resumption = rustls::client::Resumption::disabled();
        Arc::new(config)
    }
}

/// Pushes one line over a new connection; the status and the server's certificate.
fn push(addr: SocketAddr, config: &Arc<ClientConfig>, n: i64) -> std::io::Result<(u16, CertificateDer<'static>)> {
    let body =
        encode(Dialect::JsonV1, &Batch::of(&[("app", "api")], 1_790_000_000_000_000_000, &[&format!("line {n}")]));
    let socket = TcpStream::connect(addr)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), socket);
    let mut head =
        format!("POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n", body.path, body.bytes.len());
    for (name, value) in body.headers() {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(&body.bytes)?;
    let status = read_response(&mut BufReader::new(&mut stream), "POST")?.status;
    let leaf = stream.conn.peer_certificates().unwrap()[0].clone().into_owned();
    Ok((status, leaf))
}

fn write(dir: &Path, (certificate, key): &(String, String), later: u64) -> [String; 2] {
    [("cert.pem", certificate), ("key.pem", key)].map(|(name, text)| {
        // As tools replace certificates: a new file in the place of the old one.
        let (path, new) = (dir.join(name), dir.join(format!("{name}.new")));
        std::fs::write(&new, text).unwrap();
        let time = SystemTime::now() + Duration::from_secs(later);
        std::fs::File::options().write(true).open(&new).unwrap().set_modified(time).unwrap();
        std::fs::rename(&new, &path).unwrap();
        path.to_str().unwrap().to_owned()
    })
}

#[test]
fn a_certificate_is_replaced_and_no_request_fails() {
    let (temp, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let dir = temp.path().join("capture");
    let (first, second) = (authority.sign(), authority.sign());
    let [certificate, key] = write(temp.path(), &first, 0);
    let mut recv = start(&dir, &["--tls-cert", &certificate, "--tls-key", &key]);
    assert!(recv.stderr().contains("listening on https://"), "{}", recv.stderr());
    let (addr, client) = (recv.addr(), authority.client(None));
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    assert_eq!(push(addr, &client, 0).unwrap(), (204, der(&first.0)));

    let ended = Arc::new(AtomicBool::new(false));
    let load = std::thread::Builder::new().name("senders".to_owned()).spawn({
        let (ended, client) = (ended.clone(), client.clone());
        move || {
            let mut sent = 1;
            while !ended.load(Ordering::SeqCst) {
                assert_eq!(push(addr, &client, sent).unwrap().0, 204);
                sent += 1;
            }
            sent
        }
    });
    write(temp.path(), &second, 5);
    until("the new certificate is shown", || push(addr, &client, -1).unwrap().1 == der(&second.0));
    std::fs::write(&key, "no key").unwrap();
    until("the broken key is spoken of", || recv.stderr().contains("the old TLS certificate stays in force"));
    assert_eq!(push(addr, &client, -2).unwrap(), (204, der(&second.0)));
    ended.store(true, Ordering::SeqCst);
    let sent = load.unwrap().join().unwrap();
    let mut plain = recv.client();
    assert!(plain.get("/ready").is_err(), "clear text is not answered");
    stop(&mut recv);
    let kept = Capture::read(&dir).unwrap();
    assert_eq!(kept.counts().keys().filter(|line| !line.contains('-')).count(), sent as usize);
}

#[test]
fn with_an_authority_only_its_senders_are_let_in() {
    let (temp, authority, other) = (tempfile::tempdir().unwrap(), Authority::new(), Authority::new());
    let ca = temp.path().join("ca.pem");
    std::fs::write(&ca, &authority.pem).unwrap();
    let [certificate, key] = write(temp.path(), &authority.sign(), 0);
    let dir = temp.path().join("capture");
    let args = ["--tls-cert", &certificate, "--tls-key", &key, "--tls-client-ca", ca.to_str().unwrap()];
    let mut recv = start(&dir, &args);
    let addr = recv.addr();
    assert!(push(addr, &authority.client(None), 1).is_err(), "no certificate");
    assert!(push(addr, &authority.client(Some(&other.sign())), 2).is_err(), "of another authority");
    assert_eq!(push(addr, &authority.client(Some(&authority.sign())), 3).unwrap().0, 204);
    stop(&mut recv);
    assert_eq!(Capture::read(&dir).unwrap().counts().keys().collect::<Vec<_>>(), [&"line 3"]);
}

#[test]
fn half_of_a_pair_is_an_error() {
    let temp = tempfile::tempdir().unwrap();
    let [certificate, key] = write(temp.path(), &Authority::new().sign(), 0);
    let [_, foreign] = {
        let other = temp.path().join("other");
        std::fs::create_dir(&other).unwrap();
        write(&other, &Authority::new().sign(), 0)
    };
    let dir = temp.path().join("capture");
    for args in [
        &["--tls-cert", &certificate][..],
        &["--tls-key", &key],
        &["--tls-client-ca", &certificate],
        &["--tls-cert", &certificate, "--tls-key", &foreign],
        &["--tls-cert", &key, "--tls-key", &certificate],
    ] {
        let outcome = run(&[&["recv", "--dir", dir.to_str().unwrap()], args].concat());
        assert_eq!(outcome.code, 2, "{args:?}: {}", outcome.err);
    }
    assert!(!dir.exists());
}
