//! The claims of an access token, and where they come from.

use std::time::Duration;

use serde_json::json;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::oauth::introspect;

flow_tests! {
    a_refreshed_token_keeps_the_time_and_the_methods_of_the_login,
    the_audience_and_the_client_are_those_of_the_configuration,
}

async fn a_refreshed_token_keeps_the_time_and_the_methods_of_the_login(backend: Backend) {
    let clock = TestClock::frozen();
    let mut app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    let registered_at = clock.seconds();
    let registered = app.registered("ada@example.com").await.tokens();
    assert_eq!(registered.claims()["auth_time"], json!(registered_at), "the password was just chosen");
    clock.advance(Duration::from_secs(60));
    let logged_in_at = clock.seconds();
    let tokens = app.login("ada@example.com", PASSWORD).await.tokens();
    assert_eq!(tokens.claims()["auth_time"], json!(logged_in_at));
    clock.advance(Duration::from_secs(3600));
    let verify = "UPDATE users SET email_verified = TRUE WHERE email = 'ada@example.com'";
    app.database.execute(verify).await.expect("confirm the address");
    app.restart(clock.clone()).await;
    let refreshed = app.refresh(&tokens.refresh).await.expect_status(200).tokens();
    let claims = refreshed.claims();
    assert_eq!(claims["auth_time"], json!(logged_in_at), "a refresh proves nothing");
    assert_eq!(claims["iat"], json!(clock.seconds()));
    assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["pwd"]), &json!("1")));
    assert_eq!(
        (&tokens.claims()["email_verified"], &claims["email_verified"]),
        (&json!(false), &json!(true))
    );
    app.finish().await;
}

async fn the_audience_and_the_client_are_those_of_the_configuration(backend: Backend) {
    let builder = TestApp::builder(backend).settings(|settings| {
        settings.tokens.audience = vec!["orders".to_owned(), "billing".to_owned()];
        settings.tokens.client_id = "shop".to_owned();
    });
    let app = builder.spawn().await;
    let tokens = app.registered("ada@example.com").await.tokens();
    let claims = tokens.claims();
    assert_eq!(claims["aud"], json!(["orders", "billing"]));
    assert_eq!(claims["client_id"], json!("shop"));
    app.me(&tokens.access).await.expect_status(200);
    let seen = introspect(&app, &tokens.access).await.json;
    assert_eq!((&seen["aud"], &seen["client_id"]), (&claims["aud"], &claims["client_id"]));
    app.finish().await;
}
