//! The pages that are served beside the API.

use crate::support::app::TestApp;
use crate::support::database::Backend;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_counted_by_its_route() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    for (path, route) in [
        ("/problems", "/problems"),
        ("/problems/invalid_token", "/problems/{code}"),
        ("/schemas/auth.user.registered/1.json", "/schemas/{subject}/{file}"),
        ("/openapi.json", "/openapi.json"),
    ] {
        app.http().get(path).await.expect_status(200);
        let labels = format!(r#"route="{route}",status="200""#);
        let counted = app.metric("watchword_http_requests_total", &labels).await;
        assert!((counted - 1.0).abs() < 0.1, "{path}: {}", app.metrics().await);
    }
    app.finish().await;
}

/// Behind a proxy that removes a prefix, Swagger UI sends its requests with the prefix.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_names_the_path_that_clients_use() {
    let builder = TestApp::builder(Backend::Sqlite).settings(|settings| {
        settings.http.public_url = "https://example.com/auth-api".to_owned();
        settings.http.base_path = "/v1".to_owned();
    });
    let app = builder.spawn().await;
    let document = app.get("/v1/openapi.json").await.expect_status(200);
    assert_eq!(document.str("/servers/0/url"), "https://example.com/auth-api/v1");
    assert_eq!(document.str("/servers/1/url"), "/auth-api/v1");
    let page = app.get("/v1/docs").await.expect_status(200);
    assert!(page.text.contains(r#""url": "/auth-api/v1""#), "Swagger UI shows another document");
    assert!(!page.text.contains("https://example.com/auth-api/v1"), "its policy forbids other origins");
    app.finish().await;
}
