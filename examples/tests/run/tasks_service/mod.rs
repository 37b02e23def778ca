mod killed;

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;
use watchword_events::{AccountStatus, ChangedField, Deleted, DeletedReason, Disabled, DisabledReason, Updated};

use crate::example::{Account, Example, caught_up, delete_durable, registered};
use crate::servers::free_port;
use crate::support::{NatsServer, create_stream, eventually};

const DURABLE: &str = "tasks-service";

/// A change of the name, which `None` removes.
fn renamed(name: Option<&str>) -> Updated {
    Updated {
        changed_fields: vec![ChangedField::Name],
        name: name.map(str::to_owned),
        account_type: None,
        profile: None,
    }
}

const DELETED: Deleted = Deleted {
    reason: DeletedReason::User,
    status: AccountStatus::Deleted,
    ended_session_ids: Vec::new(),
};

const DISABLED: Disabled = Disabled {
    reason: DisabledReason::Admin,
    status: AccountStatus::Disabled,
    ended_session_ids: Vec::new(),
};

struct Tasks {
    http: reqwest::Client,
    url: String,
}

impl Tasks {
    fn new(port: u16) -> Self {
        let url = format!("http://127.0.0.1:{port}/tasks");
        let http = reqwest::Client::new();
        Self { http, url }
    }

    async fn assign(&self, title: &str, to: Uuid) -> StatusCode {
        self.post(&json!({"title": title, "assignee": to})).await
    }

    async fn post(&self, body: &Value) -> StatusCode {
        let request = self.http.post(&self.url).json(body);
        request.send().await.unwrap().status()
    }

    async fn list(&self) -> Value {
        eventually("the service answers", async || {
            self.http.get(&self.url).send().await.ok()?.json().await.ok()
        })
        .await
    }
}

#[tokio::test]
async fn only_active_users_get_tasks() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let [mut ada, mut bob, stranger] = [1, 2, 3].map(|number| Account::new(&context, number));
    ada.publish(registered("ada@example.com", "Ada"), Duration::ZERO).await;
    bob.publish(registered("bob@example.com", "Bob"), Duration::ZERO).await;

    let port = free_port();
    let example = Example::new("tasks_service", &server).set("TASKS_LISTEN", format!("127.0.0.1:{port}"));
    let tasks = Tasks::new(port);
    let mut service = example.start();
    assert_eq!(service.line().await, format!("http://127.0.0.1:{port}/tasks"));
    assert_eq!(tasks.list().await, json!([]));
    caught_up(&stream, DURABLE, 2).await;

    assert_eq!(tasks.assign("Water the plants", ada.id).await, StatusCode::CREATED);
    assert_eq!(tasks.assign("Feed the cat", bob.id).await, StatusCode::CREATED);
    assert_eq!(tasks.assign("Nothing", stranger.id).await, StatusCode::CONFLICT);
    assert_eq!(tasks.post(&json!({"title": 1})).await, StatusCode::BAD_REQUEST);

    bob.publish(DELETED, Duration::ZERO).await;
    caught_up(&stream, DURABLE, 3).await;
    assert_eq!(tasks.assign("Too late", bob.id).await, StatusCode::CONFLICT);
    let expected = json!([
        {"id": 1, "title": "Water the plants", "assignee": ada.id, "name": "Ada"},
        {"id": 2, "title": "Feed the cat", "assignee": null, "name": null},
    ]);
    assert_eq!(tasks.list().await, expected);
    service.stop().await;

    // All events again: the registration is older than the deletion, and does not undo it.
    delete_durable(&stream, DURABLE).await;
    let mut service = example.start();
    service.line().await;
    caught_up(&stream, DURABLE, 3).await;
    assert_eq!(tasks.list().await, expected);
    assert_eq!(tasks.assign("Still too late", bob.id).await, StatusCode::CONFLICT);
    assert_eq!(tasks.assign("Paint the fence", ada.id).await, StatusCode::CREATED);
    service.stop().await;
}

#[tokio::test]
async fn a_copy_follows_changes_of_its_users() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let mut ada = Account::new(&context, 1);
    ada.publish(registered("ada@example.com", "Ada"), Duration::ZERO).await;
    let port = free_port();
    let example = Example::new("tasks_service", &server).set("TASKS_LISTEN", format!("127.0.0.1:{port}"));
    let mut service = example.start();
    service.line().await;
    caught_up(&stream, DURABLE, 1).await;
    let tasks = Tasks::new(port);
    tasks.list().await;
    assert_eq!(tasks.assign("Water the plants", ada.id).await, StatusCode::CREATED);
    for (deliveries, name) in [(2, Some("Ada King")), (3, None), (4, Some("Augusta"))] {
        ada.publish(renamed(name), Duration::ZERO).await;
        caught_up(&stream, DURABLE, deliveries).await;
        assert_eq!(tasks.list().await[0]["name"], json!(name));
    }
    ada.publish(DISABLED, Duration::ZERO).await;
    caught_up(&stream, DURABLE, 5).await;
    assert_eq!(tasks.assign("Too late", ada.id).await, StatusCode::CONFLICT);
    assert_eq!(tasks.list().await[0]["name"], json!("Augusta"), "the name stays");
    service.stop().await;
}

#[tokio::test]
async fn a_late_event_changes_nothing() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let mut ada = Account::new(&context, 1);
    let late = ada.next(registered("ada@example.com", "Ada"), Duration::ZERO);
    ada.publish(DELETED, Duration::ZERO).await;
    crate::support::publish(&context, &late).await;

    let port = free_port();
    let example = Example::new("tasks_service", &server).set("TASKS_LISTEN", format!("127.0.0.1:{port}"));
    let mut service = example.start();
    service.line().await;
    caught_up(&stream, DURABLE, 2).await;
    let tasks = Tasks::new(port);
    tasks.list().await;
    assert_eq!(tasks.assign("Nothing", ada.id).await, StatusCode::CONFLICT);
    service.stop().await;
}
