//! Writing the log: a bounded buffer and a thread that empties it.
//!
//! A request appends its line to memory and goes on; it never waits for a terminal, a pipe or a
//! disk. Lines are kept whole and in order. When the reader of the output stalls and the buffer is
//! full, lines are dropped and counted, and no request waits: what must not be lost is in the
//! ledger, not in the log.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// A megabyte is some thousand lines.
const MAX_BUFFER_BYTES: usize = 1 << 20;

/// How long the thread collects lines before it writes: many lines share one system call, and a
/// process that is killed loses at most the lines of this time.
const WRITE_INTERVAL: Duration = Duration::from_millis(5);

const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Appends lines to the buffer; cheap to clone.
#[derive(Clone, Debug)]
pub struct LogWriter {
    buffer: Arc<LogBuffer>,
}

#[derive(Debug, Default)]
struct LogBuffer {
    state: Mutex<State>,
    /// Notified when there are lines to write, or a flush waits for them.
    filled: Condvar,
    /// Notified when everything is written.
    drained: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    writing: bool,
    flushing: bool,
    closed: bool,
    dropped: u64,
}

impl LogWriter {
    /// Start the thread that writes to `out`.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let buffer = Arc::new(LogBuffer::default());
        let thread_buffer = Arc::clone(&buffer);
        thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || thread_buffer.run(out))?;
        Ok(Self { buffer })
    }

    /// Wait until everything logged so far is written, at most two seconds.
    pub fn flush(&self) {
        let mut state = self.buffer.lock();
        state.flushing = true;
        self.buffer.filled.notify_one();
        let idle = |state: &mut State| state.writing || !state.lines.is_empty();
        drop(self.buffer.drained.wait_timeout_while(state, FLUSH_TIMEOUT, idle));
    }

    /// Write what is left and end the thread. Later lines are dropped.
    pub fn close(&self) {
        self.buffer.lock().closed = true;
        self.flush();
    }

    /// How many lines were dropped because the output was too slow.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.buffer.lock().dropped
    }
}

impl LogBuffer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.closed || state.lines.len() + line.len() > MAX_BUFFER_BYTES {
            state.dropped += 1;
            return;
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(line);
        drop(state);
        if was_empty {
            self.filled.notify_one();
        }
    }

    fn run(&self, mut out: impl Write) {
        let mut lines = Vec::new();
        let mut reported = 0;
        while self.take(&mut lines) {
            // A broken output cannot be reported anywhere.
            let _ = out.write_all(&lines).and_then(|()| out.flush());
            lines.clear();
            let dropped = self.written();
            if dropped > reported {
                tracing::warn!(lost = dropped - reported, "log lines were dropped: the output is too slow");
                reported = dropped;
            }
        }
    }

    /// Wait for lines and swap them out; false when the writer is closed and empty.
    fn take(&self, lines: &mut Vec<u8>) -> bool {
        let waiting = |state: &mut State| state.lines.is_empty() && !state.closed;
        let state = self.filled.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
        let gathering =
            |state: &mut State| !state.flushing && !state.closed && state.lines.len() < MAX_BUFFER_BYTES / 2;
        let (mut state, _) = self
            .filled
            .wait_timeout_while(state, WRITE_INTERVAL, gathering)
            .unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.lines, lines);
        state.writing = !lines.is_empty();
        state.flushing = false;
        state.writing
    }

    /// Mark the lines as written; return how many were dropped so far.
    fn written(&self) -> u64 {
        let mut state = self.lock();
        state.writing = false;
        if state.lines.is_empty() {
            self.drained.notify_all();
        }
        state.dropped
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(&self.buffer)
    }
}

/// Takes one whole line per call of `write`, as the formatting layers call it.
#[derive(Debug)]
pub struct Line<'a>(&'a LogBuffer);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
