//! Figures of this process, from `/proc` of Linux. On other systems they stay zero.

use std::fs;

/// Ticks per second in `/proc/<pid>/stat`: `USER_HZ`, 100 on every architecture that is built for.
const TICKS: u64 = 100;

/// Resident memory, in bytes.
pub(super) fn resident_memory() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib: i64 = field(&status, "VmRSS:")?.trim_end_matches("kB").trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Start of the process, in seconds since 1970.
pub(super) fn start_time() -> Option<i64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets, which may hold spaces; the 22nd is the
    // start.
    let (_, after_name) = stat.rsplit_once(") ")?;
    let ticks: u64 = after_name.split(' ').nth(19)?.parse().ok()?;
    let boot: u64 = field(&fs::read_to_string("/proc/stat").ok()?, "btime")?.trim().parse().ok()?;
    i64::try_from(boot + ticks / TICKS).ok()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}
