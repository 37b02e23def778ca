use std::path::PathBuf;

use super::process::{LastSignal, Process, ProcessSpec};
use super::run_dir::{find_program, free_port, scratch};
use super::tool;

/// A DynamoDB server (dynalite) that keeps its tables in memory.
pub(crate) struct Dynalite {
    process: Process,
    port: u16,
}

impl Dynalite {
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let program = tool("dynalite/node_modules/dynalite/cli.js").display().to_string();
        // Tables are there at once instead of after half a second.
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

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }
}

/// Where the script puts Node when the machine has none that is new enough.
fn own_node() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.tools/node/bin")
}
