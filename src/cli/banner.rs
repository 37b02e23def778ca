//! The banner: what runs where, and what to try next.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;

use crate::app::{App, NatsStatus};
use crate::config::{LogFormat, Settings};

/// Maximum wait for NATS, whose state the banner shows.
const NATS_TIMEOUT: Duration = Duration::from_secs(3);

/// What the banner shows beside the settings.
pub(super) struct Facts {
    port: u16,
    metrics: Option<SocketAddr>,
    database: String,
    nats: watch::Receiver<NatsStatus>,
}

impl Facts {
    pub(super) fn of(app: &App) -> Self {
        Self {
            port: app.port(),
            metrics: app.metrics_addr(),
            database: app.database(),
            nats: app.nats_status(),
        }
    }
}

/// Print the banner to standard error, unless the log format is JSON.
pub(super) async fn print(settings: Settings, mut facts: Facts) {
    if settings.telemetry.format == LogFormat::Json {
        return;
    }
    let ready = facts.nats.wait_for(|status| status.ready().is_some());
    let _ = tokio::time::timeout(NATS_TIMEOUT, ready).await;
    let text = banner(&settings, &facts);
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn banner(settings: &Settings, facts: &Facts) -> String {
    let local = local_url(settings, facts.port);
    let api = if settings.http.has_public_url() {
        settings.http.base_url()
    } else {
        local.clone()
    };
    let stream = &settings.stream.name;
    let status = facts.nats.borrow().clone();
    let server = status.server_url.as_deref().unwrap_or("nats-server");
    let nats = match status.ready() {
        Some(_) => format!(
            "{server} (nats-server {}), stream {stream}",
            status.server_version.as_deref().unwrap_or("?")
        ),
        None if settings.nats.url.is_some() => {
            format!("{server} (NATS_URL) is not reachable yet; events wait in the database")
        }
        None => "not running yet; events wait in the database (run `make nats-server`, or set NATS_URL)".to_owned(),
    };
    let shared = if settings.redis.url.is_some() {
        "in Redis"
    } else {
        "in this process"
    };
    let metrics = facts
        .metrics
        .map_or_else(|| "off".to_owned(), |address| format!("http://{address}/metrics"));

    // What a proxy sends requests to, where that is not what clients do.
    let behind = if api == local {
        String::new()
    } else {
        format!("  serves    {local}\n")
    };

    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "\nWatchword {version}\n\
         \x20 API       {api}    Swagger UI: {api}/docs\n\
         {behind}\
         \x20 database  {database}\n\
         \x20 limits    {shared}\n\
         \x20 NATS      {nats}\n\
         \x20 metrics   {metrics}\n\n\
         Try next:\n\
         \x20 curl -X POST {api}/auth/register -H 'content-type: application/json' \
         -d '{{\"email\":\"test@example.com\",\"password\":\"password123!x\",\"name\":\"Test User\"}}'\n\
         \x20 nats{server_option} stream view {stream}\n\
         \x20 open {api}/docs\n\n",
        version = env!("CARGO_PKG_VERSION"),
        database = facts.database,
        server_option = status
            .server_url
            .as_deref()
            .filter(|url| !url.ends_with(":4222"))
            .map(|url| format!(" --server {url}"))
            .unwrap_or_default(),
    );
    text
}

/// Where the service is on this machine.
fn local_url(settings: &Settings, port: u16) -> String {
    let scheme = if settings.http.tls.is_on() { "https" } else { "http" };
    format!("{scheme}://localhost:{port}{}", settings.http.base_path.trim_end_matches('/'))
}
