//! A service that assigns tasks to users, of whom it learns from events alone.
//!
//! It shows a **local copy of another service's data**, in a SQLite file. Only active users get
//! tasks, even while the auth service is down. Events carry the new values of what changed, so none
//! may be left out: each user's row has the number of the last applied event (`userSeq`), and the
//! subscriber passes on the one that follows it. `deleted` removes the user's name and unassigns
//! the tasks.
//!
//! ```sh
//! cargo run --example tasks_service
//! curl -X POST localhost:3002/tasks -H 'content-type: application/json' \
//!   -d '{"title":"Water the plants","assignee":"<user id>"}'
//! curl localhost:3002/tasks
//! ```
//!
//! Settings: `NATS_URL`; `TASKS_DB`, the path of the file (default `tasks_service.db`);
//! `TASKS_LISTEN` (default `127.0.0.1:3002`). The service requires no token: do not expose it.

mod users;

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
use watchword_events::Subscriber;
use watchword_examples::{NATS_HELP, ctrl_c, init_logging, nats_url, setting};

use users::Users;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, name TEXT, status TEXT);
    CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY, title TEXT NOT NULL, assignee TEXT);";

const ASSIGN: &str =
    "INSERT INTO tasks (title, assignee) SELECT ?, id FROM users WHERE id = ? AND status = 'active' RETURNING id";

const LIST: &str = "
    SELECT JSON_GROUP_ARRAY(JSON_OBJECT('id', tasks.id, 'title', title, 'assignee', assignee, 'name', name))
    FROM tasks LEFT JOIN users ON users.id = assignee";

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this example prints its address")]
async fn main() -> anyhow::Result<()> {
    init_logging();
    let stop = ctrl_c();
    let file = setting("TASKS_DB", "tasks_service.db");
    let db = SqlitePool::connect(&format!("sqlite://{file}?mode=rwc"))
        .await
        .with_context(|| format!("cannot open {file}"))?;
    sqlx::raw_sql(TABLES).execute(&db).await?;

    // No filter: one could name only the events that this version of the crate knows.
    let subscriber = Subscriber::durable("tasks-service")
        .stop_on(stop.clone())
        .connect(&nats_url())
        .await
        .context(NATS_HELP)?;
    let users = Users(db.clone());
    let copy = users.clone();
    let events = subscriber
        .ordered_by_user()
        .run(users, move |received, _delivery| copy.clone().apply(received));

    let address = setting("TASKS_LISTEN", "127.0.0.1:3002");
    let routes = Route::new().at("/tasks", get(list).post(assign)).data(db);
    let server = Server::new(TcpListener::bind(address.clone()));
    let http = server.run_with_graceful_shutdown(routes, stop.cancelled(), Some(Duration::from_secs(5)));
    println!("http://{address}/tasks");
    // If either fails, both end: the service must not use a copy that no longer follows the events.
    let events = async { events.await.context("cannot read events") };
    let http = async { http.await.with_context(|| format!("cannot listen on {address}")) };
    tokio::try_join!(events, http)?;
    Ok(())
}

#[derive(Deserialize)]
struct NewTask {
    title: String,
    assignee: Uuid,
}

/// Creates a task. One statement checks the user and inserts the task.
#[handler]
async fn assign(Data(db): Data<&SqlitePool>, body: poem::Result<Json<NewTask>>) -> poem::Result<Response> {
    let Ok(Json(task)) = body else {
        return Ok(problem(StatusCode::BAD_REQUEST, "send a title and an assignee"));
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
    let task = json!({"id": id, "title": task.title, "assignee": task.assignee});
    Ok((StatusCode::CREATED, Json(task)).into_response())
}

/// Lists all tasks with the names of their assignees.
#[handler]
async fn list(Data(db): Data<&SqlitePool>) -> poem::Result<Json<Value>> {
    let json: String = sqlx::query_scalar(LIST).fetch_one(db).await.map_err(InternalServerError)?;
    serde_json::from_str(&json).map(Json).map_err(InternalServerError)
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({"status": status.as_u16(), "title": status.canonical_reason(), "detail": detail});
    let response = Response::builder().status(status).content_type("application/problem+json");
    response.body(body.to_string())
}
