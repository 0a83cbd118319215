//! Any bytes as a signature of each kind, and as the statement that it signs: nothing verifies, and nothing
//! ends the program.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use logtap_sign::statement::Statement;
use logtap_sign::{minisign, sigstore, ssh};

/// Public keys whose other halves nobody has.
static KEYS: LazyLock<(minisign::Key, sigstore::Key)> = LazyLock::new(|| {
    let minisign = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    let pem = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
";
    let read = (minisign::Key::read(minisign), sigstore::Key::read(pem));
    (read.0.expect("a key of minisign's"), read.1.expect("a key of curve P-256"))
});

fuzz_target!(|data: (&[u8], &[u8])| {
    let (signature, message) = data;
    assert!(ssh::signer(signature, message).is_err());
    let (minisign, sigstore) = &*KEYS;
    assert!(minisign::verify(signature, message, std::slice::from_ref(minisign)).is_err());
    assert!(sigstore::verify(signature, message, std::slice::from_ref(sigstore)).is_err());
    if let Ok(text) = std::str::from_utf8(signature) {
        let _number = minisign::signer(text);
        // A number that is ours leads on to the signature itself.
        let ours = format!("untrusted comment: x\n{text}");
        assert!(minisign::verify(ours.as_bytes(), message, std::slice::from_ref(minisign)).is_err());
    }
    if let Ok(statement) = Statement::read(message) {
        assert!(statement.bytes().is_ok());
    }
});
