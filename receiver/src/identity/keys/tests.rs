//! Tokens that the cluster signed are verified with its keys, and no others.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::*;

struct Cluster {
    pair: EcdsaKeyPair,
}

impl Cluster {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { pair }
    }

    fn keys(&self) -> Keys {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (B64.encode(&point[1..33]), B64.encode(&point[33..65]));
        let key = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "one", "x": x, "y": y });
        Keys::new(&json!({ "keys": [key] }).to_string(), "logtap").unwrap()
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", B64.encode(signature.as_ref()))
    }
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "one" })
}

fn claims() -> Value {
    json!({
        "iss": "https://kubernetes.default.svc.cluster.local",
        "aud": ["logtap"],
        "exp": 4_102_444_800_u64,
        "nbf": 1_700_000_000,
        "sub": "system:serviceaccount:shop:default",
        "kubernetes.io": {
            "namespace": "shop",
            "node": { "name": "node-1", "uid": "9" },
            "pod": { "name": "web-1", "uid": "5" },
            "serviceaccount": { "name": "default", "uid": "7" },
        },
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

#[test]
fn a_pods_own_token_says_which_pod() {
    let cluster = Cluster::new();
    let pod = Pod { namespace: "shop".to_owned(), name: "web-1".to_owned(), uid: "5".to_owned() };
    assert_eq!(cluster.keys().verify(&cluster.token(&header(), &claims())), Some(Verdict::Pod(Arc::new(pod))));
}

#[test]
fn everything_else_is_refused() {
    let cluster = Cluster::new();
    let keys = cluster.keys();
    let good = cluster.token(&header(), &claims());
    let token = |claims: Value| cluster.token(&header(), &claims);
    let unsigned = good.rsplit_once('.').unwrap().0;
    let other = B64.encode(with(claims(), "exp", json!(4_102_444_801_u64)).to_string());
    let parts: Vec<&str> = good.split('.').collect();
    let tampered = [parts[0], &other, parts[2]].join(".");
    let none = format!("{}.{}.", B64.encode(json!({ "alg": "none", "kid": "one" }).to_string()), parts[1]);
    let symmetric = cluster.token(&json!({ "alg": "HS256", "kid": "one" }), &claims());
    let stranger = Cluster::new().token(&header(), &claims());
    let bad = [
        ("for the API server", token(with(claims(), "aud", json!(["https://kubernetes.default.svc"])))),
        ("for nobody", token(with(claims(), "aud", Value::Null))),
        ("over", token(with(claims(), "exp", json!(1_700_000_000)))),
        ("endless", token(with(claims(), "exp", Value::Null))),
        ("not yet", token(with(claims(), "nbf", json!(4_102_444_800_u64)))),
        ("of no pod", token(with(claims(), "kubernetes.io", json!({ "namespace": "shop" })))),
        ("of no cluster", token(with(claims(), "kubernetes.io", Value::Null))),
        ("unsigned", format!("{unsigned}.")),
        ("tampered with", tampered),
        ("without algorithm", none),
        ("of another algorithm", symmetric),
        ("of another cluster", stranger),
        ("no token", "garbage".to_owned()),
        ("empty", String::new()),
    ];
    for (what, token) in bad {
        assert!(matches!(keys.verify(&token), Some(Verdict::Refused(_))), "{what}");
    }
}

#[test]
fn an_unknown_key_asks_for_a_newer_set() {
    let cluster = Cluster::new();
    let token = cluster.token(&json!({ "alg": "ES256", "kid": "two" }), &claims());
    assert_eq!(cluster.keys().verify(&token), None);
    assert!(Keys::new("[]", "logtap").is_err());
    let odd =
        r#"{"keys":[{"kty":"oct","kid":"one","alg":"HS256","k":"AAAA"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}"#;
    let keys = Keys::new(odd, "logtap").unwrap();
    let token = cluster.token(&header(), &claims());
    assert!(!matches!(keys.verify(&token), Some(Verdict::Pod(_))), "a shared secret is no public key");
}
