//! Metrics and their listener.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use regex::Regex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use watchword::{
    config::MetricsSettings,
    telemetry::{ConsumerFigures, MetricName, Metrics, MetricsServer},
};

use crate::support::{run_dir::repository, timing::within_once};

/// Metrics with a sample of each.
fn sampled() -> Arc<Metrics> {
    let metrics = Metrics::new().expect("metrics");
    metrics.route("/auth/me", "GET").answered(200, Duration::from_millis(3));
    metrics.event_recorded("auth.user.registered");
    metrics.event_published("auth.user.registered");
    metrics.event_unrouted("auth.custom");
    metrics.publish_failed("timeout");
    metrics.event_discarded_unread("audit", 1);
    metrics.relay_blocked("transaction", 1.0);
    metrics.mail_failed("timeout");
    metrics.mail_dead("refused");
    metrics.stream_fault("missing", true);
    metrics.limits().refused("login");
    metrics.introspections.with_label_values(&["access", "true"]).inc();
    let figures = ConsumerFigures {
        pending: 3,
        headroom_messages: 7,
        oldest_age: Duration::from_secs(2),
        headroom_ratio: 0.5,
        ahead: 0,
    };
    metrics.consumer("audit", &figures);
    metrics
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

#[test]
#[cfg(target_os = "linux")]
fn the_documented_metrics_are_the_exported_ones() {
    let text = sampled().render();
    let exported = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next());
    let declared = MetricName::ALL.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(sorted(exported.map(str::to_owned).collect()), sorted(declared));

    let rows: String = MetricName::ALL
        .iter()
        .map(|MetricName { name, help, labels }| {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            format!("| `{name}` | {} | {help} |\n", labels.join(", "))
        })
        .collect();
    let page = fs::read_to_string(repository().join("docs/OPERATIONS.md")).expect("the page");
    assert!(page.contains(&rows), "the table of docs/OPERATIONS.md must be:\n{rows}");
}

#[test]
fn a_name_has_the_prefix_of_the_product_or_of_the_process_and_is_used_once() {
    let mut names: Vec<&str> = MetricName::ALL.iter().map(|metric| metric.name).collect();
    for name in &names {
        assert!(name.starts_with("watchword_") || name.starts_with("process_"), "{name}");
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn pages_and_examples_name_no_other_metric() {
    let name = Regex::new(r"\bwatchword_[a-z_]+").expect("a pattern");
    // A crate, a table, and prefixes of several names.
    let other = |name: &str| name.starts_with("watchword_events") || name == "watchword_inbox" || name.ends_with('_');
    for page in [
        "OPERATIONS",
        "MAIL",
        "NATS",
        "EVENTS",
        "FORWARD_AUTH",
        "PERFORMANCE",
        "ARCHITECTURE",
    ] {
        let text = fs::read_to_string(repository().join(format!("docs/{page}.md"))).expect("a page");
        for found in name.find_iter(&text).map(|found| found.as_str()).filter(|name| !other(name)) {
            let base = ["_bucket", "_count", "_sum"]
                .iter()
                .find_map(|end| found.strip_suffix(end))
                .unwrap_or(found);
            assert!(MetricName::ALL.iter().any(|metric| metric.name == base), "docs/{page}.md names {found}");
        }
    }
}

#[test]
fn requests_are_counted_by_template_method_and_status() {
    let metrics = Metrics::new().expect("metrics");
    let route = metrics.route("/users/{id}", "GET");
    assert!(Arc::ptr_eq(&route, &metrics.route("/users/{id}", "GET")), "resolved once");
    for status in [200, 200, 404, 418] {
        route.answered(status, Duration::from_millis(2));
    }
    metrics.route("unmatched", "BREW").answered(405, Duration::ZERO);
    let text = metrics.render();
    for line in [
        r#"watchword_http_requests_total{method="GET",route="/users/{id}",status="200"} 2"#,
        r#"watchword_http_requests_total{method="GET",route="/users/{id}",status="404"} 1"#,
        r#"watchword_http_requests_total{method="GET",route="/users/{id}",status="418"} 1"#,
        r#"watchword_http_requests_total{method="other",route="unmatched",status="405"} 1"#,
        r#"watchword_http_request_duration_seconds_count{method="GET",route="/users/{id}"} 4"#,
        r#"watchword_http_request_duration_seconds_bucket{method="GET",route="/users/{id}",le="0.0025"} 4"#,
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line} is not in\n{text}");
    }
}

#[test]
fn unknown_routes_create_no_new_series() {
    let metrics = Metrics::new().expect("metrics");
    for number in 0..2000 {
        metrics.route(&format!("/users/{number}"), "GET").answered(200, Duration::ZERO);
    }
    let text = metrics.render();
    let series = text.lines().filter(|line| line.starts_with("watchword_http_requests_total{")).count();
    assert!(series < 600, "{series} series");
    assert!(
        text.contains(r#"route="other",status="200"} 1488"#),
        "all unknown routes share one series"
    );
}

#[test]
fn instances_do_not_share_their_metrics() {
    let (one, two) = (Metrics::new().expect("metrics"), Metrics::new().expect("metrics"));
    one.hash_rejected.inc();
    assert!(one.render().contains("watchword_hash_rejected_total 1\n"));
    assert!(two.render().contains("watchword_hash_rejected_total 0\n"));
}

#[test]
#[cfg(target_os = "linux")]
fn the_process_is_measured() {
    let text = Metrics::new().expect("metrics").render();
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).expect("the metric");
        line.rsplit(' ').next().expect("a value").parse().expect("a number")
    };
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_start_time_seconds") > 1.6e9);
    assert!(value("process_cpu_seconds_total") >= 0.0);
    assert!(text.contains("# TYPE process_cpu_seconds_total counter\n"), "{text}");
    assert!(value("process_open_fds") >= 3.0);
    assert!(value("process_max_fds") >= value("process_open_fds"));
}

/// A listener on a free port.
async fn serve() -> (Arc<Metrics>, String, CancellationToken, JoinHandle<()>) {
    let metrics = Metrics::new().expect("metrics");
    let settings = MetricsSettings { enabled: true, listen: ([127, 0, 0, 1], 0).into() };
    let server = MetricsServer::bind(&settings).await.expect("a port").expect("enabled");
    let url = format!("http://{}", server.address());
    let stop = CancellationToken::new();
    let running = tokio::spawn(server.run(Arc::clone(&metrics), stop.clone()));
    (metrics, url, stop, running)
}

#[tokio::test]
async fn the_listener_serves_metrics_and_nothing_else() {
    let (metrics, url, stop, running) = serve().await;
    metrics.nats_connected.set(1);
    let client = reqwest::Client::new();

    let answer = client.get(format!("{url}/metrics")).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(answer.text().await.expect("text").contains("watchword_nats_connected 1\n"));

    let other = client.get(format!("{url}/")).send().await.expect("an answer");
    assert_eq!(other.status(), 404);
    let post = client.post(format!("{url}/metrics")).body("x").send().await.expect("an answer");
    assert_eq!(
        (post.status().as_u16(), &post.headers()["allow"]),
        (405, &"GET".parse().expect("a value"))
    );
    stop.cancel();
    running.await.expect("no panic");
    assert!(client.get(format!("{url}/metrics")).send().await.is_err(), "the port must be closed");
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_the_shutdown() {
    // The listener waits two seconds for responses in flight.
    within_once(Duration::from_secs(1), async || {
        let (_metrics, url, stop, running) = serve().await;
        let client = reqwest::Client::new();
        let answer = client.get(format!("{url}/metrics")).send().await.expect("an answer");
        assert!(answer.text().await.expect("text").contains("watchword_"));
        let begun = Instant::now();
        stop.cancel();
        running.await.expect("no panic");
        begun.elapsed()
    })
    .await;
}

#[tokio::test]
async fn a_port_in_use_names_the_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut settings = MetricsSettings {
        enabled: true,
        listen: taken.local_addr().expect("an address"),
    };
    let error = MetricsServer::bind(&settings).await.expect_err("taken");
    assert!(error.to_string().contains("metrics.listen"), "{error}");
    settings.enabled = false;
    assert!(MetricsServer::bind(&settings).await.expect("a disabled listener").is_none());
}

#[tokio::test]
async fn silent_connections_do_not_block_scrapers() {
    let (_metrics, url, stop, running) = serve().await;
    let address = url.trim_start_matches("http://").to_owned();
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(tokio::net::TcpStream::connect(&address).await.expect("a connection"));
    }
    drop(silent);
    let client = reqwest::Client::new();
    // A slot becomes free when the server notices a disconnect.
    let scraped = async {
        while client.get(format!("{url}/metrics")).send().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), scraped).await.expect("a scrape");
    stop.cancel();
    running.await.expect("no panic");
}
