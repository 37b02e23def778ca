//! A password reset lets the owner log in while attackers keep the account's rate limit exhausted.

use reqwest::Method;
use serde_json::json;

use super::{ADA, NEW_PASSWORD, RESET, builder};
use crate::support::app::PASSWORD;
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::smtp::SmtpServer;

flow_tests! {
    a_password_reset_trusts_the_network_it_comes_from,
}

async fn a_password_reset_trusts_the_network_it_comes_from(backend: Backend) {
    let smtp = SmtpServer::start().await;
    let builder = builder(backend, &smtp).clock(TestClock::frozen());
    let builder = builder.settings(|settings| {
        settings.limits.enabled = true;
        settings.limits.login_account_network.count = 2;
        settings.limits.login_account.count = 4;
        settings.redis.timeout = std::time::Duration::from_secs(5);
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    });
    let app = builder.spawn().await;
    app.registered(ADA).await;
    let from = |network: &'static str, path: &'static str, body: serde_json::Value| {
        let request = app.request(Method::POST, path).header("x-forwarded-for", network);
        app.send(request.json(&body))
    };
    let login =
        |network, password: &str| from(network, "/auth/login", json!({"identifier": ADA, "password": password}));
    for attacker in ["198.51.100.1", "198.51.100.2"] {
        for _ in 0..2 {
            login(attacker, "not the right password").await.expect_status(401);
        }
    }
    login("192.0.2.9", PASSWORD).await.expect_problem(429, "rate_limited");

    from("192.0.2.9", "/auth/password/forgot", json!({ "email": ADA }))
        .await
        .expect_status(202);
    let code = smtp.mail(ADA, RESET, 1).await.code();
    let new = json!({ "code": code, "newPassword": NEW_PASSWORD });
    from("192.0.2.9", "/auth/password/reset", new).await.expect_status(204);
    login("192.0.2.9", NEW_PASSWORD).await.expect_status(200);
    login("192.0.2.10", NEW_PASSWORD).await.expect_problem(429, "rate_limited");
    app.finish().await;
}
