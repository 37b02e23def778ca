//! Section `http.tls`: TLS on the public listener.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::loader::Problems;

/// The certificate of the public listener. Without one it serves plain HTTP.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTlsSettings {
    /// File (PEM) with the certificate and those between it and its authority. Requires `key`.
    pub certificate: Option<PathBuf>,
    /// File (PEM) with the private key of `certificate`.
    pub key: Option<PathBuf>,
}

impl HttpTlsSettings {
    /// Whether the listener speaks TLS.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.certificate.is_some()
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        if self.certificate.is_some() != self.key.is_some() {
            problems.refuse(
                "http.tls.certificate",
                "requires http.tls.key and the other way round: set both or neither",
            );
        }
    }
}
