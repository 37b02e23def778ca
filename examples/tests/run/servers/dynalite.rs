use std::path::PathBuf;

use super::process::{LastSignal, ProcessSpec};
use super::run_dir::{find_program, scratch};
use super::server::{Server, deref_to_server};
use super::tool;

/// A DynamoDB server (dynalite) with its tables in memory.
pub(crate) struct Dynalite {
    server: Server,
}

deref_to_server!(Dynalite);

impl Dynalite {
    pub(crate) async fn start() -> Self {
        let server = Server::start(spec, |port| async move {
            let answer = reqwest::get(format!("http://127.0.0.1:{port}")).await;
            answer.map(drop).map_err(|error| error.to_string())
        });
        Self { server: server.await }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// Sends a request. The server requires a signature and accepts any.
    pub(crate) async fn call(&self, action: &str, body: &serde_json::Value) {
        let signature = "AWS4-HMAC-SHA256 Credential=local/20260301/eu-central-1/dynamodb/aws4_request, \
                         SignedHeaders=host, Signature=0";
        let request = reqwest::Client::new()
            .post(self.url())
            .header("authorization", signature)
            .header("x-amz-date", "20260301T120000Z")
            .header("x-amz-target", format!("DynamoDB_20120810.{action}"))
            .header("content-type", "application/x-amz-json-1.0");
        let response = request.body(body.to_string()).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{action}: {text}");
    }
}

fn spec(port: u16) -> ProcessSpec {
    let arguments = [
        &tool("dynalite/node_modules/dynalite/cli.js").display().to_string(),
        "--host",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        // Tables are there at once instead of after half a second.
        "--createTableMs",
        "50",
    ];
    ProcessSpec {
        name: "dynalite",
        program: find_program("node", "WATCHWORD_NODE", &[own_node()]),
        args: arguments.map(String::from).to_vec(),
        env: None,
        log: scratch("dynalite").join("dynalite.log"),
        user: None,
        last_signal: LastSignal::Kill,
    }
}

/// The Node that the script installs if the machine's is missing or too old.
fn own_node() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.tools/node/bin")
}
