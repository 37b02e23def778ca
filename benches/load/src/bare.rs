//! The baselines of GET /auth/me and GET /auth/verify: poem-openapi with one JSON object, and poem
//! with four headers.

use poem::{Response, Route, Server, get, handler, listener::TcpListener};
use poem_openapi::{Object, OpenApi, OpenApiService, payload::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Outcome;

/// A user as in the service's response.
#[derive(Clone, Object)]
#[oai(rename_all = "camelCase")]
struct Body {
    id: Uuid,
    email: String,
    email_verified: bool,
    name: String,
    account_type: String,
    roles: Vec<String>,
    status: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

struct Api(Body);

#[OpenApi]
impl Api {
    #[oai(path = "/bare", method = "get")]
    async fn get(&self) -> Json<Body> {
        Json(self.0.clone())
    }
}

/// Returns the headers of GET /auth/verify, without a check.
#[handler]
fn verify() -> Response {
    Response::builder()
        .header("x-auth-user-id", Uuid::nil().to_string())
        .header("x-auth-email", "bare@example.com".to_owned())
        .header("x-auth-roles", "user".to_owned())
        .header("x-auth-session-id", Uuid::nil().to_string())
        .finish()
}

/// Serves `GET /bare` and `GET /verify` on a port. The name is as long as a body of `size` bytes
/// needs.
pub(crate) async fn serve(port: &str, size: &str) -> Outcome<()> {
    let mut body = Body {
        id: Uuid::nil(),
        email: "bare@example.com".to_owned(),
        email_verified: false,
        name: String::new(),
        account_type: "user".to_owned(),
        roles: vec!["user".to_owned()],
        status: "active".to_owned(),
        created_at: OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(1_234_567_890_123),
        updated_at: OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(1_234_567_890_123),
    };
    let missing = size.parse::<usize>()?.saturating_sub(length(&body));
    body.name = "a".repeat(missing);
    let service = OpenApiService::new(Api(body), "bare", "1.0");
    Server::new(TcpListener::bind(format!("127.0.0.1:{port}")))
        .run(Route::new().at("/verify", get(verify)).nest("/", service))
        .await?;
    Ok(())
}

fn length(body: &Body) -> usize {
    poem_openapi::types::ToJSON::to_json_string(body).len()
}
