//! Tokens of service accounts, verified with the cluster's published keys
//! (`/openid/v1/jwks`): for receivers that have no right to ask for a
//! TokenReview. A pod that was deleted is believed until its token ends.

use std::collections::HashMap;
use std::sync::{Arc, Once};

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation};
use ring::signature as scheme;
use serde::Deserialize;

use super::{Pod, Verdict};

/// Seconds by which clocks may differ.
const LEEWAY: u64 = 60;

/// The keys with which a cluster signs tokens.
#[derive(Debug)]
pub struct Keys {
    keys: HashMap<String, (Algorithm, DecodingKey)>,
    audience: String,
}

#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(rename = "kubernetes.io")]
    kubernetes: Option<Kubernetes>,
}

#[derive(Debug, Deserialize)]
struct Kubernetes {
    namespace: String,
    pod: Option<Bound>,
}

#[derive(Debug, Deserialize)]
struct Bound {
    name: String,
    uid: String,
}

impl Keys {
    /// Reads a key set as `/openid/v1/jwks` gives it; keys of kinds that no cluster uses are left out.
    ///
    /// # Errors
    /// If it is no key set.
    pub fn new(set: &str, audience: &str) -> Result<Self, serde_json::Error> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            if RING.install_default().is_err() {
                tracing::debug!("another provider was installed first");
            }
        });
        let set: JwkSet = serde_json::from_str(set)?;
        let keys = set.keys.iter().filter_map(|jwk| {
            let algorithm = jwk.common.key_algorithm?.to_string().parse().ok()?;
            Some((jwk.common.key_id.clone()?, (algorithm, DecodingKey::from_jwk(jwk).ok()?)))
        });
        Ok(Self { keys: keys.collect(), audience: audience.to_owned() })
    }

    /// Whose a token is. `None` if it names a key that is not in the set: there may be a newer set.
    #[must_use]
    pub fn verify(&self, token: &str) -> Option<Verdict> {
        let refused = |reason: &str| Some(Verdict::Refused(reason.to_owned()));
        let Ok(header) = jsonwebtoken::decode_header(token) else {
            return refused("the token is no token of a service account");
        };
        let (algorithm, key) = self.keys.get(&header.kid?)?;
        let mut validation = Validation::new(*algorithm);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "aud"]);
        let claims = match jsonwebtoken::decode::<Claims>(token, key, &validation) {
            Ok(token) => token.claims,
            Err(error) => return refused(&format!("the token is not valid: {error}")),
        };
        match claims.kubernetes {
            Some(Kubernetes { namespace, pod: Some(pod) }) => {
                Some(Verdict::Pod(Arc::new(Pod { namespace, name: pod.name, uid: pod.uid })))
            }
            _ => refused("the token is not bound to a pod"),
        }
    }
}

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    Ok(Box::new(Ring { algorithm: *algorithm, key: key.clone() }))
}

/// Checks signatures with ring, which TLS uses too.
struct Ring {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for Ring {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), signature::Error> {
        let rsa: Option<&scheme::RsaParameters> = match self.algorithm {
            Algorithm::RS256 => Some(&scheme::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::RS384 => Some(&scheme::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::RS512 => Some(&scheme::RSA_PKCS1_2048_8192_SHA512),
            _ => None,
        };
        let verified = match (rsa, self.key.kind(), self.algorithm) {
            (Some(rsa), DecodingKeyKind::RsaModulusExponent { n, e }, _) => {
                scheme::RsaPublicKeyComponents { n, e }.verify(rsa, message, signed)
            }
            (None, DecodingKeyKind::SecretOrDer(point), Algorithm::ES256) => {
                scheme::UnparsedPublicKey::new(&scheme::ECDSA_P256_SHA256_FIXED, point).verify(message, signed)
            }
            (None, DecodingKeyKind::SecretOrDer(point), Algorithm::ES384) => {
                scheme::UnparsedPublicKey::new(&scheme::ECDSA_P384_SHA384_FIXED, point).verify(message, signed)
            }
            _ => return Err(signature::Error::new()),
        };
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Ring {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests;
