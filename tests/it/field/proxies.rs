//! The service behind a proxy that removes a prefix, with the configurations of `docs/PROXIES.md`.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::database::Backend;
use crate::support::http::Http;
use crate::support::raw::RawConnection;
use crate::support::run_dir::repository;
use crate::support::server::Server;
use crate::support::wait::eventually;
use crate::support::web_proxy::WebProxy;

/// What clients see.
const PUBLIC: &str = "http://localhost:8080/ww";
const DOCUMENT: &str = "docs/PROXIES.md";

async fn app() -> TestApp {
    let builder = TestApp::builder(Backend::Sqlite).settings(|settings| {
        settings.http.public_url = PUBLIC.to_owned();
        settings.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        settings.http.cors.origins = vec!["https://app.example.com".to_owned()];
        settings.oauth.clients = vec![crate::support::oauth::client()];
    });
    builder.spawn().await
}

/// The documented configuration in front of a service on this port.
async fn in_front(proxy: WebProxy, service: u16) -> Server {
    proxy.start(&proxy.documented_for(DOCUMENT, service), "/ww/healthz").await
}

/// Everything that names an address begins with the public one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_address_begins_with_the_public_one() {
    for proxy in WebProxy::installed() {
        let app = app().await;
        let server = in_front(proxy, app.port()).await;
        let http = Http::new(server.port());
        let document = http.get("/ww/openapi.json").await.expect_status(200);
        assert_eq!(document.str("/servers/0/url"), PUBLIC, "{proxy:?}");
        assert_eq!(document.str("/servers/1/url"), "/ww", "{proxy:?}");
        let page = http.get("/ww/docs").await.expect_status(200);
        assert!(page.text.contains("\"url\": \"/ww\"") && !page.text.contains(PUBLIC), "{proxy:?}");

        for path in [
            "/ww/.well-known/openid-configuration",
            "/ww/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration/ww",
            "/.well-known/oauth-authorization-server/ww",
        ] {
            let metadata = http.get(path).await.expect_status(200);
            assert_eq!(metadata.str("/issuer"), PUBLIC, "{proxy:?} {path}");
            assert_eq!(metadata.str("/jwks_uri"), format!("{PUBLIC}/.well-known/jwks.json"));
            assert_eq!(metadata.str("/introspection_endpoint"), format!("{PUBLIC}/oauth/introspect"));
        }
        let body = json!({"email": "ada@example.com", "password": PASSWORD});
        let registered = http.post("/ww/auth/register", &body).await.expect_status(201);
        assert_eq!(registered.tokens().claims()["iss"], PUBLIC);
        let location = registered.header("location");
        if let Some(location) = location {
            assert!(location.starts_with("/ww/"), "{proxy:?} {location}");
            http.get_as(&registered.tokens().access, location).await.expect_status(200);
        }
        app.finish().await;
    }
}

/// Proxies change requests and answers; what matters arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_matters_passes_every_proxy() {
    for proxy in WebProxy::installed() {
        let app = app().await;
        let server = in_front(proxy, app.port()).await;
        let http = Http::new(server.port());
        let body = json!({"email": "ada@example.com", "password": PASSWORD});
        // A client cannot choose its address: the proxy's word about it is the last one.
        let request = http.request(Method::POST, "/ww/auth/register").json(&body);
        let registered = http.send(request.header("x-forwarded-for", "6.6.6.6")).await.expect_status(201);
        let access = registered.tokens().access;
        let sessions = http.get_as(&access, "/ww/auth/sessions").await.expect_status(200);
        assert!(!sessions.text.contains("6.6.6.6"), "{proxy:?} {}", sessions.text);

        // Versions, problem documents, their headers, and the id of the request.
        let me = http.get_as(&access, "/ww/auth/me").await.expect_status(200);
        let tag = me.header("etag").expect("a version").to_owned();
        let patch = |tag: &str| {
            let request = http.request(Method::PATCH, "/ww/auth/me").bearer_auth(&access).header("if-match", tag);
            request.json(&json!({"name": "Ada"}))
        };
        http.send(patch(&tag)).await.expect_status(200);
        http.send(patch(&tag)).await.expect_problem(412, "precondition_failed");
        let request = http.request(Method::GET, "/ww/no/such/path").header("x-request-id", "mine");
        let answer = http.send(request).await.expect_problem(404, "not_found");
        // Envoy gives every request an id of its own.
        if proxy != WebProxy::Envoy {
            assert_eq!(answer.header("x-request-id"), Some("mine"), "{proxy:?}");
        }

        // Cookies of other applications do not count.
        let request = http.request(Method::GET, "/ww/auth/me").bearer_auth(&access);
        let answer = http.send(request.header("cookie", format!("a={}", "x".repeat(6000)))).await;
        answer.expect_status(200);

        // Pages of other origins.
        let preflight = http
            .request(Method::OPTIONS, "/ww/auth/login")
            .header("origin", "https://app.example.com");
        let answer = http
            .send(preflight.header("access-control-request-method", "POST"))
            .await
            .expect_status(204);
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"), "{proxy:?}");
        app.finish().await;
    }
}

/// A proxy that compresses answers weakens their tags. The versions that they name are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_passes_a_proxy_that_compresses() {
    let app = app().await;
    let gzip = "gzip on;\ngzip_types application/json;\ngzip_proxied any;\ngzip_min_length 1;\n";
    let text = format!("{gzip}{}", WebProxy::Nginx.documented_for(DOCUMENT, app.port()));
    let server = WebProxy::Nginx.start(&text, "/ww/healthz").await;
    let http = Http::new(server.port());
    let access = app.registered("ada@example.com").await.tokens().access;
    let get = |path: &str| http.request(Method::GET, path).bearer_auth(&access).header("accept-encoding", "gzip");
    let me = http.send(get("/ww/auth/me")).await.expect_status(200);
    assert_eq!(me.header("content-encoding"), Some("gzip"));
    let tag = me.header("etag").expect("a version");
    assert!(tag.starts_with("W/\""), "{tag}");
    let patch = |tag: String| {
        let request = http.request(Method::PATCH, "/ww/auth/me").bearer_auth(&access).header("if-match", tag);
        http.send(request.json(&json!({"name": "Ada"})))
    };
    patch(tag.to_owned()).await.expect_status(200);
    patch(tag.to_owned()).await.expect_problem(412, "precondition_failed");
    let keys = http.send(get("/ww/.well-known/jwks.json")).await.expect_status(200);
    let known = keys.header("etag").expect("a tag").to_owned();
    http.send(get("/ww/.well-known/jwks.json").header("if-none-match", known))
        .await
        .expect_status(304);
    app.finish().await;
}

/// Events leave the proxy at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_event_stream_is_not_held_back() {
    for proxy in WebProxy::installed() {
        let app = app().await;
        let server = in_front(proxy, app.port()).await;
        let admin = app.admin().await;
        let mut stream = RawConnection::to(server.port()).await.expect("connect");
        let request = format!(
            "GET /ww/events/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
            admin.access
        );
        stream.send(request.as_bytes()).await.expect("send");
        let head = stream.read_until("\r\n\r\n").await;
        assert!(
            head.contains(" 200 ") && head.to_lowercase().contains("text/event-stream"),
            "{proxy:?} {head}"
        );
        app.registered("ada@example.com").await;
        let arrives = stream.read_until("auth.user.registered");
        tokio::time::timeout(Duration::from_secs(20), arrives).await.expect("the event");
        app.finish().await;
    }
}

/// While the service is away, a proxy answers with an error of its own, and then goes on by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_finds_the_service_again() {
    let env = [
        ("WATCHWORD__HTTP__PUBLIC_URL", PUBLIC),
        ("WATCHWORD__HTTP__TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let mut binary = Binary::start(BinaryOptions::serve(&env)).await;
    // The banner waits for NATS.
    eventually(Duration::from_secs(60), || {
        let text = binary.process().log();
        async move { if text.contains("Try next") { Ok(()) } else { Err(text) } }
    })
    .await;
    let banner = binary.process().log();
    for line in [
        format!("API       {PUBLIC}"),
        format!("Swagger UI: {PUBLIC}/docs"),
        format!("{PUBLIC}/auth/register"),
    ] {
        assert!(banner.contains(&line), "{line} in {banner}");
    }
    assert!(
        banner.contains(&format!("serves    http://localhost:{}", binary.http().port())),
        "{banner}"
    );
    let mut proxies = Vec::new();
    for proxy in WebProxy::installed() {
        proxies.push((proxy, in_front(proxy, binary.http().port()).await));
    }
    binary.stop().await;
    for (proxy, server) in &proxies {
        let answer = Http::new(server.port()).get("/ww/healthz").await;
        assert!(answer.status.is_server_error(), "{proxy:?} {}", answer.status);
    }
    binary.start_again("WATCHWORD__LIMITS__ENABLED", Some("false")).await;
    for (_, server) in &proxies {
        let http = Http::new(server.port());
        eventually(Duration::from_secs(60), || async {
            let answer = http.get("/ww/healthz").await;
            if answer.status == 200 {
                Ok(())
            } else {
                Err(answer.status)
            }
        })
        .await;
    }
    binary.stop().await;
}

/// A public URL with a path that the router could take for a pattern.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_url_is_an_address() {
    for (url, good) in [
        ("https://example.com/ww", true),
        ("https://example.com/a/b.c~d", true),
        ("https://example.com/ww/", true),
        ("https://example.com/a:b", false),
        ("https://example.com/*x", false),
        ("https://example.com//ww", false),
        ("https://example.com/a%20b", false),
    ] {
        let options = BinaryOptions::command(&["config", "check"], &[("WATCHWORD__HTTP__PUBLIC_URL", url)]);
        let ended = crate::support::binary::run(options, "").await;
        assert_eq!(ended.status.success(), good, "{url}: {}{}", ended.stdout, ended.stderr);
        assert!(good || format!("{}{}", ended.stdout, ended.stderr).contains("http.public_url"), "{url}");
    }
}

/// The document names each proxy that it has a configuration for.
#[test]
fn every_proxy_is_documented() {
    let page = std::fs::read_to_string(repository().join(DOCUMENT)).expect(DOCUMENT);
    for name in ["nginx", "Caddy", "HAProxy", "Traefik", "Envoy"] {
        assert!(page.contains(&format!("\n## {name}\n")), "{name}");
    }
}
