//! Named points where a test makes the process die, as a power cut would. Release builds have none.

/// End the process without any cleanup when `WATCHWORD_CRASH_AT` is `name`, or `name:n` and this is
/// the n-th time.
#[cfg(debug_assertions)]
pub fn reach(name: &'static str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static AT: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let text = std::env::var("WATCHWORD_CRASH_AT").ok()?;
        let (name, times) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), times.parse().unwrap_or(1)))
    });
    static REACHED: AtomicU64 = AtomicU64::new(0);

    if let Some((at, times)) = &*AT
        && at == name
        && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *times
    {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub const fn reach(_: &'static str) {}
