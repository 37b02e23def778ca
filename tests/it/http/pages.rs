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
