//! Readers that go from pages to the stream and back with the cursors that they were given.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::pages::ids;
use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;
use crate::support::sse::{EventSource, Frame, cursor_at};

flow_tests! {
    a_reader_goes_from_pages_to_the_stream_without_a_hole_or_a_repetition,
    cursors_of_pages_and_of_the_stream_are_of_one_kind,
}

/// The number of events that the stream sends before the writers stop.
const STREAMED: usize = 40;

/// An administrator, and users that record events.
struct Fixture {
    app: TestApp,
    admin: String,
    writers: Vec<String>,
}

impl Fixture {
    async fn new(backend: Backend) -> Self {
        let app = TestApp::spawn(backend).await;
        let admin = app.admin().await.access;
        let mut writers = Vec::new();
        for n in 0..4 {
            writers.push(app.registered(&format!("user{n}@example.com")).await.tokens().access);
        }
        Self { app, admin, writers }
    }

    async fn record(&self, access: &str) {
        let written = self.app.send_as(access, Method::POST, "/events", &json!({"name": "written"})).await;
        written.expect_status(202);
    }

    async fn record_while(&self, running: &AtomicBool) {
        let write = async |access: &str| {
            while running.load(Ordering::Relaxed) {
                self.record(access).await;
            }
        };
        join_all(self.writers.iter().map(|access| write(access))).await;
    }

    async fn page(&self, query: &str) -> Answer {
        self.app.get_as(&self.admin, &format!("/events?{query}")).await.expect_status(200)
    }

    /// The ids on all pages, in the order of the pages; the first page and the last one.
    async fn pages(&self, order: &str) -> (Vec<String>, Answer, Answer) {
        let first = self.page(&format!("limit=25&order={order}")).await;
        let (mut read, mut last) = (ids(&first), first.clone());
        while let Some(next) = last.json["next"].as_str() {
            last = self.page(&format!("limit=25&order={order}&after={next}")).await;
            read.extend(ids(&last));
        }
        (read, first, last)
    }

    /// Follow the stream from the position of a page.
    async fn follow(&self, page: &Answer) -> EventSource {
        let path = format!("/events/stream?after={}", page.str("/position"));
        EventSource::open(&self.app, &self.admin, &path, None).await
    }

    /// The ids of the ledger, in its order.
    async fn ledger(&self) -> Vec<String> {
        self.app.ledger().await.into_iter().map(|row| row.id.to_string()).collect()
    }
}

fn id_of(event: &Frame) -> String {
    let event: Value = serde_json::from_str(&event.data).expect("JSON");
    event["id"].as_str().expect("an id").to_owned()
}

async fn a_reader_goes_from_pages_to_the_stream_without_a_hole_or_a_repetition(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    for order in ["asc", "desc"] {
        let running = AtomicBool::new(true);
        let read = async {
            let (mut read, first, last) = fixture.pages(order).await;
            // Oldest first, the last page is the newest one; newest first, the first page is.
            let newest = if order == "asc" { last } else { first };
            if order == "desc" {
                read.reverse();
            }
            let mut stream = fixture.follow(&newest).await;
            read.extend(stream.events(STREAMED).await.iter().map(id_of));
            running.store(false, Ordering::Relaxed);
            (read, stream)
        };
        let ((), (mut read, mut stream)) = tokio::join!(fixture.record_while(&running), read);
        let ledger = fixture.ledger().await;
        let rest = ledger.len().checked_sub(read.len()).expect("no event comes twice");
        read.extend(stream.events(rest).await.iter().map(id_of));
        assert_eq!(read, ledger, "{order}");
    }
    fixture.app.finish().await;
}

async fn cursors_of_pages_and_of_the_stream_are_of_one_kind(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    for _ in 0..4 {
        fixture.record(&fixture.writers[0]).await;
    }
    let ledger = fixture.ledger().await;
    // `next` of a page continues in the stream, behind the last event of the page.
    let page = fixture.page("order=asc&limit=3").await;
    let path = format!("/events/stream?after={}", page.str("/next"));
    let mut stream = EventSource::open(&fixture.app, &fixture.admin, &path, None).await;
    let streamed = stream.events(2).await;
    assert_eq!(streamed.iter().map(id_of).collect::<Vec<_>>(), ledger[3..5]);
    // `id` of an event continues on a page.
    let after = cursor_at(streamed[1].id.expect("an id"));
    assert_eq!(ids(&fixture.page(&format!("order=asc&after={after}")).await), ledger[5..]);
    // The end of the list of users continues in the stream with what changes later.
    let users = fixture.app.get_as(&fixture.admin, "/users").await.expect_status(200);
    let mut changes = fixture.follow(&users).await;
    fixture.record(&fixture.writers[1]).await;
    let change = changes.event().await.expect("an event");
    assert_eq!(Some(&id_of(&change)), fixture.ledger().await.last());
    drop((stream, changes));
    fixture.app.finish().await;
}
