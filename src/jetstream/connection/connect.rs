//! The client: its options from the settings, and how its events change the status.

use std::{path::Path, sync::Arc, time::Duration};

use async_nats::{
    Client, ConnectOptions, Event, ServerAddr, ServerError,
    jetstream::{Context, ContextBuilder},
};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;

use super::{
    identity_file::IdentityFile,
    permissions::PermissionErrors,
    status::{NatsStatus, StreamState},
};
use crate::config::NatsSettings;
use crate::jetstream::{embedded, error::NatsError};

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
    url.expose_secret().split(',').map(|address| parse_address(address.trim())).collect()
}

fn parse_address(address: &str) -> Result<ServerAddr, NatsError> {
    // What stands before the @ may be a password.
    let refused = || NatsError::Url(address.rsplit('@').next().unwrap_or_default().to_owned());
    let parsed: ServerAddr = address.parse().map_err(|_| refused())?;
    // The client is built without WebSockets.
    let usable = !parsed.host().is_empty() && !matches!(parsed.scheme(), "ws" | "wss");
    if usable { Ok(parsed) } else { Err(refused()) }
}

/// The addresses without credentials, for display.
pub(crate) fn shown(addresses: &[ServerAddr]) -> String {
    let shown: Vec<String> = addresses.iter().map(|a| format!("{}://{}:{}", a.scheme(), a.host(), a.port())).collect();
    shown.join(",")
}

/// The user on NATS, for display.
pub(crate) fn identity(settings: &NatsSettings) -> String {
    let of_file = |what: &str, path: &Path| format!("{what} {}", path.display());
    match (&settings.user, &settings.creds_file, &settings.nkey_file) {
        (Some(user), _, _) => user.clone(),
        (None, Some(path), _) => of_file("credentials", path),
        (None, None, Some(path)) => of_file("nkey", path),
        (None, None, None) => match &settings.url {
            Some(url) => login(url).name.unwrap_or_else(|| "(none)".to_owned()),
            None => embedded::USER.to_owned(),
        },
    }
}

/// The part before the `@` of the first address, which the client itself ignores.
#[derive(Default)]
struct Login {
    name: Option<String>,
    password: Option<String>,
}

fn login(url: &SecretString) -> Login {
    let first = addresses(url).ok().and_then(|addresses| addresses.into_iter().next());
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    first.map_or_else(Login::default, |address| Login {
        name: address.username().map(decoded),
        password: address.password().map(decoded),
    })
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
        options = match settings.url.as_ref().map(login).unwrap_or_default() {
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
    Ok(options.require_tls(settings.tls.required))
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
) -> Result<Client, NatsError> {
    options
        .event_callback(move |event| {
            // The client waits for this before it reads the next message: nothing here may wait.
            on_event(&event, &status, &permissions);
            std::future::ready(())
        })
        .connect(addresses)
        .await
        .map_err(NatsError::Client)
}

/// The JetStream API with a timeout for every answer.
pub(crate) fn jetstream(client: Client) -> Context {
    ContextBuilder::new().timeout(ANSWER_TIMEOUT).build(client)
}

fn on_event(event: &Event, status: &watch::Sender<NatsStatus>, permissions: &PermissionErrors) {
    match event {
        Event::Connected => {
            tracing::info!("connected to NATS");
            permissions.connected();
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
        // While there is no connection every attempt to connect ends here; the loss is in the log
        // already.
        Event::ClientError(error) if !status.borrow().connected => tracing::debug!(%error, "NATS client error"),
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
        for wrong in ["http://n1", "wss://n1", "nats://ada:secret@", "", "nats://n1,,"] {
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
