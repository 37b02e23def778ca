//! The buffered log writer keeps lines whole and in order, and never blocks.

use std::{
    io::{self, Write as _},
    sync::mpsc,
    thread,
};

use tracing_subscriber::fmt::MakeWriter as _;
use watchword::telemetry::LogWriter;

use super::support::Captured;

fn log(writer: &LogWriter, line: &str) {
    writer.make_writer().write_all(line.as_bytes()).expect("the buffer");
}

#[test]
fn lines_of_many_threads_are_whole_and_in_order() {
    let out = Captured::default();
    let writer = LogWriter::start(out.clone()).expect("a writer");
    thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let writer = writer.clone();
            scope.spawn(move || {
                for number in 0..1000 {
                    log(&writer, &format!("{name} {number} {}\n", "x".repeat(100)));
                }
            });
        }
    });
    writer.flush();
    let text = out.text();
    for name in ["a", "b", "c", "d"] {
        let numbers: Vec<u32> = text
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_suffix(&format!(" {}", "x".repeat(100))))
            .map(|number| number.trim().parse().expect("a whole line"))
            .collect();
        assert_eq!(numbers, (0..1000).collect::<Vec<u32>>(), "{name}");
    }
    assert_eq!(writer.dropped(), 0);
    assert!(out.writes().len() < 4000, "lines must be written in batches");
}

/// An output that blocks until the test sends a message.
struct Stalled(mpsc::Receiver<()>, Captured);

impl io::Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Without the sender, writes no longer block.
        let _ = self.0.recv();
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stalled_output_drops_lines_and_never_blocks() {
    let (go, wait) = mpsc::channel();
    let out = Captured::default();
    let writer = LogWriter::start(Stalled(wait, out.clone())).expect("a writer");
    let line = format!("{}\n", "y".repeat(1023));
    for _ in 0..4096 {
        log(&writer, &line);
    }
    let lost = writer.dropped();
    assert!((1024..=4096).contains(&lost), "logged four times the buffer; {lost} lines were dropped");

    drop(go);
    writer.flush();
    let text = out.text();
    assert!(text.lines().all(|written| written.len() == 1023), "the written lines are whole");
    assert_eq!(text.lines().count() as u64, 4096 - lost);
}

#[test]
fn closing_writes_pending_lines() {
    let out = Captured::default();
    let writer = LogWriter::start(out.clone()).expect("a writer");
    log(&writer, "last words\n");
    writer.close();
    assert_eq!(out.text(), "last words\n");
    log(&writer, "too late\n");
    assert_eq!((out.text().as_str(), writer.dropped()), ("last words\n", 1));
}
