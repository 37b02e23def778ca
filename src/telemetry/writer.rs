//! The log's way out: a bounded buffer and a thread that empties it.
//!
//! A request appends its line to memory and goes on; it never waits for a terminal, a pipe or a disk. Lines
//! are kept whole and in order. When the reader of the output stalls and the buffer fills up, lines are
//! dropped and counted rather than requests stopped: what must not be lost is in the ledger, not in the log.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// Most bytes that wait. A megabyte is some thousand lines.
const CAPACITY: usize = 1 << 20;

/// How long the thread gathers lines before it writes: many lines share one system call, and a process that
/// is killed loses no more than this.
const LINGER: Duration = Duration::from_millis(5);

/// How long a flush waits for an output that does not move.
const PATIENCE: Duration = Duration::from_secs(2);

/// Appends lines to the buffer; cheap to clone.
#[derive(Clone, Debug)]
pub struct LogWriter {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to write, or somebody waits for it to be written.
    filled: Condvar,
    /// Everything is written.
    drained: Condvar,
}

#[derive(Debug, Default)]
struct State {
    buffer: Vec<u8>,
    writing: bool,
    hurry: bool,
    closed: bool,
    lost: u64,
}

impl LogWriter {
    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || of_thread.run(out))?;
        Ok(Self { shared })
    }

    /// Waits until everything logged so far is written, or the output has not moved for two seconds.
    pub fn flush(&self) {
        let mut state = self.shared.lock();
        state.hurry = true;
        self.shared.filled.notify_one();
        let idle = |state: &mut State| state.writing || !state.buffer.is_empty();
        drop(self.shared.drained.wait_timeout_while(state, PATIENCE, idle));
    }

    /// Writes what is left and ends the thread. Lines logged afterwards are dropped.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.flush();
    }

    /// How many lines were dropped because the output was too slow.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lock().lost
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.closed || state.buffer.len() + line.len() > CAPACITY {
            state.lost += 1;
            return;
        }
        let was_empty = state.buffer.is_empty();
        state.buffer.extend_from_slice(line);
        drop(state);
        if was_empty {
            self.filled.notify_one();
        }
    }

    fn run(&self, mut out: impl Write) {
        let mut lines = Vec::new();
        let mut told = 0;
        while self.take(&mut lines) {
            // There is nowhere to report a broken output to.
            let _ = out.write_all(&lines).and_then(|()| out.flush());
            lines.clear();
            let lost = self.written();
            if lost > told {
                tracing::warn!(lost = lost - told, "log lines were dropped: the output is too slow");
                told = lost;
            }
        }
    }

    /// Waits for lines and swaps them out; false when the writer is closed and empty.
    fn take(&self, lines: &mut Vec<u8>) -> bool {
        let waiting = |state: &mut State| state.buffer.is_empty() && !state.closed;
        let state = self
            .filled
            .wait_while(self.lock(), waiting)
            .unwrap_or_else(PoisonError::into_inner);
        let gathering = |state: &mut State| !state.hurry && !state.closed && state.buffer.len() < CAPACITY / 2;
        let (mut state, _) = self
            .filled
            .wait_timeout_while(state, LINGER, gathering)
            .unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.buffer, lines);
        state.writing = !lines.is_empty();
        state.hurry = false;
        state.writing
    }

    /// Notes that the lines are out; answers how many were dropped so far.
    fn written(&self) -> u64 {
        let mut state = self.lock();
        state.writing = false;
        if state.buffer.is_empty() {
            self.drained.notify_all();
        }
        state.lost
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(&self.shared)
    }
}

/// Takes one whole line per call of `write`, which is how the formatting layers call it.
#[derive(Debug)]
pub struct Line<'a>(&'a Shared);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
