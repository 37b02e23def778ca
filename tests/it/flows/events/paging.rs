//! Paging through events while others are recorded.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::pages::ids;
use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::wait::eventually;

flow_tests! {
    paging_skips_and_repeats_no_event_while_events_are_recorded,
}

const TIMEOUT: Duration = Duration::from_secs(60);
const WRITERS: usize = 4;

/// Users that record events until `running` is false.
struct Writers {
    running: AtomicBool,
    done: AtomicUsize,
}

impl Writers {
    async fn run(&self, app: &TestApp, access: &[String]) {
        let write = async |access: &str| {
            while self.running.load(Ordering::Relaxed) {
                let body = json!({"name": "written"});
                app.send_as(access, Method::POST, "/events", &body).await.expect_status(202);
                self.done.fetch_add(1, Ordering::Relaxed);
            }
        };
        join_all(access.iter().map(|access| write(access))).await;
    }

    /// Wait for `count` more events.
    async fn wait_for(&self, count: usize) {
        let goal = self.done.load(Ordering::Relaxed) + count;
        eventually(TIMEOUT, || async { self.done.load(Ordering::Relaxed) >= goal }).await;
    }
}

/// Read all ids page by page, newest first.
async fn read_all(app: &TestApp, access: &str, path: &str, limit: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut next = None;
    loop {
        let after = next.map(|next: String| format!("&after={next}")).unwrap_or_default();
        let page = app.get_as(access, &format!("{path}?limit={limit}{after}")).await.expect_status(200);
        let ids = ids(&page);
        assert!(ids.len() <= limit);
        next = page.json["next"].as_str().map(str::to_owned);
        assert!(next.as_ref().is_none_or(|next| !next.contains(['&', '=', '+'])), "{next:?}");
        assert!(next.is_none() || ids.len() == limit, "a page before the last one is not full");
        all.extend(ids);
        if next.is_none() {
            return all;
        }
    }
}

async fn paging_skips_and_repeats_no_event_while_events_are_recorded(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    let mut access = Vec::new();
    for n in 0..WRITERS {
        access.push(app.registered(&format!("user{n}@example.com")).await.tokens().access);
    }
    let writers = Writers { running: AtomicBool::new(true), done: AtomicUsize::new(0) };
    let read = async {
        writers.wait_for(40).await;
        for (reader, path) in [(&admin, "/events"), (&access[0], "/auth/me/activity")] {
            let own = reader != &admin;
            let user = app.me(reader).await.str("/id").to_owned();
            let before = app.ledger().await.into_iter();
            let before = before.filter(|row| !own || row.user_id.is_some_and(|id| id.to_string() == user));
            let before: BTreeSet<String> = before.map(|row| row.id.to_string()).collect();
            let read = read_all(&app, reader, path, 7).await;
            let ledger_order: Vec<String> = app.ledger().await.into_iter().map(|row| row.id.to_string()).collect();
            let unique: BTreeSet<String> = read.iter().cloned().collect();
            assert_eq!(unique.len(), read.len(), "{path}: duplicate event");
            let rank = |id: &String| ledger_order.iter().position(|known| known == id);
            let ranks: Vec<_> = read.iter().filter_map(rank).collect();
            assert!(ranks.is_sorted_by(|newer, older| newer > older), "{path}: not newest first");
            let missing: Vec<&String> = before.difference(&unique).collect();
            assert!(missing.is_empty(), "{path}: {missing:?} of {} are missing", before.len());
        }
        writers.running.store(false, Ordering::Relaxed);
    };
    tokio::join!(writers.run(&app, &access), read);
    // After the last event, the pages match the ledger for every page size.
    let ledger: BTreeSet<String> = app.ledger().await.into_iter().map(|row| row.id.to_string()).collect();
    for limit in [1, 10, 200] {
        let read: BTreeSet<String> = read_all(&app, &admin, "/events", limit).await.into_iter().collect();
        assert_eq!(read, ledger, "in pages of {limit}");
    }
    app.finish().await;
}
