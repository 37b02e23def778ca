//! The client: its options from the settings, and how its events change the status.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_nats::{
    Client, ConnectOptions, Event, ServerAddr, ServerError,
    jetstream::{Context, ContextBuilder},
    rustls::pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;

use super::{
    identity_file::IdentityFile,
    permissions::PermissionErrors,
    status::{NatsStatus, StreamState},
    trouble::{ConnectProblem, ConnectTrouble},
    user::Login,
};
use crate::config::{NatsSettings, NatsTlsSettings};
use crate::jetstream::error::NatsError;

/// The longest wait for an acknowledgement or an answer of the JetStream API.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The client leaves a server that has not answered three pings. By default it asks every minute,
/// so a host that has vanished without a word would hold the events back for three.
const PING_INTERVAL: Duration = Duration::from_secs(3);
const MAX_RECONNECT_INTERVAL: Duration = Duration::from_secs(2);
/// The longest wait for one server of several to accept a connection, before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Parse the addresses in `nats.url`: one or several, separated by commas.
///
/// # Errors
///
/// [`NatsError::Url`] when one of them is not an address.
pub(crate) fn addresses(url: &SecretString) -> Result<Vec<ServerAddr>, NatsError> {
    let addresses: Vec<ServerAddr> = url
        .expose_secret()
        .split(',')
        .map(|address| parse_address(address.trim()))
        .collect::<Result<_, _>>()?;
    // The client logs in as one user, to whichever server it connects.
    let logins: HashSet<_> = addresses.iter().map(|a| (a.username(), a.password())).collect();
    if logins.iter().filter(|login| **login != (None, None)).count() > 1 {
        return Err(NatsError::Users);
    }
    Ok(addresses)
}

fn parse_address(address: &str) -> Result<ServerAddr, NatsError> {
    // What stands before the @ may be a password.
    let refused = || NatsError::Url(address.rsplit('@').next().unwrap_or_default().to_owned());
    let parsed: ServerAddr = address.parse().map_err(|_| refused())?;
    let url = parsed.clone().into_inner();
    let is_plain = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    // The client is built without WebSockets.
    let usable = !parsed.host().is_empty() && !parsed.is_websocket() && is_plain;
    if usable { Ok(parsed) } else { Err(refused()) }
}

/// The addresses without credentials, for display.
pub(crate) fn shown(addresses: &[ServerAddr]) -> String {
    let shown: Vec<String> = addresses.iter().map(|a| format!("{}://{}:{}", a.scheme(), a.host(), a.port())).collect();
    shown.join(",")
}

/// Build the options of the client: identity, transport security, name, reply subjects.
///
/// # Errors
///
/// [`NatsError::File`] when a file named by the settings cannot be used.
pub(crate) fn options(settings: &NatsSettings) -> Result<ConnectOptions, NatsError> {
    let file = IdentityFile::of(settings);
    file.as_ref().map(IdentityFile::check).transpose()?;
    let has_file = file.is_some();
    let options = match file {
        Some(file) => ConnectOptions::with_auth_callback(move |nonce| std::future::ready(file.sign(&nonce))),
        None => ConnectOptions::new(),
    };
    let mut options = options
        .name(concat!("watchword/", env!("CARGO_PKG_VERSION")))
        .custom_inbox_prefix(&settings.inbox_prefix)
        .request_timeout(Some(ANSWER_TIMEOUT))
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECT_TIMEOUT)
        .reconnect_delay_callback(reconnect_pause);
    if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
        options = options.user_and_password(user.clone(), password.expose_secret().to_owned());
    }
    if settings.user.is_none() && !has_file {
        options = match settings.url.as_ref().map(Login::of).unwrap_or_default() {
            Login { name: Some(name), password: Some(password) } => options.user_and_password(name, password),
            Login { name: Some(token), password: None } => options.token(token),
            Login { name: None, .. } => options,
        };
    }
    if let Some(ca) = &settings.tls.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let (Some(cert), Some(key)) = (&settings.tls.cert, &settings.tls.key) {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    if settings.tls.handshake_first {
        options = options.tls_first();
    }
    Ok(options.require_tls(settings.tls.required || settings.tls.handshake_first))
}

/// Check that the files of `nats.tls` have what they are named for: the client reads them only when
/// it connects.
///
/// # Errors
///
/// [`NatsError::File`]
pub(crate) fn check_tls(settings: &NatsTlsSettings) -> Result<(), NatsError> {
    let certificates = |key, path: &Option<PathBuf>| {
        let Some(path) = path else { return Ok(()) };
        let read = || {
            let found = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
            if found.is_empty() {
                Err(pem::Error::NoItemsFound)
            } else {
                Ok(())
            }
        };
        read().map_err(|error| pem_error(key, path, error))
    };
    certificates("nats.tls.ca", &settings.ca)?;
    certificates("nats.tls.cert", &settings.cert)?;
    let Some(path) = &settings.key else { return Ok(()) };
    PrivateKeyDer::from_pem_file(path)
        .map(drop)
        .map_err(|error| pem_error("nats.tls.key", path, error))
}

/// The text of the file is in no error.
fn pem_error(key: &'static str, path: &Path, error: pem::Error) -> NatsError {
    let source = match error {
        pem::Error::Io(error) => error,
        pem::Error::NoItemsFound => io::Error::new(io::ErrorKind::InvalidData, "it has no such item in PEM format"),
        _ => io::Error::new(io::ErrorKind::InvalidData, "it is not in PEM format"),
    };
    NatsError::File { key, path: path.to_owned(), source }
}

/// 10, 20, 40 ms … 2 s: short at first, since a server that restarts is back within a second.
fn reconnect_pause(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(10);
    Duration::from_millis(10).saturating_mul(1 << doublings).min(MAX_RECONNECT_INTERVAL)
}

/// As [`ConnectionState::connect`](super::ConnectionState::connect).
pub(crate) async fn connect(
    options: ConnectOptions,
    addresses: Vec<ServerAddr>,
    status: Arc<watch::Sender<NatsStatus>>,
    permissions: Arc<PermissionErrors>,
    trouble: Arc<ConnectTrouble>,
) -> Result<Client, NatsError> {
    trouble.begin(&addresses);
    let (observer, user) = (Arc::clone(&trouble), trouble.user().clone());
    options
        .event_callback(move |event| {
            // The client waits for this before it reads the next message: nothing here may wait.
            on_event(&event, &status, &permissions, &trouble);
            std::future::ready(())
        })
        .reconnect_to_server_callback(move |servers, _| {
            observer.next_round(&servers);
            // The client chooses the server.
            std::future::ready(None)
        })
        .connect(addresses.clone())
        .await
        .map_err(|error| NatsError::Connect(ConnectProblem::new(&addresses, &user, &error)))
}

/// The JetStream API with a timeout for every answer.
pub(crate) fn jetstream(client: Client, domain: Option<&str>) -> Context {
    let builder = ContextBuilder::new().timeout(ANSWER_TIMEOUT);
    match domain {
        Some(domain) => builder.domain(domain).build(client),
        None => builder.build(client),
    }
}

fn on_event(
    event: &Event,
    status: &watch::Sender<NatsStatus>,
    permissions: &PermissionErrors,
    trouble: &ConnectTrouble,
) {
    match event {
        Event::Connected => {
            tracing::info!("connected to NATS");
            permissions.connected();
            trouble.connected();
            status.send_modify(|status| {
                status.connected = true;
                status.connections += 1;
                status.stream = StreamState::Unknown;
            });
        }
        Event::Disconnected => {
            tracing::warn!("connection to NATS lost; events wait in the ledger");
            disconnected(status);
        }
        Event::Closed => {
            tracing::info!("connection to NATS closed");
            disconnected(status);
        }
        Event::ServerError(error) => on_server_error(error, permissions),
        // While there is no connection every attempt to connect ends here.
        Event::ClientError(error) if !status.borrow().connected => trouble.failed(&error.to_string()),
        Event::ClientError(error) => tracing::warn!(%error, "NATS client error"),
        Event::LameDuckMode => tracing::info!("the NATS server is about to shut down"),
        Event::Draining => tracing::debug!("NATS connection drains"),
        Event::SlowConsumer(subscription) => tracing::warn!(subscription, "a NATS subscription is too slow"),
    }
}

fn disconnected(status: &watch::Sender<NatsStatus>) {
    status.send_modify(|status| {
        status.connected = false;
        status.stream = StreamState::Unknown;
    });
}

fn on_server_error(error: &ServerError, permissions: &PermissionErrors) {
    let message = match error {
        ServerError::Other(message) => message.clone(),
        other => other.to_string(),
    };
    if !permissions.observe(&message) {
        tracing::error!(error = message, "NATS server error");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_shown_without_credentials() {
        let read = |text: &str| addresses(&SecretString::from(text)).map(|parsed| shown(&parsed));
        assert_eq!(read("nats://ada:secret@n1:4223, tls://n2").unwrap(), "nats://n1:4223,tls://n2:4222");
        assert_eq!(read("localhost").unwrap(), "nats://localhost:4222");
        assert_eq!(read("nats://ada:secret@n1/,nats://n2").unwrap(), "nats://n1:4222,nats://n2:4222");
        for wrong in [
            "http://n1",
            "wss://n1",
            "ws://n1,nats://n2",
            "nats://ada:secret@",
            "",
            "nats://n1,,",
            "nats://n1/auth",
            "nats://n1?tls=true",
            "nats://ada:secret@n1,nats://eve:secret@n2",
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("nats.url") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_pause_between_reconnects_doubles_up_to_two_seconds() {
        assert_eq!(reconnect_pause(1), Duration::from_millis(10));
        assert_eq!(reconnect_pause(3), Duration::from_millis(40));
        assert_eq!(reconnect_pause(50), MAX_RECONNECT_INTERVAL);
        assert_eq!(reconnect_pause(usize::MAX), MAX_RECONNECT_INTERVAL);
    }
}
