//! Named points where a test makes the process die, as a power cut would, or freeze, as a machine
//! that is paused. Release builds have none.

/// End the process without any cleanup when `WATCHWORD_CRASH_AT` is `name`, or `name:n` and this is
/// the n-th time. `WATCHWORD_FREEZE_AT` stops it in the same way, until it is continued.
#[cfg(debug_assertions)]
pub fn reach(name: &'static str) {
    use std::sync::LazyLock;

    static CRASH: LazyLock<Option<Point>> = LazyLock::new(|| Point::read("WATCHWORD_CRASH_AT"));
    static FREEZE: LazyLock<Option<Point>> = LazyLock::new(|| Point::read("WATCHWORD_FREEZE_AT"));

    if CRASH.as_ref().is_some_and(|point| point.is_reached(name)) {
        std::process::abort();
    }
    if FREEZE.as_ref().is_some_and(|point| point.is_reached(name)) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        // The signal stops the threads one after the other: this one must not go on before.
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[cfg(not(debug_assertions))]
pub const fn reach(_: &'static str) {}

/// A point, and how many times it has to be reached.
#[cfg(debug_assertions)]
struct Point {
    name: String,
    times: u64,
    reached: std::sync::atomic::AtomicU64,
}

#[cfg(debug_assertions)]
impl Point {
    fn read(variable: &str) -> Option<Self> {
        let text = std::env::var(variable).ok()?;
        let (name, times) = text.split_once(':').unwrap_or((&text, "1"));
        Some(Self {
            name: name.to_owned(),
            times: times.parse().unwrap_or(1),
            reached: std::sync::atomic::AtomicU64::new(0),
        })
    }

    fn is_reached(&self, name: &str) -> bool {
        self.name == name && self.reached.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == self.times
    }
}
