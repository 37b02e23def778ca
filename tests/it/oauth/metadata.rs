//! GET /.well-known/oauth-authorization-server and openid-configuration: every endpoint in them works,
//! under the public URL.

use reqwest::Method;
use serde_json::json;
use watchword::config::TokenAlgorithm;

use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::oauth::as_client;

const PATH: &str = "/.well-known/oauth-authorization-server";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_endpoint_in_the_metadata_answers() {
    let builder = TestApp::builder(Backend::Sqlite).settings(|settings| {
        settings.http.public_url = "https://auth.example.com".to_owned();
        settings.http.base_path = "/api/v1".to_owned();
    });
    let app = builder.spawn().await;
    let answer = app.get(&format!("/api/v1{PATH}")).await.expect_status(200);
    let base = "https://auth.example.com/api/v1";
    let expected = json!({
        "issuer": base,
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "introspection_endpoint": format!("{base}/oauth/introspect"),
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        "revocation_endpoint": format!("{base}/oauth/revoke"),
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic"],
        "response_types_supported": [],
        "grant_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256", "EdDSA"],
        "acr_values_supported": ["1", "2"],
    });
    assert_eq!(answer.json, expected);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let path = |key: &str| answer.str(key).trim_start_matches("https://auth.example.com").to_owned();
    app.get(&path("/jwks_uri")).await.expect_status(200);
    for key in ["/introspection_endpoint", "/revocation_endpoint"] {
        let request = as_client(&app, &path(key), &[("token", "x")]);
        app.send(request).await.expect_status(200);
    }
    // The Host header is ignored.
    let request = app.request(Method::GET, &format!("/api/v1{PATH}"));
    let answer = app.send(request.header("host", "evil.example.com")).await;
    assert!(!answer.text.contains("evil"), "{}", answer.text);
    // Tokens have the same issuer.
    let registered = json!({ "email": "ada@example.com", "password": crate::support::app::PASSWORD });
    let tokens = app.post("/api/v1/auth/register", &registered).await.expect_status(201).tokens();
    assert_eq!(tokens.claims()["iss"], expected["issuer"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metadata_omits_endpoints_that_are_off() {
    let builder = TestApp::builder(Backend::Sqlite).settings(|settings| settings.oauth.clients = Vec::new());
    let app = builder.spawn().await;
    let answer = app.get(PATH).await.expect_status(200);
    let mut names: Vec<&str> = answer.json.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "acr_values_supported",
            "grant_types_supported",
            "id_token_signing_alg_values_supported",
            "issuer",
            "jwks_uri",
            "response_types_supported",
            "subject_types_supported",
        ]
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metadata_is_where_each_standard_looks_for_it() {
    let builder = TestApp::builder(Backend::Sqlite).settings(|settings| {
        settings.http.public_url = "https://auth.example.com".to_owned();
        settings.http.base_path = "/api/v1".to_owned();
        settings.tokens.algorithm = TokenAlgorithm::EdDsa;
    });
    let app = builder.spawn().await;
    let expected = app.get(&format!("/api/v1{PATH}")).await.expect_status(200);
    let algorithms = &expected.json["id_token_signing_alg_values_supported"];
    assert_eq!(*algorithms, json!(["EdDSA", "ES256", "RS256"]), "the configured one first");
    for document in ["oauth-authorization-server", "openid-configuration"] {
        for path in [
            format!("/api/v1/.well-known/{document}"),
            format!("/.well-known/{document}/api/v1"),
            format!("/.well-known/{document}"),
        ] {
            let answer = app.get(&path).await.expect_status(200);
            assert_eq!((&answer.json, answer.header("etag")), (&expected.json, expected.header("etag")), "{path}");
            assert_eq!(answer.header("cache-control"), Some("public, max-age=300"), "{path}");
            assert_eq!(answer.header("content-type"), expected.header("content-type"), "{path}");
            // Scripts of any page may read it.
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
            let request = app.request(Method::GET, &path);
            let tag = expected.header("etag").expect("a tag");
            app.send(request.header("if-none-match", tag)).await.expect_status(304);
            app.send(app.request(Method::HEAD, &path)).await.expect_status(200);
            let refused = app.send(app.request(Method::POST, &path)).await;
            let refused = refused.expect_problem(405, "method_not_allowed");
            assert_eq!(refused.header("allow"), Some("GET, HEAD"), "{path}");
        }
    }
    // Nothing else is outside of the base path.
    for path in [
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration/api",
        "/healthz",
    ] {
        let missing = app.get(path).await.expect_problem(404, "not_found");
        assert_eq!(missing.header("access-control-allow-origin"), None, "{path}");
    }
    let labels = r#"route="/.well-known/openid-configuration/api/v1""#;
    assert!(app.metrics().await.contains(labels), "{}", app.metrics().await);
    app.finish().await;
}
