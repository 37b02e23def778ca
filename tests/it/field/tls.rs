//! TLS on the public listener.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::ports::free_port;
use crate::support::raw::RawConnection;
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A certificate of its own authority for `localhost`, and its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { certificate, key: key.serialize_pem() }
    }

    /// Writes both as an operator's tool does: each file is replaced as a whole.
    fn write(&self, dir: &Path) {
        for (name, text) in [("tls.key", &self.key), ("tls.pem", &self.certificate)] {
            let new = dir.join(format!("{name}.new"));
            fs::write(&new, text).expect("write a file");
            fs::rename(new, dir.join(name)).expect("replace a file");
        }
    }
}

/// Where the service runs with TLS.
struct Service {
    binary: Binary,
    port: u16,
}

impl Service {
    async fn start(dir: &Path) -> Self {
        let port = free_port();
        let at = |name: &str| dir.join(name).display().to_string();
        let options = BinaryOptions::serve(&[
            ("WATCHWORD__HTTP__TLS__CERTIFICATE", &at("tls.pem")),
            ("WATCHWORD__HTTP__TLS__KEY", &at("tls.key")),
        ])
        .with("PORT", &port.to_string());
        let service = Self { binary: Binary::start_unready(options), port };
        eventually(TIMEOUT, || async {
            TcpStream::connect(("127.0.0.1", port)).await.map(drop).map_err(|error| error.to_string())
        })
        .await;
        service
    }

    /// Connects as a client that trusts this certificate alone.
    async fn connect(&self, pair: &Pair) -> Result<Connection, String> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("a certificate");
        roots.add(certificate).expect("trust it");
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let socket = TcpStream::connect(("127.0.0.1", self.port)).await.map_err(|error| error.to_string())?;
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
        stream.map(Connection).map_err(|error| error.to_string())
    }
}

/// A connection that stays open.
struct Connection(TlsStream<TcpStream>);

impl Connection {
    /// Sends GET, and returns the head and the body up to its last character.
    async fn get(&mut self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.0.write_all(request.as_bytes()).await.expect("send");
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"}") {
            bytes.push(self.0.read_u8().await.expect("more bytes"));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_replaced_while_connections_go_on() {
    let (first, second) = (Pair::new(), Pair::new());
    let dir = scratch("tls");
    first.write(&dir);
    let mut service = Service::start(&dir).await;
    let mut old = service.connect(&first).await.expect("connect");
    assert!(old.get("/healthz").await.starts_with("HTTP/1.1 200 "));

    // A certificate whose key is not there yet changes nothing.
    fs::write(dir.join("tls.pem"), &second.certificate).expect("write a file");
    let log = |service: &mut Service| service.binary.process().log();
    eventually(TIMEOUT, || {
        let text = log(&mut service);
        async move {
            if text.contains("keeping the last") {
                Ok(())
            } else {
                Err(text)
            }
        }
    })
    .await;
    service.connect(&first).await.expect("the last good certificate");

    second.write(&dir);
    eventually(TIMEOUT, || async { service.connect(&second).await.map(drop) }).await;
    assert!(service.connect(&first).await.is_err(), "new connections get the new certificate");
    assert!(old.get("/healthz").await.starts_with("HTTP/1.1 200 "), "open connections go on");
    assert_eq!(log(&mut service).matches("certificate replaced").count(), 1);
    service.binary.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_check_and_the_banner_know_of_tls() {
    let pair = Pair::new();
    let dir = scratch("tls");
    pair.write(&dir);
    let mut service = Service::start(&dir).await;
    let at = |name: &str| dir.join(name).display().to_string();
    let port = service.port.to_string();
    eventually(TIMEOUT, || async {
        let options = BinaryOptions::command(
            &["healthcheck"],
            &[
                ("WATCHWORD__HTTP__TLS__CERTIFICATE", &at("tls.pem")),
                ("WATCHWORD__HTTP__TLS__KEY", &at("tls.key")),
            ],
        );
        let ended = run(options.with("PORT", &port), "").await;
        if ended.status.success() {
            Ok(())
        } else {
            Err(ended.stdout)
        }
    })
    .await;
    // The banner waits for NATS.
    let docs = format!("https://localhost:{port}/docs");
    eventually(TIMEOUT, || {
        let (text, docs) = (service.binary.process().log(), docs.clone());
        async move { if text.contains(&docs) { Ok(()) } else { Err(text) } }
    })
    .await;

    // A client that speaks plain HTTP gets an answer, and the operator a line.
    let mut plain = RawConnection::to(service.port).await.expect("connect");
    plain.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("send");
    let answer = plain.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"bad_request\""), "{answer}");
    service.binary.process().logged("unparsed", TIMEOUT).await;
    let text = service
        .connect(&pair)
        .await
        .expect("connect")
        .get("/.well-known/openid-configuration")
        .await;
    assert!(text.contains(&format!("\"issuer\":\"https://localhost:{port}\"")), "{text}");
    assert!(service.binary.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_cannot_be_used_prevents_the_start() {
    let (one, other) = (Pair::new(), Pair::new());
    let dir = scratch("tls");
    one.write(&dir);
    fs::write(dir.join("other.key"), &other.key).expect("write a file");
    fs::write(dir.join("empty.pem"), "").expect("write a file");
    let at = |name: &str| dir.join(name).display().to_string();
    for (certificate, key, said) in [
        ("tls.pem", "other.key", "http.tls.key"),
        ("empty.pem", "tls.key", "has no certificate"),
        ("tls.key", "tls.key", "has no certificate"),
        ("tls.pem", "tls.pem", "http.tls.key"),
        ("missing.pem", "tls.key", "missing.pem"),
    ] {
        let env = [
            ("WATCHWORD__HTTP__TLS__CERTIFICATE", at(certificate)),
            ("WATCHWORD__HTTP__TLS__KEY", at(key)),
        ];
        let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
        let ended = run(BinaryOptions::command(&["serve"], &env), "").await;
        let text = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!ended.status.success() && text.contains(said), "{certificate} {key}: {text}");
        assert!(!text.contains("PRIVATE KEY"), "{text}");
    }
    let ended = run(
        BinaryOptions::command(&["config", "check"], &[("WATCHWORD__HTTP__TLS__KEY", &at("tls.key"))]),
        "",
    )
    .await;
    assert!(
        !ended.status.success() && ended.stderr.contains("http.tls.certificate"),
        "{}",
        ended.stderr
    );
}
