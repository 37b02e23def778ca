//! The hashing pool above its capacity.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use watchword::security::hasher::HasherStats;
use watchword::security::{HashError, HashParams, Hasher, PoolSize};

use super::hasher::{CHEAP, password, size, start};
use super::support::stats;

/// Slow enough to inspect the pool during a hash.
const SLOW: HashParams = HashParams { memory_kib: 65_536, iterations: 8, parallelism: 1 };

/// The size of a pool that refuses no job for waiting.
fn long_wait() -> PoolSize {
    PoolSize { max_wait: Duration::from_secs(60), ..size(1) }
}

/// Waits for a condition that must become true. The timeout only ends a hanging test.
async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Starts a pool whose only thread is hashing and whose queue is empty.
async fn start_busy(
    bounds: PoolSize,
    stats: &HasherStats,
) -> (Arc<Hasher>, tokio::task::JoinHandle<Result<(), HashError>>) {
    let hasher = Arc::new(start(SLOW, bounds, stats.clone()));
    loop {
        let first = spawn(&hasher);
        wait_until("the first hash begins or is refused", || stats.active.get() == 1 || first.is_finished()).await;
        if !first.is_finished() {
            return (hasher, first);
        }
        // On a busy machine the thread may start late. It runs now.
    }
}

fn spawn(hasher: &Arc<Hasher>) -> tokio::task::JoinHandle<Result<(), HashError>> {
    let hasher = Arc::clone(hasher);
    tokio::spawn(async move { hasher.verify_dummy(password("whatever it is")).await })
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let stats = stats();
    let bounds = PoolSize {
        max_queue_per_thread: 2,
        max_wait: Duration::from_secs(60),
        ..size(1)
    };
    let (hasher, first) = start_busy(bounds, &stats).await;
    let waiting = [spawn(&hasher), spawn(&hasher)];
    wait_until("two wait", || stats.queue_depth.get() == 2).await;
    let refused = hasher.hash(password("one too many")).await.unwrap_err();
    assert_eq!(refused, HashError::Busy { retry_after: Duration::from_secs(60) });
    assert_eq!(
        hasher.verify_dummy(password("one too many")).await,
        Err(refused),
        "known and unknown accounts get the same answer"
    );
    assert_eq!(
        (stats.active.get(), stats.queue_depth.get()),
        (1, 2),
        "the refusal does not wait for a hash"
    );
    assert_eq!(stats.rejected.get(), 2);
    assert_eq!(first.await.unwrap(), Ok(()));
    for task in waiting {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    assert_eq!((stats.active.get(), stats.queue_depth.get()), (0, 0));
    assert_eq!(stats.wait_seconds.get_sample_count(), 3);
}

/// Returns how long a hash with these parameters takes while the machine does little else.
async fn shortest_hash(params: HashParams) -> Duration {
    let hasher = start(params, long_wait(), stats());
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        hasher.verify_dummy(password("whatever it is")).await.unwrap();
        shortest = shortest.min(begun.elapsed());
    }
    shortest
}

#[tokio::test]
async fn a_job_that_would_wait_too_long_is_refused_at_once() {
    let stats = stats();
    // Two hashes take longer than the wait timeout, and the queue has room for 64.
    let bounds = PoolSize { max_wait: shortest_hash(SLOW).await * 3 / 2, ..size(1) };
    let hasher = Arc::new(start(SLOW, bounds, stats.clone()));
    hasher.verify_dummy(password("the pool learns how long")).await.unwrap();
    let first = spawn(&hasher);
    wait_until("the first hash begins", || stats.active.get() == 1 || first.is_finished()).await;
    let second = spawn(&hasher);
    wait_until("one waits", || stats.queue_depth.get() == 1 || first.is_finished()).await;
    assert!(!first.is_finished(), "a hash takes longer than that");
    assert!(matches!(hasher.check_room(), Err(HashError::Busy { .. })));
    let refused = hasher.verify_dummy(password("too late")).await;
    assert!(matches!(refused, Err(HashError::Busy { .. })), "{refused:?}");
    assert!(!first.is_finished(), "the refusal does not wait for a hash");
    assert_eq!(first.await.unwrap(), Ok(()));
    // The one that waits is served, unless the machine has become much slower.
    let _ = second.await.unwrap();
}

#[tokio::test]
async fn a_job_past_its_wait_timeout_is_refused_and_never_hashed() {
    let stats = stats();
    let bounds = PoolSize { max_wait: Duration::from_millis(50), ..size(1) };
    let (hasher, first) = start_busy(bounds, &stats).await;
    let hashed = stats.wait_seconds.get_sample_count();
    let refused = hasher.verify_dummy(password("too late")).await;
    assert_eq!(refused, Err(HashError::Busy { retry_after: Duration::from_secs(1) }));
    assert_eq!(
        (stats.active.get(), first.is_finished()),
        (1, false),
        "the refusal does not wait for the first hash"
    );
    assert_eq!(first.await.unwrap(), Ok(()), "a hash that has begun is finished");
    wait_until("the refused job is dropped", || stats.queue_depth.get() == 0).await;
    drop(hasher);
    assert_eq!(stats.wait_seconds.get_sample_count(), hashed, "the refused job was never hashed");
}

#[tokio::test]
async fn a_cancelled_caller_keeps_its_thread_until_the_hash_has_ended() {
    let stats = stats();
    let (hasher, first) = start_busy(long_wait(), &stats).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(stats.active.get(), 1, "the thread still hashes");
    let next = spawn(&hasher);
    wait_until("the next job waits", || stats.queue_depth.get() == 1).await;
    assert_eq!(stats.active.get(), 1, "no second hash runs");
    assert_eq!(next.await.unwrap(), Ok(()));
    assert_eq!(stats.wait_seconds.get_sample_count(), 2);
}

#[tokio::test]
async fn a_waiting_job_of_a_cancelled_caller_is_not_hashed() {
    let stats = stats();
    let (hasher, first) = start_busy(long_wait(), &stats).await;
    let gone: Vec<_> = (0..10).map(|_| spawn(&hasher)).collect();
    wait_until("ten wait", || stats.queue_depth.get() == 10).await;
    for task in gone {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    assert_eq!(spawn(&hasher).await.unwrap(), Ok(()));
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(stats.wait_seconds.get_sample_count(), 2, "the first job and the last");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_one_hash_per_thread_runs() {
    let stats = stats();
    let bounds = PoolSize {
        max_queue_per_thread: 1000,
        max_wait: Duration::from_secs(60),
        ..size(2)
    };
    let hasher = Arc::new(start(
        HashParams { memory_kib: 1024, iterations: 1, parallelism: 1 },
        bounds,
        stats.clone(),
    ));
    let tasks: Vec<_> = (0..300).map(|_| spawn(&hasher)).collect();
    let mut most = 0;
    while stats.wait_seconds.get_sample_count() < 300 {
        most = most.max(stats.active.get());
        tokio::task::yield_now().await;
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    assert!((1..=2).contains(&most), "{most}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overload_is_refused_without_hashing() {
    let stats = stats();
    let params = HashParams { memory_kib: 8192, iterations: 2, parallelism: 1 };
    let bounds = PoolSize { max_wait: Duration::from_millis(200), ..size(2) };
    let hasher = Arc::new(start(params, bounds, stats.clone()));
    let begun = Instant::now();
    let callers: Vec<_> = (0..200)
        .map(|_| {
            let hasher = Arc::clone(&hasher);
            tokio::spawn(async move {
                let (mut served, mut refused) = (0_u64, 0_u64);
                while begun.elapsed() < Duration::from_secs(2) {
                    match hasher.verify_dummy(password("again and again")).await {
                        Ok(()) => served += 1,
                        Err(HashError::Busy { .. }) => {
                            refused += 1;
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
                (served, refused)
            })
        })
        .collect();
    let (mut served, mut refused) = (0, 0);
    for caller in callers {
        let (ok, busy) = caller.await.unwrap();
        served += ok;
        refused += busy;
    }
    assert!(served > 0 && refused > 0, "{served} served, {refused} refused");
    assert_eq!(stats.wait_seconds.get_sample_count(), served, "refused jobs were not hashed");
    assert_eq!(stats.rejected.get(), refused);
    assert_eq!(stats.queue_depth.get(), 0);
}

#[tokio::test]
async fn dropping_the_pool_ends_its_threads_and_frees_its_memory() {
    let threads = |name: &str| {
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.filter_map(|t| fs::read_to_string(t.unwrap().path().join("comm")).ok());
        names.filter(|n| n.trim() == name).count()
    };
    let stats = stats();
    let hasher = start(CHEAP, size(7), stats.clone());
    assert_eq!(hasher.threads(), 7);
    hasher.verify_dummy(password("one hash")).await.unwrap();
    // Only this test has a pool of seven threads.
    wait_until("the seventh thread runs", || threads("hash-6") == 1).await;
    drop(hasher);
    assert_eq!(threads("hash-6"), 0);
}

#[test]
fn dropping_the_pool_ends_waiting_jobs() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stats = stats();
        let (hasher, first) = start_busy(long_wait(), &stats).await;
        let waiting: Vec<_> = (0..5).map(|_| spawn(&hasher)).collect();
        wait_until("five wait", || stats.queue_depth.get() == 5).await;
        for task in waiting {
            task.abort();
        }
        first.abort();
        let begun = Instant::now();
        wait_until("no other reference to the pool is left", || Arc::strong_count(&hasher) == 1).await;
        thread::spawn(move || drop(hasher)).join().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(30), "only the hash in progress ran");
        assert_eq!((stats.active.get(), stats.queue_depth.get()), (0, 0));
    });
}
