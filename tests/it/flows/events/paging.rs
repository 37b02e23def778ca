//! Paging through the ledger while others write to it.

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

const SOON: Duration = Duration::from_secs(60);
const WRITERS: usize = 4;

/// Events that go on being recorded until told to stop.
struct Writers {
    go_on: AtomicBool,
    done: AtomicUsize,
}

impl Writers {
    async fn run(&self, app: &TestApp, access: &[String]) {
        let write = async |access: &str| {
            while self.go_on.load(Ordering::Relaxed) {
                let body = json!({"name": "written"});
                app.send_as(access, Method::POST, "/events", &body)
                    .await
                    .expect_status(202);
                self.done.fetch_add(1, Ordering::Relaxed);
            }
        };
        join_all(access.iter().map(|access| write(access))).await;
    }

    /// Waits until so many more events are recorded.
    async fn more(&self, count: usize) {
        let goal = self.done.load(Ordering::Relaxed) + count;
        eventually(SOON, || async { self.done.load(Ordering::Relaxed) >= goal }).await;
    }
}

/// All ids from the newest to the oldest, page by page.
async fn read_all(app: &TestApp, access: &str, path: &str, limit: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut next = None;
    loop {
        let after = next.map(|next: String| format!("&after={next}")).unwrap_or_default();
        let page = app
            .get_as(access, &format!("{path}?limit={limit}{after}"))
            .await
            .expect_status(200);
        let ids = ids(&page);
        assert!(ids.len() <= limit);
        next = page.json["next"].as_str().map(str::to_owned);
        assert_eq!(
            next.as_ref(),
            ids.last().filter(|_| next.is_some()),
            "the next page begins after the last event"
        );
        assert!(next.is_none() || ids.len() == limit, "only the last page is not full");
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
    let writers = Writers {
        go_on: AtomicBool::new(true),
        done: AtomicUsize::new(0),
    };
    let read = async {
        writers.more(40).await;
        for (reader, path) in [(&admin, "/events"), (&access[0], "/auth/me/activity")] {
            let own = reader != &admin;
            let user = app.me(reader).await.str("/id").to_owned();
            let before = app.ledger().await.into_iter();
            let before = before.filter(|row| !own || row.user_id.is_some_and(|id| id.to_string() == user));
            let before: BTreeSet<String> = before.map(|row| row.id.to_string()).collect();
            let read = read_all(&app, reader, path, 7).await;
            let different: BTreeSet<String> = read.iter().cloned().collect();
            assert_eq!(different.len(), read.len(), "{path}: an event came twice");
            assert!(read.is_sorted_by(|newer, older| newer > older), "{path}: newest first");
            let missing: Vec<&String> = before.difference(&different).collect();
            assert!(
                missing.is_empty(),
                "{path}: {missing:?} of {} did not come",
                before.len()
            );
        }
        writers.go_on.store(false, Ordering::Relaxed);
    };
    tokio::join!(writers.run(&app, &access), read);
    // When all is quiet, the pages are the ledger: whatever their size.
    let ledger: BTreeSet<String> = app.ledger().await.into_iter().map(|row| row.id.to_string()).collect();
    for limit in [1, 10, 200] {
        let read: BTreeSet<String> = read_all(&app, &admin, "/events", limit).await.into_iter().collect();
        assert_eq!(read, ledger, "in pages of {limit}");
    }
    app.finish().await;
}
