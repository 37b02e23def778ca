//! Compression as clients see it: over a socket, with a client that decodes nothing itself.

use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, VARY};
use reqwest::{Client, Method, StatusCode};

use super::api::{Running, start};
use crate::support::app::TestApp;
use crate::support::database::Backend;

/// The smallest body that is compressed.
const MIN_COMPRESSED_SIZE: usize = 1024;

/// A response before decoding.
struct RawResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl RawResponse {
    fn encoding(&self) -> Option<&str> {
        self.headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap())
    }

    fn varies(&self) -> bool {
        let values = self.headers.get_all(VARY).iter();
        values
            .flat_map(|value| value.to_str().unwrap().split(','))
            .filter(|name| name.trim().eq_ignore_ascii_case("accept-encoding"))
            .count()
            == 1
    }

    fn decoded(&self) -> Vec<u8> {
        assert_eq!(self.encoding(), Some("gzip"));
        let mut decoded = Vec::new();
        GzDecoder::new(self.body.as_slice()).read_to_end(&mut decoded).unwrap();
        decoded
    }
}

async fn receive(method: Method, url: String, accepts: Option<&str>, body: Option<String>) -> RawResponse {
    let client = Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(method, url);
    if let Some(accepts) = accepts {
        request = request.header(ACCEPT_ENCODING, accepts);
    }
    if let Some(body) = body {
        request = request.header(CONTENT_TYPE, "application/json").body(body);
    }
    let response = request.send().await.unwrap();
    RawResponse {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap().to_vec(),
    }
}

async fn get(url: String, accepts: Option<&str>) -> RawResponse {
    receive(Method::GET, url, accepts, None).await
}

fn url(app: &Running, path: &str) -> String {
    format!("http://{}/base{path}", app.address)
}

#[tokio::test]
async fn a_response_is_compressed_when_the_client_accepts_it() {
    let app = start().await;
    let path = url(&app, &format!("/bytes?count={MIN_COMPRESSED_SIZE}"));
    for accepts in ["gzip", "br, gzip;q=0.5", "*"] {
        let response = get(path.clone(), Some(accepts)).await;
        assert_eq!(response.decoded(), vec![b'x'; MIN_COMPRESSED_SIZE], "{accepts}");
        assert!(response.body.len() < MIN_COMPRESSED_SIZE && response.varies(), "{accepts}");
        assert_eq!(response.headers["content-length"], response.body.len().to_string());
    }
    for accepts in [
        None,
        Some("identity"),
        Some("br"),
        Some("gzip;q=0"),
        Some("gzip;q=0, *"),
    ] {
        let response = get(path.clone(), accepts).await;
        assert_eq!((response.encoding(), response.body.len()), (None, MIN_COMPRESSED_SIZE), "{accepts:?}");
        assert!(response.varies(), "a cache must know that the response depends on the request");
    }
}

#[tokio::test]
async fn short_responses_and_refusals_are_not_compressed() {
    let app = start().await;
    let short = get(url(&app, &format!("/bytes?count={}", MIN_COMPRESSED_SIZE - 1)), Some("gzip")).await;
    assert_eq!((short.encoding(), short.body.len()), (None, MIN_COMPRESSED_SIZE - 1));
    let refused = get(url(&app, "/taken"), Some("gzip")).await;
    assert_eq!((refused.status, refused.encoding()), (StatusCode::CONFLICT, None));
}

/// Responses to POST contain tokens.
#[tokio::test]
async fn a_response_to_a_post_is_never_compressed() {
    let app = start().await;
    let body = format!(r#"{{"email": "", "password": "{}"}}"#, "x".repeat(950));
    let response = receive(Method::POST, url(&app, "/strict"), Some("gzip"), Some(body)).await;
    assert_eq!((response.status, response.encoding()), (StatusCode::OK, None));
    assert!(response.body.len() >= MIN_COMPRESSED_SIZE && !response.varies());
}

#[tokio::test]
async fn a_response_to_head_has_no_body() {
    let app = start().await;
    let response = receive(Method::HEAD, url(&app, "/problems"), Some("gzip"), None).await;
    assert_eq!((response.status, response.body.len()), (StatusCode::OK, 0));
    assert!(response.varies());
}

#[tokio::test]
async fn server_sent_events_are_sent_at_once_and_uncompressed() {
    let app = start().await;
    let client = Client::builder().no_proxy().build().unwrap();
    let request = client.get(url(&app, "/stream")).header(ACCEPT_ENCODING, "gzip");
    let mut response = request.send().await.unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
    assert_eq!(response.headers().get(CONTENT_ENCODING), None);
    let first = response.chunk().await.unwrap().expect("an event");
    assert_eq!(first.as_ref(), b"data: \"first\"\n\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_document_is_the_same_in_both_encodings() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    for (path, media_type) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/", "text/html; charset=utf-8"),
        ("/events-docs", "text/html; charset=utf-8"),
        ("/openapi.json", "application/json"),
        ("/asyncapi.json", "application/json"),
        ("/schemas/auth.user.registered/1.json", "application/schema+json"),
        ("/problems", "text/html; charset=utf-8"),
    ] {
        let plain = get(app.url(path), None).await;
        assert_eq!((plain.status, plain.encoding()), (StatusCode::OK, None), "{path}");
        assert!(plain.varies(), "{path}");
        for source in ["computed", "cached"] {
            let compressed = get(app.url(path), Some("gzip, deflate, br")).await;
            assert_eq!(compressed.headers[CONTENT_TYPE], media_type, "{path} {source}");
            assert!(compressed.decoded() == plain.body, "{path} {source}: the decoded body differs");
            assert!(compressed.body.len() * 2 < plain.body.len(), "{path}: {}", compressed.body.len());
            assert!(compressed.varies(), "{path} {source}");
            let policy = "content-security-policy";
            assert_eq!(compressed.headers.get(policy), plain.headers.get(policy), "{path}");
        }
    }
    app.finish().await;
}
