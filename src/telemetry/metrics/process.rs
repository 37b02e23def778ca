//! Figures of this process, from `/proc` of Linux. Other systems have none.

use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, Opts};
use rustix::process::{Resource, getrlimit};

use super::names::MetricName;

/// Ticks per second in `/proc/<pid>/stat`: `USER_HZ`, 100 on every architecture that is built for.
const TICKS: u64 = 100;

/// Reads the figures whenever the metrics are collected.
#[derive(Clone, Debug)]
pub(super) struct ProcessCollector {
    descriptions: Vec<Desc>,
}

impl ProcessCollector {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let names = [
            MetricName::PROCESS_CPU,
            MetricName::PROCESS_MAX_FDS,
            MetricName::PROCESS_OPEN_FDS,
            MetricName::PROCESS_RESIDENT_MEMORY,
            MetricName::PROCESS_START_TIME,
        ];
        let describe = |name: MetricName| Desc::new(name.name.to_owned(), name.help.to_owned(), Vec::new(), [].into());
        Ok(Self {
            descriptions: names.into_iter().map(describe).collect::<Result<_, _>>()?,
        })
    }
}

impl Collector for ProcessCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let stat = Stat::read();
        let gauges = [
            (MetricName::PROCESS_MAX_FDS, getrlimit(Resource::Nofile).current),
            (MetricName::PROCESS_OPEN_FDS, open_fds()),
            (MetricName::PROCESS_RESIDENT_MEMORY, resident_memory()),
            (MetricName::PROCESS_START_TIME, stat.as_ref().and_then(Stat::start_time)),
        ];
        let gauges = gauges.into_iter().filter_map(|(name, value)| gauge(name, value?).ok());
        let cpu = stat.and_then(|stat| counter(MetricName::PROCESS_CPU, seconds(stat.cpu_ticks)).ok());
        cpu.into_iter().chain(gauges).flatten().collect()
    }
}

fn counter(name: MetricName, value: f64) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let counter = Counter::with_opts(Opts::new(name.name, name.help))?;
    counter.inc_by(value);
    Ok(counter.collect())
}

fn gauge(name: MetricName, value: u64) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let gauge = Gauge::with_opts(Opts::new(name.name, name.help))?;
    gauge.set(float(value));
    Ok(gauge.collect())
}

/// `/proc/self/stat`.
struct Stat {
    /// Time in user and system mode.
    cpu_ticks: u64,
    /// Start of the process, since the system's.
    start_ticks: u64,
}

impl Stat {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is the program's name in brackets, which may hold spaces. The times are
        // the fields 14 and 15, the start is field 22.
        let (_, after_name) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = after_name.split(' ').collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self { cpu_ticks: field(14)? + field(15)?, start_ticks: field(22)? })
    }

    /// In seconds since 1970.
    fn start_time(&self) -> Option<u64> {
        let boot: u64 = field(&fs::read_to_string("/proc/stat").ok()?, "btime")?.parse().ok()?;
        Some(boot + self.start_ticks / TICKS)
    }
}

/// In bytes.
fn resident_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib: u64 = field(&status, "VmRSS:")?.trim_end_matches("kB").trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Without the one that lists them.
fn open_fds() -> Option<u64> {
    let listed = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(listed).ok()?.checked_sub(1)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn seconds(ticks: u64) -> f64 {
    float(ticks) / float(TICKS)
}

/// Exact below 2^53.
const fn float(value: u64) -> f64 {
    value as f64
}
