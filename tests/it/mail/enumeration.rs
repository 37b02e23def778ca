//! Asking for a new password does not tell which addresses have an account: not by the answer, not by its time.

use std::time::Instant;

use reqwest::header::{DATE, HeaderMap};

use super::{ADA, NEW_PASSWORD, RESET, builder, forgot, reset};
use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;
use crate::support::smtp::SmtpServer;
use crate::support::timing::cost_alike;

flow_tests! {
    a_reset_request_answers_and_costs_the_same_for_every_address,
    mails_to_an_address_are_limited_without_telling_the_caller,
}

/// Nobody has the address; somebody has; somebody has who may not log in.
const CLASSES: [&str; 3] = ["nobody@example.com", "ada@example.com", "disabled@example.com"];

/// What an answer shows, without what differs between any two requests.
fn shown(answer: &Answer) -> (u16, HeaderMap, String) {
    let mut headers = answer.headers.clone();
    headers.remove(DATE);
    headers.remove("x-request-id");
    (answer.status.as_u16(), headers, answer.text.clone())
}

async fn a_reset_request_answers_and_costs_the_same_for_every_address(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    app.registered(CLASSES[1]).await;
    app.registered(CLASSES[2]).await;
    let disable = "UPDATE users SET status = 'disabled' WHERE email = 'disabled@example.com'";
    app.database.execute(disable).await.expect("disable an account");
    let mut answers = Vec::new();
    for email in CLASSES {
        answers.push(shown(&forgot(&app, email).await.expect_status(202)));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert_eq!(answers[0].2, "", "there is nothing to tell");

    cost_alike(CLASSES, async |class| {
        let start = Instant::now();
        let answer = forgot(&app, CLASSES[class]).await;
        let took = start.elapsed();
        answer.expect_status(202);
        took
    })
    .await;
    app.finish().await;
}

/// Beyond `limits.mails_per_address` nothing is sent, and nobody can tell; the account itself is not locked out of anything else.
async fn mails_to_an_address_are_limited_without_telling_the_caller(backend: Backend) {
    let smtp = SmtpServer::start().await;
    let builder = builder(backend, &smtp).settings(|settings| {
        settings.limits.enabled = true;
        // The first one came with the registration.
        settings.limits.mails_per_address = 3;
    });
    let app = builder.spawn().await;
    let registered = app.registered(ADA).await;
    let mut answers = Vec::new();
    for round in 0..6 {
        answers.push(shown(&forgot(&app, ADA).await));
        if round == 0 {
            // Two that are written together may come in either order.
            smtp.mail(ADA, RESET, 1).await;
        }
        answers.push(shown(&forgot(&app, "nobody@example.com").await));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert_eq!(answers[0].0, 202);
    let newest = smtp.mail(ADA, RESET, 2).await.code();
    let known = "SELECT count(*) FROM outgoing_mail WHERE kind = 'reset_password' AND user_id IS NOT NULL";
    assert_eq!(app.database.count(known).await.expect("a count"), 2);
    // The last mail that came is still good.
    reset(&app, &newest, NEW_PASSWORD).await.expect_status(204);
    app.me(&registered.tokens().access)
        .await
        .expect_problem(401, "invalid_token");
    app.finish().await;
}
