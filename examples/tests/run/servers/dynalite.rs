use std::path::PathBuf;

use super::process::{LastSignal, Process, ProcessSpec};
use super::run_dir::{find_program, free_port, scratch};
use super::tool;

/// A DynamoDB server (dynalite) with its tables in memory.
pub(crate) struct Dynalite {
    process: Process,
    port: u16,
}

impl Dynalite {
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let program = tool("dynalite/node_modules/dynalite/cli.js").display().to_string();
        // Create tables in 50 ms instead of half a second.
        let port_text = port.to_string();
        let arguments = [
            &program,
            "--host",
            "127.0.0.1",
            "--port",
            &port_text,
            "--createTableMs",
            "50",
        ];
        let process = Process::start(ProcessSpec {
            name: "dynalite",
            program: find_program("node", "WATCHWORD_NODE", &[own_node()]),
            args: arguments.map(String::from).to_vec(),
            env: None,
            log: scratch("dynalite").join("dynalite.log"),
            user: None,
            last_signal: LastSignal::Kill,
        });
        let mut server = Self { process, port };
        let url = server.url();
        let probe = async || reqwest::get(&url).await.map(drop).map_err(|error| error.to_string());
        server.process.ready(probe).await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
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

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }
}

/// The Node that the script installs if the machine's is missing or too old.
fn own_node() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.tools/node/bin")
}
