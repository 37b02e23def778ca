//! TCP ports of 127.0.0.1 for servers whose port must be configured.
//!
//! A free port can be taken before the server listens. Three rules keep tests from failing then:
//! the ports are below the kernel's range for outgoing connections; test processes lease blocks of
//! ports, so no two of them choose the same one; and a server whose port is taken starts again on
//! another one (`server::Server`).

use std::cell::Cell;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Below the kernel's default range, which begins at 32768.
const FIRST_PORT: u16 = 15_000;
const BLOCK_COUNT: u16 = 170;
const BLOCK_SIZE: u16 = 100;

/// The blocks that this process has leased, and the next port of the last one.
struct Leases {
    /// File locks, which end with the process.
    locks: Vec<File>,
    next_block: u16,
    ports: std::ops::Range<u16>,
}

thread_local! {
    static PLANNED: Cell<Option<u16>> = const { Cell::new(None) };
}

/// Makes this port the next [`free_port`] of this thread, to test a port that is taken.
pub(crate) fn plan(port: u16) {
    PLANNED.set(Some(port));
}

/// Returns a free TCP port of 127.0.0.1. No other test gets it while this process lives.
pub(crate) fn free_port() -> u16 {
    static LEASES: Mutex<Leases> = Mutex::new(Leases { locks: Vec::new(), next_block: 0, ports: 0..0 });
    if let Some(port) = PLANNED.take() {
        return port;
    }
    let mut leases = LEASES.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        for port in leases.ports.by_ref() {
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
        leases.lease_block();
    }
}

impl Leases {
    fn lease_block(&mut self) {
        let directory = lock_directory();
        // Processes begin at different blocks, so that a port is not reused soon.
        let start = std::process::id() * 37;
        while self.next_block < BLOCK_COUNT {
            let offset = (start + u32::from(self.next_block)) % u32::from(BLOCK_COUNT);
            let block = u16::try_from(offset).expect("a block's number");
            self.next_block += 1;
            let lock = open_shared(directory.join(block.to_string()));
            if let Some(lock) = lock.filter(|lock| lock.try_lock().is_ok()) {
                let first = FIRST_PORT + block * BLOCK_SIZE;
                self.locks.push(lock);
                self.ports = first..first + BLOCK_SIZE;
                return;
            }
        }
        panic!("no free port: every block is leased (see {})", directory.display());
    }
}

/// Returns the directory with one lock file per block, shared by all test processes.
fn lock_directory() -> PathBuf {
    let directory = std::env::temp_dir().join("watchword-test-ports");
    if fs::create_dir(&directory).is_ok() {
        // Tests of another user lease from the same blocks.
        drop(fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)));
    }
    directory
}

fn open_shared(path: PathBuf) -> Option<File> {
    let is_new = !path.exists();
    let file = File::options().create(true).truncate(false).write(true).open(path).ok()?;
    if is_new {
        drop(file.set_permissions(fs::Permissions::from_mode(0o666)));
    }
    Some(file)
}
