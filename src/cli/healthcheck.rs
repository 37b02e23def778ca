//! `watchword healthcheck`: for container runtimes, whose images then need no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::exit::DIFFERS;
use super::{own_listener, print};
use crate::config::Settings;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Exit with 0 if `/readyz` answers 200.
pub(super) async fn run(settings: &Settings) -> ExitCode {
    match tokio::time::timeout(TIMEOUT, request(settings)).await {
        Ok(Ok(status)) if status.contains(" 200 ") => ExitCode::SUCCESS,
        Ok(Ok(status)) => fail(&status),
        Ok(Err(error)) => fail(&error.to_string()),
        Err(_) => fail("no answer within 3 seconds"),
    }
}

fn fail(reason: &str) -> ExitCode {
    print(&format!("The service is not ready: {reason}\n"));
    ExitCode::from(DIFFERS)
}

async fn request(settings: &Settings) -> std::io::Result<String> {
    let host = match settings.http.host {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    let socket = TcpStream::connect((host, settings.http.port)).await?;
    if settings.http.tls.is_on() {
        ask(own_listener::begin_tls(socket, host).await?, settings).await
    } else {
        ask(socket, settings).await
    }
}

async fn ask(mut socket: impl AsyncRead + AsyncWrite + Unpin, settings: &Settings) -> std::io::Result<String> {
    let base = settings.http.base_path.trim_end_matches('/');
    let request = format!("GET {base}/readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
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
