//! nats-server with a file-backed JetStream that syncs every write.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::{Child, READY, find, free_port};
use crate::Outcome;

pub(crate) struct Nats {
    _child: Child,
    port: u16,
}

impl Nats {
    pub(crate) async fn start(scratch: &Path) -> Outcome<Self> {
        let directory = scratch.join("nats");
        std::fs::create_dir_all(&directory)?;
        let port = free_port();
        let store = directory.join("jetstream");
        let config = format!(
            "listen: \"127.0.0.1:{port}\"\nserver_name: \"bench\"\njetstream {{ store_dir: \"{}\", sync_interval: always }}\n",
            store.display()
        );
        let file = directory.join("nats-server.conf");
        std::fs::write(&file, config)?;
        let program = find("nats-server", &[".tools".into()])?;
        let child = Child::start(Command::new(program).arg("--config").arg(&file), &directory.join("log"))?;
        let nats = Self { _child: child, port };
        let started = Instant::now();
        while async_nats::connect(nats.url()).await.is_err() {
            if started.elapsed() > READY {
                return Err("nats-server does not answer".into());
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Ok(nats)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}
