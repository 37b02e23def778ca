//! Access tokens of each algorithm, from the outside: with the keys that the service publishes.

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode_header};
use serde_json::{Value, json};
use watchword::config::TokenAlgorithm;

use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;
use crate::support::oauth::{forgeries, introspect};

flow_tests! {
    a_token_of_each_algorithm_is_verified_with_the_published_keys,
}

const PATH: &str = "/.well-known/jwks.json";

async fn a_token_of_each_algorithm_is_verified_with_the_published_keys(backend: Backend) {
    for (configured, algorithm) in [
        (TokenAlgorithm::Es256, Algorithm::ES256),
        (TokenAlgorithm::Rs256, Algorithm::RS256),
        (TokenAlgorithm::EdDsa, Algorithm::EdDSA),
    ] {
        let builder = TestApp::builder(backend);
        let app = builder.settings(move |settings| settings.tokens.algorithm = configured).spawn().await;
        let tokens = app.registered("ada@example.com").await.tokens();
        let header = decode_header(&tokens.access).expect("a header");
        assert_eq!((header.alg, header.typ.as_deref()), (algorithm, Some("at+jwt")));

        let published: JwkSet = serde_json::from_str(&app.get(PATH).await.expect_status(200).text).expect("a key set");
        let key: &Jwk = published.find(&header.kid.expect("a kid")).expect("the key");
        let mut rules = Validation::new(algorithm);
        rules.set_issuer(&[&app.settings().http.public_url]);
        rules.set_audience(&["watchword"]);
        let key = DecodingKey::from_jwk(key).expect("a key");
        let claims = jsonwebtoken::decode::<Value>(&tokens.access, &key, &rules).expect("a valid token").claims;
        assert_eq!(claims, tokens.claims());

        app.me(&tokens.access).await.expect_status(200);
        let refreshed = app.refresh(&tokens.refresh).await.expect_status(200).tokens();
        assert_eq!(decode_header(&refreshed.access).expect("a header").alg, algorithm);
        for (name, forged) in forgeries(&tokens.access) {
            app.me(&forged).await.expect_problem(401, "invalid_token");
            assert_eq!(introspect(&app, &forged).await.json, json!({"active": false}), "{name}");
        }
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_sent_again_only_when_they_have_changed() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    for path in [
        PATH,
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ] {
        let first = app.get(path).await.expect_status(200);
        assert_eq!(first.header("cache-control"), Some("public, max-age=300"));
        let tag = first.header("etag").expect("a tag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
        assert_eq!(app.get(path).await.header("etag"), Some(&*tag), "the same document");
        let ask = async |known: &str| -> Answer {
            let request = app.request(reqwest::Method::GET, path);
            app.send(request.header("if-none-match", known)).await
        };
        for known in [&*tag, &format!("\"other\", {tag}"), &format!("W/{tag}"), "*"] {
            let answer = ask(known).await.expect_status(304);
            assert_eq!((&*answer.text, answer.header("etag")), ("", Some(&*tag)), "{known}");
            assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert_eq!(answer.header("content-type"), None, "RFC 9110 section 15.4.5");
        }
        assert_eq!(ask("\"other\"").await.expect_status(200).json, first.json);
    }
    app.finish().await;
}
