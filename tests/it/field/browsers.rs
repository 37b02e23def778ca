//! A page of another origin in a real Chromium.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::web::Html;
use poem::{EndpointExt as _, Route, Server, get, handler};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::run_dir::scratch;
use crate::support::server::Server as TestServer;
use crate::support::web_proxy::{WebProxy, chromium, skip};

const TIMEOUT: Duration = Duration::from_secs(120);

/// What the page does: a whole visit, and errors on the way. It shows what it could read.
const SCRIPT: &str = r#"
const seen = [];
async function call(method, path, { body, token, headers = {} } = {}) {
    if (body) headers["content-type"] = "application/json";
    if (token) headers["authorization"] = "Bearer " + token;
    try {
        const answer = await fetch(API + path, { method, headers, body: body && JSON.stringify(body), credentials: CREDENTIALS });
        const text = await answer.text();
        const json = text ? JSON.parse(text) : null;
        seen.push([method + " " + path, answer.status, json && json.code || null,
            answer.headers.get("x-request-id") !== null, answer.headers.get("etag")]);
        return { json, etag: answer.headers.get("etag") };
    } catch (error) {
        seen.push([method + " " + path, 0, String(error), false, null]);
        return {};
    }
}
(async () => {
    const account = { email: "ada@example.com", password: "correct horse battery 7" };
    const { json } = await call("POST", "/auth/register", { body: account, headers: { "idempotency-key": "a-key-of-the-page" } });
    const token = json && json.accessToken;
    const { etag } = await call("GET", "/auth/me", { token });
    await call("PATCH", "/auth/me", { token, body: { name: "Ada" }, headers: { "if-match": etag } });
    await call("PATCH", "/auth/me", { token, body: { name: "Ada" }, headers: { "if-match": etag } });
    await call("POST", "/auth/refresh", { body: { refreshToken: json && json.refreshToken } });
    await call("GET", "/auth/me");
    await call("POST", "/auth/login", { body: { identifier: "ada@example.com", password: "wrong" } });
    await call("POST", "/auth/login", { body: {} });
    await call("GET", "/no/such/path", { token });
    await call("DELETE", "/auth/login");
    await call("GET", "/.well-known/jwks.json");
    await call("POST", "/auth/logout", { token, body: {} });
    document.getElementById("seen").textContent = JSON.stringify(seen);
})();
"#;

#[handler]
fn show(html: poem::web::Data<&String>) -> Html<String> {
    Html(html.to_string())
}

/// Opens a page, and returns what it shows when its scripts have run.
async fn opened(browser: &Path, url: &str) -> String {
    let profile = scratch("chromium");
    let run = tokio::process::Command::new(browser)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-dev-shm-usage",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(["--virtual-time-budget=60000", "--dump-dom", url])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(TIMEOUT, run).await.expect("the browser ends in time");
    String::from_utf8_lossy(&output.expect("run the browser").stdout).into_owned()
}

/// Opens a page of another origin that calls the API, and returns what its script could read.
async fn visit(api: &str, credentials: &str, browser: &Path, page_origin: TcpPage) -> Value {
    let html = format!(
        "<!doctype html><meta charset=utf-8><pre id=seen></pre>\
         <script>const API = {api:?}, CREDENTIALS = {credentials:?};{SCRIPT}</script>"
    );
    let url = format!("{}/", page_origin.origin);
    let server = Server::new_with_acceptor(page_origin.acceptor);
    let serving = tokio::spawn(server.run(Route::new().at("/", get(show)).data(html)));
    let dom = opened(browser, &url).await;
    serving.abort();
    let (_, text) = dom.split_once("<pre id=\"seen\">").unwrap_or_else(|| panic!("no page: {dom}"));
    let (text, _) = text.split_once("</pre>").expect("its end");
    serde_json::from_str(&text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
        .unwrap_or_else(|error| panic!("{error}: {dom}"))
}

/// Where the page is, before it is served.
struct TcpPage {
    acceptor: poem::listener::TcpAcceptor,
    origin: String,
}

async fn page_origin() -> TcpPage {
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
    let address = acceptor.local_addr().first().and_then(|address| address.as_socket_addr().copied());
    let origin = format!("http://{}", address.expect("an address"));
    TcpPage { acceptor, origin }
}

/// What a page sees that may call the API.
fn everything() -> Value {
    json!([
        ["POST /auth/register", 201, null, true],
        ["GET /auth/me", 200, null, true],
        ["PATCH /auth/me", 200, null, true],
        ["PATCH /auth/me", 412, "precondition_failed", true],
        ["POST /auth/refresh", 200, null, true],
        ["GET /auth/me", 401, "authentication_required", true],
        ["POST /auth/login", 401, "invalid_credentials", true],
        ["POST /auth/login", 422, "validation_failed", true],
        ["GET /no/such/path", 404, "not_found", true],
        ["DELETE /auth/login", 405, "method_not_allowed", true],
        ["GET /.well-known/jwks.json", 200, null, true],
        ["POST /auth/logout", 204, null, true],
    ])
}

/// Without the last column, the version.
fn without_versions(seen: &Value) -> Value {
    let rows = seen.as_array().expect("rows").iter();
    rows.map(|row| json!(row.as_array().expect("a row")[..4])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_listed_origin_can_do_everything() {
    let Some(browser) = chromium() else {
        skip("Chromium is not installed");
        return;
    };
    for (credentials, prefix) in [("omit", false), ("include", false), ("omit", true)] {
        let page = page_origin().await;
        let origin = page.origin.clone();
        let builder = TestApp::builder(Backend::Sqlite).settings(move |settings| {
            settings.http.cors.origins = vec![origin];
            settings.http.cors.credentials = credentials == "include";
        });
        let app = builder.spawn().await;
        let (api, _proxy) = behind(prefix, app.port()).await;
        let seen = visit(&api, credentials, &browser, page).await;
        assert_eq!(without_versions(&seen), everything(), "{credentials} {api}");
        assert!(seen[1][4].is_string(), "the version can be read: {seen}");
        app.finish().await;
    }
}

/// The address of the API: its own, or one behind nginx with a prefix.
async fn behind(prefix: bool, port: u16) -> (String, Option<TestServer>) {
    if !prefix {
        return (format!("http://127.0.0.1:{port}"), None);
    }
    let proxy = WebProxy::Nginx
        .start(&WebProxy::Nginx.documented_for("docs/PROXIES.md", port), "/ww/healthz")
        .await;
    (format!("http://127.0.0.1:{}/ww", proxy.port()), Some(proxy))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_can_read_only_what_is_public() {
    let Some(browser) = chromium() else {
        skip("Chromium is not installed");
        return;
    };
    for origins in [vec![], vec!["https://app.example.com".to_owned()]] {
        let builder = TestApp::builder(Backend::Sqlite).settings(move |settings| settings.http.cors.origins = origins);
        let app = builder.spawn().await;
        let seen = visit(&format!("http://127.0.0.1:{}", app.port()), "omit", &browser, page_origin().await).await;
        for row in seen.as_array().expect("rows") {
            let is_public = row[0] == "GET /.well-known/jwks.json";
            assert_eq!(row[1], if is_public { 200 } else { 0 }, "{row}");
        }
        app.finish().await;
    }
}

/// The policy of the page lets its scripts run, and they call the prefix on the page's own host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swagger_ui_calls_the_prefix_that_it_was_opened_below() {
    let Some(browser) = chromium() else {
        skip("Chromium is not installed");
        return;
    };
    let builder = TestApp::builder(Backend::Sqlite)
        .settings(|settings| settings.http.public_url = "https://auth.example.com/ww".to_owned());
    let app = builder.spawn().await;
    let (api, _proxy) = behind(true, app.port()).await;
    let dom = opened(&browser, &format!("{api}/docs")).await;
    assert!(dom.contains("operations-tag-Authentication"), "Swagger UI shows no operations: {dom}");
    assert!(dom.contains("<option value=\"/ww\">"), "Swagger UI calls another address");
    app.finish().await;
}
