//! Forward authentication through a real nginx, Caddy and Envoy, with the configurations in
//! `docs/FORWARD_AUTH.md`.

use std::time::Duration;

use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::{Request, Route, Server, handler};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::http::Http;
use crate::support::oauth::{forgeries, revoke};
use crate::support::server::Server as TestServer;
use crate::support::wait::seen_within;
use crate::support::web_proxy::WebProxy;

const HEADERS: [&str; 4] = ["x-auth-user-id", "x-auth-email", "x-auth-roles", "x-auth-session-id"];

/// The backend of the proxy. It responds with the request headers.
#[handler]
fn echo(request: &Request, body: Vec<u8>) -> String {
    let mut headers = Map::new();
    for (name, value) in request.headers() {
        let value = json!(String::from_utf8_lossy(value.as_bytes()));
        let previous = headers.insert(name.to_string(), value);
        assert!(previous.is_none(), "duplicate header {name}");
    }
    headers.insert("method".to_owned(), json!(request.method().as_str()));
    headers.insert("body".to_owned(), json!(body.len()));
    Value::Object(headers).to_string()
}

/// A proxy in front of the echo backend, with forward authentication by the application.
struct Proxy {
    http: Http,
    _server: TestServer,
    backend: JoinHandle<Result<(), std::io::Error>>,
}

impl Proxy {
    async fn start(kind: WebProxy, auth: u16) -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
        let backend_port = acceptor
            .local_addr()
            .first()
            .and_then(|address| address.as_socket_addr())
            .map(std::net::SocketAddr::port);
        let backend_port = backend_port.expect("an address");
        let server = Server::new_with_acceptor(acceptor);
        let backend = tokio::spawn(server.run(Route::new().at("/*path", echo).at("/", echo)));
        let server = kind.start(&documented_config(kind, auth, backend_port), "/public/").await;
        Self { http: Http::new(server.port()), _server: server, backend }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.backend.abort();
    }
}

/// Those whose configurations the documentation has.
fn proxies() -> Vec<WebProxy> {
    WebProxy::installed().into_iter().filter(|kind| *kind != WebProxy::Haproxy).collect()
}

/// The configuration in the documentation, with other ports.
fn documented_config(kind: WebProxy, auth: u16, backend: u16) -> String {
    if kind == WebProxy::Envoy {
        return envoy_config(auth, backend);
    }
    let text = kind.documented_for("docs/FORWARD_AUTH.md", auth);
    assert!(text.contains("127.0.0.1:8080"), "{text}");
    text.replace("127.0.0.1:8080", &format!("127.0.0.1:{backend}"))
}

/// The filters and the route that the documentation has, in a listener with two more routes.
fn envoy_config(auth: u16, backend: u16) -> String {
    let blocks = WebProxy::Envoy.blocks("docs/FORWARD_AUTH.md");
    let [filters, route] = blocks.as_slice() else {
        panic!("two blocks: {blocks:?}")
    };
    let mut text = include_str!("envoy.yaml").to_owned();
    for (mark, block) in [("FILTERS", filters), ("ROUTE", route)] {
        let (before, _) = text.split_once(mark).expect("a mark");
        let indent = before.len() - before.rfind('\n').expect("a line") - 1;
        let lines: Vec<&str> = block.trim_end().lines().collect();
        text = text.replace(mark, &lines.join(&format!("\n{}", " ".repeat(indent))));
    }
    text.replace("port_value: 3001", &format!("port_value: {auth}"))
        .replace("port_value: 8080", &format!("port_value: {backend}"))
}

/// The four authentication headers that the backend received.
fn auth_headers(headers: &Value) -> [Option<&str>; 4] {
    HEADERS.map(|name| headers.get(name).and_then(Value::as_str))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_configuration_lets_only_authenticated_users_through() {
    for kind in proxies() {
        authenticates(kind).await;
    }
}

async fn authenticates(kind: WebProxy) {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let proxy = Proxy::start(kind, app.port()).await;
    let http = &proxy.http;
    let answer = app.registered("j\u{f8}rn@example.com").await;
    let (tokens, id) = (answer.tokens(), answer.str("/user/id").to_owned());
    let forged = |request: reqwest::RequestBuilder| {
        let request = HEADERS.iter().fold(request, |request, name| request.header(*name, "forged"));
        let request = request.header("x-auth-user-id", "forged again");
        // The others pass on what looks like the header to CGI.
        if kind == WebProxy::Nginx {
            request.header("X_Auth_User_Id", "forged")
        } else {
            request
        }
    };

    // No user.
    let answer = http.get("/orders").await.expect_status(401);
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="watchword""#));
    http.send(forged(http.request(Method::GET, "/orders"))).await.expect_status(401);
    for (name, token) in forgeries(&tokens.access) {
        let answer = http.get_as(&token, "/orders").await;
        assert_eq!(answer.status, 401, "{name}");
    }

    // A user. Forged headers are replaced.
    let session = tokens.session();
    let expected = [
        Some(id.as_str()),
        Some("j%C3%B8rn@example.com"),
        Some("user"),
        Some(session.as_str()),
    ];
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let request = forged(http.request(method.clone(), "/orders/7?x=1")).bearer_auth(&tokens.access);
        let answer = http.send(request.body("a".repeat(100_000))).await.expect_status(200);
        assert_eq!(auth_headers(&answer.json), expected, "{method}");
        assert_eq!(answer.json.get("method"), Some(&json!(method.as_str())));
        assert_eq!(answer.json.get("body"), Some(&json!(100_000)));
        assert!(!answer.text.contains("forged"), "{}", answer.text);
    }
    let request = forged(http.request(Method::GET, "/public/page")).bearer_auth(&tokens.access);
    let answer = http.send(request).await.expect_status(200);
    assert_eq!(auth_headers(&answer.json), [None; 4], "a public page gets no authentication headers");
    assert!(!answer.text.contains("forged"), "{}", answer.text);
    if kind == WebProxy::Nginx {
        http.get_as(&tokens.access, "/_watchword").await.expect_status(404);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_session_is_refused_within_a_second_and_an_outage_refuses_everyone() {
    for kind in proxies() {
        follows_revocations(kind).await;
    }
}

async fn follows_revocations(kind: WebProxy) {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let proxy = Proxy::start(kind, app.port()).await;
    let http = proxy.http.clone();
    let tokens = app.registered("ada@example.com").await.tokens();
    let other = app.login("ada@example.com", PASSWORD).await.tokens();
    http.get_as(&tokens.access, "/").await.expect_status(200);
    revoke(&app, &tokens.refresh).await.expect_status(200);
    seen_within(Duration::from_secs(1), || async {
        let status = http.get_as(&tokens.access, "/").await.status.as_u16();
        if status == 401 { Ok(()) } else { Err(status) }
    })
    .await;
    http.get_as(&other.access, "/").await.expect_status(200);

    app.finish().await;
    let refused = match kind {
        WebProxy::Nginx => 500,
        WebProxy::Envoy => 403,
        _ => 502,
    };
    http.get_as(&other.access, "/").await.expect_status(refused);
    http.get("/").await.expect_status(refused);
    http.get("/public/").await.expect_status(200);
}

/// Browsers send preflight requests without a token. The service behind answers them, and gets no
/// identity with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preflight_requests_reach_the_backend_without_an_identity() {
    for kind in proxies() {
        passes_preflight_requests(kind).await;
    }
}

async fn passes_preflight_requests(kind: WebProxy) {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let proxy = Proxy::start(kind, app.port()).await;
    let http = &proxy.http;
    let tokens = app.registered("ada@example.com").await.tokens();
    let preflight = |request: reqwest::RequestBuilder| {
        let request = HEADERS.iter().fold(request, |request, name| request.header(*name, "forged"));
        request
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
    };
    let options = || http.request(Method::OPTIONS, "/orders");
    let answer = http.send(preflight(options())).await.expect_status(200);
    assert_eq!(answer.json.get("method"), Some(&json!("OPTIONS")));
    assert_eq!(auth_headers(&answer.json), [None; 4], "{}", answer.text);
    // All other requests need a token.
    http.send(options()).await.expect_status(401);
    http.send(options().header("origin", "https://app.example")).await.expect_status(401);
    http.send(preflight(http.request(Method::POST, "/orders"))).await.expect_status(401);
    http.send(options().bearer_auth(&tokens.access)).await.expect_status(200);
    app.finish().await;
}

/// Only what the answer depends on goes to the auth service, so that nothing else can be too large
/// for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_headers_of_clients_do_not_reach_the_auth_service() {
    for kind in proxies() {
        sends_little(kind).await;
    }
}

async fn sends_little(kind: WebProxy) {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let proxy = Proxy::start(kind, app.port()).await;
    let http = &proxy.http;
    let tokens = app.registered("ada@example.com").await.tokens();
    let large = |request: reqwest::RequestBuilder| {
        ["cookie", "x-b", "x-c"]
            .iter()
            .fold(request, |request, name| request.header(*name, "x".repeat(7000)))
    };
    let many = |request: reqwest::RequestBuilder| {
        (0..120).fold(request, |request, number| request.header(format!("x-small-{number}"), "x"))
    };
    let get = || http.request(Method::GET, "/orders").bearer_auth(&tokens.access);
    http.send(large(get())).await.expect_status(200);
    http.send(large(http.request(Method::GET, "/orders"))).await.expect_status(401);
    if kind == WebProxy::Nginx {
        // The backend of this test takes no more than 100 headers itself.
        http.send(many(http.request(Method::GET, "/orders"))).await.expect_status(401);
    }
    app.finish().await;
}
