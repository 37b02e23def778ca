//! TLS on the public listener, with a certificate that can be replaced while it serves.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::interval;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_util::sync::CancellationToken;

use crate::config::HttpTlsSettings;
use crate::telemetry::error_chain;

/// How often the files are read, to see whether they have changed.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// The protocols inside TLS, the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {path} ({key})")]
    File {
        key: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} ({key}) is not a PEM file with what is needed")]
    Pem {
        key: &'static str,
        path: PathBuf,
        source: pem::Error,
    },
    #[error("{path} (http.tls.certificate) has no certificate")]
    Empty { path: PathBuf },
    #[error("http.tls.certificate and http.tls.key cannot be used together")]
    Pair(#[source] rustls::Error),
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// The files of a certificate and its key.
#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What the files contain.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
}

/// The certificate that new connections get.
struct Current(RwLock<Arc<CertifiedKey>>);

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// TLS with the certificate of two files.
pub struct Tls {
    files: Files,
    contents: Contents,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Read the files; `None` when no certificate is configured.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(settings: &HttpTlsSettings) -> Result<Option<Self>, TlsError> {
        let Some((certificate, key)) = settings.certificate.clone().zip(settings.key.clone()) else {
            return Ok(None);
        };
        let files = Files { certificate, key };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let contents = files.read()?;
        let pair = files.parse(&contents, &provider)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(pair))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Some(Self { files, contents, current, acceptor }))
    }

    /// What begins TLS on a connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Use the files whenever they have changed, until `stop` is cancelled. While they cannot be
    /// used, such as in the middle of a change, the last good certificate stays.
    pub async fn follow(mut self, stop: CancellationToken) {
        let mut ticks = interval(CHECK_INTERVAL);
        let mut is_readable = true;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let files = self.files.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || files.read()).await else {
                continue;
            };
            let was_readable = std::mem::replace(&mut is_readable, read.is_ok());
            match read {
                Ok(contents) if contents == self.contents => {}
                Ok(contents) => self.replace(contents),
                Err(error) if was_readable => {
                    tracing::warn!(error = %error_chain(&error), "certificate cannot be read; keeping the last");
                }
                Err(_) => {}
            }
        }
    }

    fn replace(&mut self, contents: Contents) {
        let provider = aws_lc_rs::default_provider();
        match self.files.parse(&contents, &provider) {
            Ok(pair) => {
                *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                tracing::info!("certificate replaced");
            }
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "certificate cannot be used; keeping the last");
            }
        }
        // The same contents are not tried, and not warned of, a second time.
        self.contents = contents;
    }
}

impl Files {
    fn read(&self) -> Result<Contents, TlsError> {
        let read = |key, path: &PathBuf| {
            std::fs::read(path).map_err(|source| TlsError::File { key, path: path.clone(), source })
        };
        Ok(Contents {
            certificate: read("http.tls.certificate", &self.certificate)?,
            key: read("http.tls.key", &self.key)?.into(),
        })
    }

    /// The certificate and the key, which belong together.
    fn parse(&self, contents: &Contents, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let pem_error = |key, path: &PathBuf| {
            let path = path.clone();
            move |source| TlsError::Pem { key, path, source }
        };
        let chain = CertificateDer::pem_slice_iter(&contents.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(pem_error("http.tls.certificate", &self.certificate))?;
        if chain.is_empty() {
            return Err(TlsError::Empty { path: self.certificate.clone() });
        }
        let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(pem_error("http.tls.key", &self.key))?;
        CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Pair)
    }
}
