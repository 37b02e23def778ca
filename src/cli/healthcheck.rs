//! `watchword healthcheck`: for container runtimes, whose images then need no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::exit::DIFFERS;
use super::{own_listener, print};
use crate::config::Settings;

/// Less than the three seconds that the image and docker-compose.yml give the command: it says why
/// it fails before it is ended.
const TIMEOUT: Duration = Duration::from_millis(2500);

/// Exit with 0 if `/readyz` answers 200.
pub(super) async fn run(settings: &Settings) -> ExitCode {
    let http = &settings.http;
    if http.port == 0 {
        return fail("http.port is 0, so that only the service knows the port; set one");
    }
    let host = match http.host {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    let address = SocketAddr::new(host, http.port);
    let path = format!("{}/readyz", http.base_path.trim_end_matches('/'));
    let problem = match tokio::time::timeout(TIMEOUT, request(address, &path, http.tls.is_on())).await {
        Ok(Ok(status)) if status.contains(" 200 ") => return ExitCode::SUCCESS,
        Ok(Ok(status)) if status.contains(" 404 ") => format!("{status}; {CONFIGURATION}"),
        Ok(Ok(status)) => status,
        Ok(Err(error)) => format!("{error}; {CONFIGURATION}"),
        Err(_) => format!("no answer within {TIMEOUT:?}"),
    };
    let scheme = if http.tls.is_on() { "https" } else { "http" };
    fail(&format!("{scheme}://{address}{path}: {problem}"))
}

const CONFIGURATION: &str =
    "give the command the configuration of the service: --config FILE or WATCHWORD_CONFIG, and its variables";

fn fail(reason: &str) -> ExitCode {
    print(&format!("The service is not ready: {reason}\n"));
    ExitCode::from(DIFFERS)
}

async fn request(address: SocketAddr, path: &str, has_tls: bool) -> std::io::Result<String> {
    let socket = TcpStream::connect(address).await?;
    if has_tls {
        ask(own_listener::begin_tls(socket, address.ip()).await?, path).await
    } else {
        ask(socket, path).await
    }
}

async fn ask(mut socket: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let read = socket.read_to_end(&mut answer).await;
    // A peer that closes TLS without saying so has still answered.
    if answer.is_empty() {
        read?;
    }
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
