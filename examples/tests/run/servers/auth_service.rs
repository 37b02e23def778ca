//! The auth service: the binary beside the tests. `cargo build` builds it, and so does testing the
//! workspace.

use std::fs::{self, File};
use std::process::Stdio;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::free_port;
use crate::support::{NatsServer, TEST_TIMEOUT, binary, eventually};

/// Starts of the service before its test fails because every port was taken.
const MAX_STARTS: usize = 10;
const PASSWORD: &str = "correct horse battery 7";

/// An auth service on SQLite.
pub(crate) struct Watchword {
    child: Child,
    port: u16,
    http: reqwest::Client,
    directory: TempDir,
}

/// The tokens of a session.
pub(crate) struct Session {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Watchword {
    /// Starts a service that publishes to this server.
    pub(crate) async fn start(nats: &NatsServer) -> Self {
        Self::with(&[("NATS_URL", nats.url())]).await
    }

    /// Starts a service with an embedded server.
    pub(crate) async fn embedded() -> Self {
        let mut settings = vec![("WATCHWORD__NATS__EMBEDDED_PORT", "0".to_owned())];
        // The service itself looks for it on PATH.
        let server = binary();
        if server.is_file() {
            settings.push(("WATCHWORD__NATS__SERVER_PATH", server.display().to_string()));
        }
        Self::with(&settings).await
    }

    async fn with(settings: &[(&str, String)]) -> Self {
        let tests = std::env::current_exe().unwrap();
        let program = tests.ancestors().nth(2).unwrap().join("watchword");
        assert!(program.exists(), "{} is missing: cargo build", program.display());
        for _ in 0..MAX_STARTS {
            let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
            let log = File::create(directory.path().join("log")).unwrap();
            let child = Command::new(&program)
                .arg("serve")
                .current_dir(directory.path())
                .env("PORT", port.to_string())
                .envs(settings.iter().map(|(name, value)| (name, value)))
                .env("WATCHWORD__HTTP__HOST", "127.0.0.1")
                .env("WATCHWORD__METRICS__ENABLED", "false")
                .env("WATCHWORD__LIMITS__ENABLED", "false")
                .env("WATCHWORD__PASSWORDS__MAX_WAIT", "8s")
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let http = reqwest::Client::builder().timeout(TEST_TIMEOUT).build().unwrap();
            let mut service = Self { child, port, http, directory };
            if service.events_flow().await {
                return service;
            }
        }
        panic!("{MAX_STARTS} ports in a row were taken by another process");
    }

    /// Waits until events flow; false when the service ended because its port is taken.
    async fn events_flow(&mut self) -> bool {
        let ready = format!("{}/readyz", self.url());
        eventually("events flow", async || {
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = fs::read_to_string(self.directory.path().join("log")).unwrap();
                assert!(log.to_lowercase().contains("address already in use"), "{status}: {log}");
                return Some(false);
            }
            let answer = self.http.get(&ready).send().await.ok()?;
            let ready: Value = answer.json().await.ok()?;
            (ready.get("events")? == "flowing").then_some(true)
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The URL of the embedded server.
    pub(crate) fn nats_url(&self) -> String {
        let context = fs::read(self.directory.path().join("data/nats/operator.json")).unwrap();
        let context: Value = serde_json::from_slice(&context).unwrap();
        context.get("url").and_then(Value::as_str).unwrap().to_owned()
    }

    pub(crate) async fn register(&self, email: &str) -> Session {
        let body = json!({ "email": email, "password": PASSWORD });
        self.session("/auth/register", &body, StatusCode::CREATED).await
    }

    pub(crate) async fn login(&self, email: &str) -> Session {
        let body = json!({ "identifier": email, "password": PASSWORD });
        self.session("/auth/login", &body, StatusCode::OK).await
    }

    pub(crate) async fn refresh(&self, refresh: &str) -> Session {
        let body = json!({ "refreshToken": refresh });
        self.session("/auth/refresh", &body, StatusCode::OK).await
    }

    pub(crate) async fn logout(&self, session: &Session, scope: &str) {
        let ask = self.ask(Method::POST, "/auth/logout", session, json!({ "scope": scope }));
        assert_eq!(ask.await, StatusCode::NO_CONTENT);
    }

    pub(crate) async fn delete(&self, session: &Session) {
        let ask = self.ask(Method::POST, "/auth/me/delete", session, json!({ "password": PASSWORD }));
        assert_eq!(ask.await, StatusCode::NO_CONTENT);
    }

    /// Changes the password of the session's user.
    pub(crate) async fn change_password(&self, session: &Session, new: &str) {
        let body = json!({ "currentPassword": PASSWORD, "newPassword": new });
        let ask = self.ask(Method::POST, "/auth/password/change", session, body);
        assert_eq!(ask.await, StatusCode::NO_CONTENT);
    }

    /// Revokes all other sessions of the session's user.
    pub(crate) async fn revoke_others(&self, session: &Session) {
        let ask = self.ask(Method::DELETE, "/auth/sessions", session, json!({}));
        assert_eq!(ask.await, StatusCode::NO_CONTENT);
    }

    /// Sends SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    async fn ask(&self, method: Method, path: &str, session: &Session, body: Value) -> StatusCode {
        let request = self.http.request(method, format!("{}{path}", self.url()));
        let request = request.bearer_auth(&session.access).json(&body);
        request.send().await.unwrap().status()
    }

    async fn session(&self, path: &str, body: &Value, status: StatusCode) -> Session {
        let request = self.http.post(format!("{}{path}", self.url())).json(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        let answer: Value = answer.json().await.unwrap();
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap().to_owned();
        Session { access: text("accessToken"), refresh: text("refreshToken") }
    }
}
