//! Client authentication, form bodies, and the errors of RFC 6749.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use watchword::config::OauthClient;

use crate::support::app::TestApp;
use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Http};
use crate::support::oauth::{CLIENT, SECRET, SECRET_HASH, as_client, basic, form, introspect, post_form};

flow_tests! {
    unknown_clients_and_wrong_secrets_are_refused,
    requests_without_a_well_formed_form_are_refused,
}

const PATHS: [&str; 2] = ["/oauth/introspect", "/oauth/revoke"];
/// Another well-formed secret.
const OTHER_SECRET: &str = "wcs_B4I_TMcRGiyvvZEqiYaGV9c3WMz7gB_WbRGjhEGnW7A";
const OTHER_HASH: &str = "sha256:a2c45fdd5505c332bafc56dd4c0bdc9a91fc229659ebfa085eaa9be70541ac27";

#[track_caller]
fn expect_error(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let fields = answer.json.as_object().expect("an object");
    assert_eq!(fields.get("error"), Some(&json!(error)));
    assert!(fields.get("error_description").is_some_and(|text| text.is_string()));
    assert_eq!(fields.len(), 2, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert_eq!(challenge.starts_with("Basic realm="), status == 401, "{challenge}");
}

async fn unknown_clients_and_wrong_secrets_are_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let tokens = app.registered("ada@example.com").await.tokens();
    let mut wrong = SECRET.to_owned();
    wrong.replace_range(10..11, if wrong.get(10..11) == Some("A") { "B" } else { "A" });
    let raw = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let headers = [
        ("no credentials", None),
        ("a wrong secret", Some(basic(CLIENT, &wrong))),
        ("an unknown secret", Some(basic(CLIENT, OTHER_SECRET))),
        ("an unknown id", Some(basic("nobody", SECRET))),
        ("no id", Some(basic("", SECRET))),
        ("no secret", Some(basic(CLIENT, ""))),
        ("the hash as the secret", Some(basic(CLIENT, SECRET_HASH))),
        ("a secret with a suffix", Some(basic(CLIENT, &format!("{SECRET}x")))),
        ("no colon", Some(raw(CLIENT))),
        ("not base64", Some("Basic %%%".to_owned())),
        ("a broken escape", Some(raw(&format!("{CLIENT}%:{SECRET}")))),
        ("a user's token", Some(format!("Bearer {}", tokens.access))),
        ("another scheme", Some(basic(CLIENT, SECRET).replace("Basic", "Digest"))),
    ];
    for path in PATHS {
        for (name, header) in &headers {
            let mut request = post_form(&app, path, &[("token", &tokens.access)]);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let answer = app.send(request).await;
            assert_eq!(answer.status, 401, "{name}: {}", answer.text);
            expect_error(&answer, 401, "invalid_client");
        }
        let twice = as_client(&app, path, &[("token", &tokens.access)]).header("authorization", basic(CLIENT, SECRET));
        expect_error(&app.send(twice).await, 401, "invalid_client");
        // Credentials in the body are refused.
        let fields = [
            ("token", tokens.access.as_str()),
            ("client_id", CLIENT),
            ("client_secret", SECRET),
        ];
        expect_error(&app.send(post_form(&app, path, &fields)).await, 401, "invalid_client");
        // An unknown client does not learn that the body is invalid.
        expect_error(&app.send(post_form(&app, path, &[])).await, 401, "invalid_client");
    }
    assert_eq!(introspect(&app, &tokens.access).await.json["active"], json!(true), "nothing was revoked");
    assert!(app.metric("watchword_oauth_clients_refused_total", "").await >= 10.0);
    assert_eq!(app.event_names().await, ["registered"]);
    app.finish().await;
}

async fn requests_without_a_well_formed_form_are_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let tokens = app.registered("ada@example.com").await.tokens();
    let token = format!("token={}", tokens.access);
    for path in PATHS {
        let request = |kind: &str, body: String| {
            app.request(Method::POST, path)
                .header("authorization", basic(CLIENT, SECRET))
                .header("content-type", kind)
                .body(body)
        };
        let form_type = "application/x-www-form-urlencoded";
        let refused: Vec<(&str, RequestBuilder)> = vec![
            ("no token", request(form_type, String::new())),
            ("an empty token", request(form_type, "token=".to_owned())),
            ("a token twice", request(form_type, format!("{token}&{token}"))),
            ("a hint twice", request(form_type, format!("{token}&token_type_hint=a&token_type_hint=b"))),
            ("a broken escape", request(form_type, "token=%zz".to_owned())),
            ("not UTF-8", request(form_type, "token=%ff".to_owned())),
            ("a NUL", request(form_type, "token=a%00".to_owned())),
            ("JSON", request("application/json", json!({ "token": tokens.access }).to_string())),
            ("another type", request("text/plain", token.clone())),
            ("compressed", request(form_type, token.clone()).header("content-encoding", "gzip")),
            ("two ways to authenticate", request(form_type, format!("{token}&client_secret={SECRET}"))),
        ];
        for (name, request) in refused {
            let answer = app.send(request).await;
            assert_eq!(answer.status, 400, "{name}: {}", answer.text);
            expect_error(&answer, 400, "invalid_request");
            assert!(!answer.text.contains(&tokens.access) && !answer.text.contains(SECRET), "{name}");
        }
        // A token in the query would end up in logs.
        let in_query = as_client(&app, &format!("{path}?{token}"), &[]);
        expect_error(&app.send(in_query).await, 400, "invalid_request");
        let large = request(form_type, format!("token={}", "x".repeat(20_000)));
        app.send(large).await.expect_problem(413, "payload_too_large");
        let get = app.request(Method::GET, path).header("authorization", basic(CLIENT, SECRET));
        app.send(get).await.expect_problem(405, "method_not_allowed");
    }
    // Unknown and empty parameters are ignored (RFC 6749 section 3.2).
    let body = format!("{}&unknown=1&empty=", form(&[("token", &tokens.access)]));
    let request = app.request(Method::POST, "/oauth/introspect");
    let request = request
        .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
        .body(body);
    let request = request.header("authorization", basic(CLIENT, SECRET).replace("Basic", "basic"));
    let answer = app.send(request).await.expect_status(200);
    assert_eq!(answer.json["active"], json!(true));
    assert_eq!(app.event_names().await, ["registered"], "nothing was revoked");
    app.finish().await;
}

async fn status_for(http: &Http, id: &str, secret: &str) -> u16 {
    let request = post_form(http, "/oauth/introspect", &[("token", "x")]);
    let request = request.header("authorization", basic(id, secret));
    http.send(request).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_secrets_of_a_client_work_while_one_is_replaced() {
    let entry = |id: &str, hash: &str| OauthClient { id: id.to_owned(), secret_hash: hash.into() };
    let both = vec![entry("a", SECRET_HASH), entry("a", OTHER_HASH), entry("b", OTHER_HASH)];
    let builder = TestApp::builder(Backend::Sqlite).settings(|settings| settings.oauth.clients = both);
    let app = builder.spawn().await;
    for (id, secret, status) in [
        ("a", SECRET, 200),
        ("a", OTHER_SECRET, 200),
        ("b", OTHER_SECRET, 200),
        ("b", SECRET, 401),
        ("c", SECRET, 401),
    ] {
        assert_eq!(status_for(&app, id, secret).await, status, "{id} {secret}");
    }
    app.finish().await;
}

/// The SHA-256 of `password`.
const GUESSABLE_HASH: &str = "sha256:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guessable_secret_is_refused_even_if_its_hash_is_configured() {
    let client = OauthClient { id: "a".to_owned(), secret_hash: GUESSABLE_HASH.into() };
    let builder = TestApp::builder(Backend::Sqlite).settings(|settings| settings.oauth.clients = vec![client]);
    let app = builder.spawn().await;
    assert_eq!(status_for(&app, "a", "password").await, 401);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_configured_clients_every_request_is_refused() {
    let builder = TestApp::builder(Backend::Sqlite).settings(|settings| settings.oauth.clients = Vec::new());
    let app = builder.spawn().await;
    assert_eq!(status_for(&app, CLIENT, SECRET).await, 401);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_from_the_command_line_authenticates_its_client() {
    let generate = || async {
        let ended = run(BinaryOptions::command(&["oauth", "client-secret"], &[]), "").await;
        assert!(ended.status.success(), "{ended:?}");
        let table: toml::Table = ended.stdout.parse().expect("TOML");
        let text = |key: &str| table[key].as_str().expect("a text").to_owned();
        assert_eq!(table.len(), 2);
        (text("secret"), text("secret_hash"))
    };
    let (secret, hash) = generate().await;
    let (another, _) = generate().await;
    assert_ne!(secret, another);
    let mut binary = Binary::start(
        BinaryOptions::serve(&[("NATS_URL", "nats://127.0.0.1:1")])
            .with("WATCHWORD__OAUTH__CLIENTS", &format!("reports={hash}")),
    )
    .await;
    assert_eq!(status_for(binary.http(), "reports", &secret).await, 200);
    assert_eq!(status_for(binary.http(), "reports", &another).await, 401);
    assert!(binary.stop().await.success());
}
