//! Compression, as clients see it: on a socket, with a client that decodes nothing by itself.

use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, VARY};
use reqwest::{Client, Method, StatusCode};

use super::api::{Running, start};
use crate::support::app::TestApp;
use crate::support::database::Backend;

/// As much as is compressed at least.
const ENOUGH: usize = 1024;

/// An answer as it came.
struct Received {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Received {
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

async fn receive(method: Method, url: String, accepts: Option<&str>, body: Option<String>) -> Received {
    let client = Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(method, url);
    if let Some(accepts) = accepts {
        request = request.header(ACCEPT_ENCODING, accepts);
    }
    if let Some(body) = body {
        request = request.header(CONTENT_TYPE, "application/json").body(body);
    }
    let response = request.send().await.unwrap();
    Received {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap().to_vec(),
    }
}

async fn get(url: String, accepts: Option<&str>) -> Received {
    receive(Method::GET, url, accepts, None).await
}

fn url(app: &Running, path: &str) -> String {
    format!("http://{}/base{path}", app.address)
}

#[tokio::test]
async fn an_answer_is_compressed_when_the_client_accepts_it() {
    let app = start().await;
    let path = url(&app, &format!("/bytes?count={ENOUGH}"));
    for accepts in ["gzip", "br, gzip;q=0.5", "*"] {
        let answer = get(path.clone(), Some(accepts)).await;
        assert_eq!(answer.decoded(), vec![b'x'; ENOUGH], "{accepts}");
        assert!(answer.body.len() < ENOUGH && answer.varies(), "{accepts}");
        assert_eq!(answer.headers["content-length"], answer.body.len().to_string());
    }
    for accepts in [
        None,
        Some("identity"),
        Some("br"),
        Some("gzip;q=0"),
        Some("gzip;q=0, *"),
    ] {
        let answer = get(path.clone(), accepts).await;
        assert_eq!((answer.encoding(), answer.body.len()), (None, ENOUGH), "{accepts:?}");
        assert!(
            answer.varies(),
            "a cache must know that the answer depends on the request"
        );
    }
}

#[tokio::test]
async fn a_short_answer_and_a_refusal_stay_as_they_are() {
    let app = start().await;
    let short = get(url(&app, &format!("/bytes?count={}", ENOUGH - 1)), Some("gzip")).await;
    assert_eq!((short.encoding(), short.body.len()), (None, ENOUGH - 1));
    let refused = get(url(&app, "/taken"), Some("gzip")).await;
    assert_eq!((refused.status, refused.encoding()), (StatusCode::CONFLICT, None));
}

/// Tokens are in answers to POST.
#[tokio::test]
async fn an_answer_to_a_post_is_never_compressed() {
    let app = start().await;
    let body = format!(r#"{{"email": "", "password": "{}"}}"#, "x".repeat(950));
    let answer = receive(Method::POST, url(&app, "/strict"), Some("gzip"), Some(body)).await;
    assert_eq!((answer.status, answer.encoding()), (StatusCode::OK, None));
    assert!(answer.body.len() >= ENOUGH && !answer.varies());
}

#[tokio::test]
async fn a_head_request_is_answered_without_a_body() {
    let app = start().await;
    let answer = receive(Method::HEAD, url(&app, "/problems"), Some("gzip"), None).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    assert!(answer.varies());
}

#[tokio::test]
async fn events_leave_at_once_and_as_they_are() {
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
        for again in ["made", "kept"] {
            let packed = get(app.url(path), Some("gzip, deflate, br")).await;
            assert_eq!(packed.headers[CONTENT_TYPE], media_type, "{path} {again}");
            assert!(packed.decoded() == plain.body, "{path} {again}: other bytes");
            assert!(
                packed.body.len() * 2 < plain.body.len(),
                "{path}: {}",
                packed.body.len()
            );
            assert!(packed.varies(), "{path} {again}");
            let policy = "content-security-policy";
            assert_eq!(packed.headers.get(policy), plain.headers.get(policy), "{path}");
        }
    }
    app.finish().await;
}
