//! A service that assigns tasks to users, and knows them from events alone: it never asks the auth service.
//!
//! It shows a **copy of another service's data**, in a SQLite file. `registered` adds a user, `disabled`, `enabled` and
//! `deleted` change the state; a task goes to active users only, also when the auth service is down. Each user keeps the
//! number of the last event (`userSeq`) that was applied: what is not higher is old or a repetition and changes nothing.
//! A deleted user's name is forgotten and the tasks are free again.
//!
//! ```sh
//! cargo run --example tasks_service
//! curl -X POST localhost:3002/tasks -H 'content-type: application/json' -d '{"title":"Water the plants","assignee":"<user id>"}'
//! curl localhost:3002/tasks
//! ```
//!
//! `NATS_URL` says where NATS is, `TASKS_DB` where the file is (default `tasks_service.db`), `TASKS_LISTEN` which
//! address it listens on (default `127.0.0.1:3002`: it asks nobody for a token, so it belongs on the loopback).

use std::time::Duration;

use anyhow::Context as _;
use poem::error::InternalServerError;
use poem::http::StatusCode;
use poem::listener::TcpListener;
use poem::web::{Data, Json};
use poem::{EndpointExt as _, IntoResponse as _, Response, Route, Server, get, handler};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::SqlitePool;
use uuid::Uuid;
use watchword_events::{AuthEvent, Failure, Received, Subscriber};
use watchword_examples::{NATS_HELP, ctrl_c, nats_url, setting, show_warnings};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, name TEXT, state TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY, title TEXT NOT NULL, assignee TEXT);";

const APPLY: &str = "
    INSERT INTO users (id, seq, name, state) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, state = excluded.state,
        name = CASE excluded.state WHEN 'deleted' THEN NULL ELSE COALESCE(excluded.name, name) END
    WHERE excluded.seq > users.seq";

const ASSIGN: &str =
    "INSERT INTO tasks (title, assignee) SELECT ?, id FROM users WHERE id = ? AND state = 'active' RETURNING id";

const LIST: &str = "
    SELECT JSON_GROUP_ARRAY(JSON_OBJECT('id', tasks.id, 'title', title, 'assignee', assignee, 'name', name))
    FROM tasks LEFT JOIN users ON users.id = assignee";

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it says where it listens")]
async fn main() -> anyhow::Result<()> {
    show_warnings();
    let stop = ctrl_c();
    let file = setting("TASKS_DB", "tasks_service.db");
    let db = SqlitePool::connect(&format!("sqlite://{file}?mode=rwc"))
        .await
        .with_context(|| format!("cannot open {file}"))?;
    sqlx::raw_sql(TABLES).execute(&db).await?;

    // All events: a filter can only name those that this version of the crate knows.
    let subscriber = Subscriber::durable("tasks-service")
        .stop_on(stop.clone())
        .connect(&nats_url())
        .await
        .context(NATS_HELP)?;
    let copy = db.clone();
    let events = subscriber.run(move |received, _delivery| apply(copy.clone(), received));

    let address = setting("TASKS_LISTEN", "127.0.0.1:3002");
    let routes = Route::new().at("/tasks", get(list).post(assign)).data(db);
    let server = Server::new(TcpListener::bind(address.clone()));
    let http = server.run_with_graceful_shutdown(routes, stop.cancelled(), Some(Duration::from_secs(5)));
    println!("http://{address}/tasks");
    // One failing ends both: a copy that no longer follows the events must not be served.
    let events = async { events.await.context("events cannot be read") };
    let http = async { http.await.with_context(|| format!("cannot listen on {address}")) };
    tokio::try_join!(events, http)?;
    Ok(())
}

/// Brings the copy up to the event.
async fn apply(db: SqlitePool, received: Received) -> Result<(), Failure> {
    // By subject: an event that the crate does not know yet has one, too.
    let state = match received.subject.as_str() {
        "auth.user.registered" | "auth.user.enabled" => "active",
        "auth.user.disabled" => "disabled",
        "auth.user.deleted" => "deleted",
        _ => return Ok(()),
    };
    let user = received
        .user
        .ok_or_else(|| Failure::poison("the event does not say whom it is about"))?;
    let name = match received.event {
        Some(AuthEvent::Registered(account)) => account.name,
        _ => None,
    };
    let id = user.id.to_string();
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    let change = sqlx::query(APPLY).bind(&id).bind(user.seq).bind(name).bind(state);
    change.execute(&mut *transaction).await?;
    if state == "deleted" {
        let free = sqlx::query("UPDATE tasks SET assignee = NULL WHERE assignee = ?").bind(&id);
        free.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

#[derive(Deserialize)]
struct NewTask {
    title: String,
    assignee: Uuid,
}

/// Assigns a new task. One statement looks and writes, so a user who leaves at this moment gets none.
#[handler]
async fn assign(Data(db): Data<&SqlitePool>, body: poem::Result<Json<NewTask>>) -> poem::Result<Response> {
    let Ok(Json(task)) = body else {
        return Ok(problem(StatusCode::BAD_REQUEST, "wanted: a title and an assignee"));
    };
    let id: Option<i64> = sqlx::query_scalar(ASSIGN)
        .bind(&task.title)
        .bind(task.assignee.to_string())
        .fetch_optional(db)
        .await
        .map_err(InternalServerError)?;
    let Some(id) = id else {
        return Ok(problem(StatusCode::CONFLICT, "the assignee is not an active user"));
    };
    let made = Json(json!({"id": id, "title": task.title, "assignee": task.assignee}));
    Ok((StatusCode::CREATED, made).into_response())
}

/// Every task, with its assignee's name.
#[handler]
async fn list(Data(db): Data<&SqlitePool>) -> poem::Result<Json<Value>> {
    let json: String = sqlx::query_scalar(LIST)
        .fetch_one(db)
        .await
        .map_err(InternalServerError)?;
    serde_json::from_str(&json).map(Json).map_err(InternalServerError)
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({"status": status.as_u16(), "title": status.canonical_reason(), "detail": detail});
    let response = Response::builder()
        .status(status)
        .content_type("application/problem+json");
    response.body(body.to_string())
}
