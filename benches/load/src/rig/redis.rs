//! Redis without persistence.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::{Child, READY, find, free_port};
use crate::Outcome;

pub(crate) struct Redis {
    _child: Child,
    port: u16,
}

impl Redis {
    pub(crate) async fn start(scratch: &Path) -> Outcome<Self> {
        let port = free_port();
        let mut command = Command::new(find("redis-server", &[])?);
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(port.to_string())
            .current_dir(scratch);
        let child = Child::start(&mut command, &scratch.join("redis.log"))?;
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if started.elapsed() > READY {
                return Err("redis-server does not answer".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { _child: child, port })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}
