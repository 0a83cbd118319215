//! The projected files that say who this pod is. Tokens are read when they are used: the kubelet
//! renews them under the same name.

use std::io;
use std::path::PathBuf;

const API_TOKEN: &str = "token";
const RECEIVER_TOKEN: &str = "receiver-token";
const CLUSTER_CA: &str = "ca.crt";
const NAMESPACE: &str = "namespace";

/// The mounted folder.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    dir: PathBuf,
}

impl Identity {
    pub(crate) fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.dir.clone()
    }

    /// The token for the API server.
    pub(crate) fn api_token(&self) -> io::Result<String> {
        self.text(API_TOKEN)
    }

    /// The token for the receiver.
    pub(crate) fn receiver_token(&self) -> io::Result<String> {
        self.text(RECEIVER_TOKEN)
    }

    /// The certificates that sign the API server's, in PEM.
    pub(crate) fn cluster_ca(&self) -> io::Result<String> {
        self.text(CLUSTER_CA)
    }

    /// The pod's namespace.
    pub(crate) fn namespace(&self) -> io::Result<String> {
        self.text(NAMESPACE)
    }

    fn text(&self, name: &str) -> io::Result<String> {
        let text = std::fs::read_to_string(self.dir.join(name))?;
        Ok(text.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use logtap_inject::vocabulary::sidecar;

    use super::*;

    #[test]
    fn files_are_those_that_the_webhook_mounts() {
        let theirs =
            [sidecar::API_TOKEN_FILE, sidecar::RECEIVER_TOKEN_FILE, sidecar::CLUSTER_CA_FILE, sidecar::NAMESPACE_FILE];
        assert_eq!([API_TOKEN, RECEIVER_TOKEN, CLUSTER_CA, NAMESPACE], theirs);
    }

    #[test]
    fn a_renewed_token_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::at(dir.path().to_owned());
        for token in ["one", "two"] {
            std::fs::write(dir.path().join(API_TOKEN), format!("{token}\n")).unwrap();
            assert_eq!(identity.api_token().unwrap(), token);
        }
    }
}
