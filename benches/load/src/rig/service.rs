//! The service: the release binary with default settings, without rate limits.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::{Child, READY, free_port};
use crate::Outcome;
use crate::client::Client;

/// The password of all accounts.
pub(crate) const PASSWORD: &str = "a long enough passphrase";

/// A client of `/oauth/introspect`, and its secret.
pub(crate) const CLIENT: &str = "bench";
pub(crate) const CLIENT_SECRET: &str = "wcs_B4I_TMcRGiyvvZEqiYaGV9c3WMz7gB_WbRGjhEGnW7A";
/// The client's configuration.
const CLIENTS: &str = "bench=sha256:a2c45fdd5505c332bafc56dd4c0bdc9a91fc229659ebfa085eaa9be70541ac27";

/// Returns the path of the release binary, or `WATCHWORD_BIN`.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("WATCHWORD_BIN").map_or_else(|| "target/release/watchword".into(), PathBuf::from)
}

pub(crate) struct Service {
    child: Child,
    port: u16,
    log: PathBuf,
}

/// An account and its first tokens.
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Service {
    /// Starts the service with settings from the environment. Returns the time until `/readyz`
    /// succeeded, once the service publishes events.
    pub(crate) async fn start(scratch: &Path, environment: &[(&str, String)]) -> Outcome<(Self, Duration)> {
        let port = free_port();
        let mut command = Command::new(std::path::absolute(binary())?);
        command
            .arg("serve")
            .current_dir(scratch)
            .env("PORT", port.to_string())
            .env("WATCHWORD__HTTP__HOST", "127.0.0.1")
            .env("WATCHWORD__METRICS__LISTEN", "127.0.0.1:0")
            .env("WATCHWORD__LIMITS__ENABLED", "false")
            .env("WATCHWORD__OAUTH__CLIENTS", CLIENTS)
            .env("WATCHWORD__NATS__SERVER_PATH", std::path::absolute(".tools/nats-server")?)
            .env("WATCHWORD__TELEMETRY__FORMAT", "json")
            .env("WATCHWORD__DATA_DIR", scratch.join("data"))
            .envs(environment.iter().map(|(key, value)| (key, value)));
        let log = scratch.join("watchword.log");
        let started = Instant::now();
        let mut service = Self { child: Child::start(&mut command, &log)?, port, log };
        let answers = |text: &'static str| async move {
            let mut client = Client::connect(port).await?;
            let answer = client.get("/readyz", None).await?;
            if answer.status == 200 && (text.is_empty() || answer.text("/events")? == text) {
                return Outcome::Ok(());
            }
            Err("not ready".into())
        };
        service.wait(|| answers("")).await?;
        let took = started.elapsed();
        service.wait(|| answers("flowing")).await?;
        Ok((service, took))
    }

    async fn wait<F: Future<Output = Outcome<()>>>(&mut self, probe: impl Fn() -> F) -> Outcome<()> {
        let started = Instant::now();
        while probe().await.is_err() {
            if self.child.ended() || started.elapsed() > READY {
                return Err("the service does not start; see its log with WATCHWORD_BIN=... serve".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Stops the service and waits for its end.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        self.child.stop(Signal::TERM).await
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the resident memory in MiB.
    pub(crate) fn resident_mib(&self) -> Outcome<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }

    /// Returns the peak memory in MiB.
    pub(crate) fn peak_mib(&self) -> Outcome<f64> {
        Ok(self.child.peak_mib().ok_or("no VmHWM")?)
    }

    /// Returns the number in a field of the last log line with this message, if there is one.
    pub(crate) fn logged(&self, message: &str, field: &str) -> Outcome<Option<f64>> {
        let log = std::fs::read_to_string(&self.log)?;
        let field = format!("\"{field}\":");
        let number = log
            .lines()
            .rev()
            .find(|line| line.contains(message))
            .and_then(|line| line.split_once(&field));
        let Some((_, number)) = number else { return Ok(None) };
        let end = number.find([',', '}']).unwrap_or(number.len());
        Ok(Some(number.get(..end).unwrap_or_default().trim().parse()?))
    }

    /// Registers accounts whose names begin with `prefix`, a few at a time.
    pub(crate) async fn accounts(&self, prefix: &str, count: usize) -> Outcome<Vec<Account>> {
        let lanes = (0..4_usize).map(|lane| async move {
            let mut client = Client::connect(self.port).await?;
            let mut made = Vec::new();
            for number in (lane..count).step_by(4) {
                made.push(register(&mut client, &format!("{prefix}{number}@example.com")).await?);
            }
            Outcome::Ok(made)
        });
        Ok(futures_util::future::try_join_all(lanes).await?.into_iter().flatten().collect())
    }
}

pub(crate) async fn register(client: &mut Client, email: &str) -> Outcome<Account> {
    let answer = client
        .post("/auth/register", &json!({ "email": email, "password": PASSWORD, "name": "Ada" }))
        .await?;
    Ok(Account {
        id: answer.text("/user/id")?,
        access: answer.text("/accessToken")?,
        refresh: answer.text("/refreshToken")?,
    })
}
