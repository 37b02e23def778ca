//! A password reset request does not reveal whether an address has an account: neither the
//! response nor its duration differs.

use std::time::Instant;

use reqwest::header::{DATE, HeaderMap};

use super::{ADA, NEW_PASSWORD, RESET, builder, forgot, reset};
use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;
use crate::support::smtp::SmtpServer;
use crate::support::timing::assert_equal_cost;

flow_tests! {
    a_reset_request_answers_and_costs_the_same_for_every_address,
    mails_to_an_address_are_limited_without_telling_the_caller,
}

/// An unknown address, a user's address, and a disabled user's address.
const ADDRESSES: [&str; 3] = ["nobody@example.com", "ada@example.com", "disabled@example.com"];

/// The response without the headers that differ between any two requests.
fn comparable(answer: &Answer) -> (u16, HeaderMap, String) {
    let mut headers = answer.headers.clone();
    headers.remove(DATE);
    headers.remove("x-request-id");
    (answer.status.as_u16(), headers, answer.text.clone())
}

async fn a_reset_request_answers_and_costs_the_same_for_every_address(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    app.registered(ADDRESSES[1]).await;
    app.registered(ADDRESSES[2]).await;
    let disable = "UPDATE users SET status = 'disabled' WHERE email = 'disabled@example.com'";
    app.database.execute(disable).await.expect("disable an account");
    let mut answers = Vec::new();
    for email in ADDRESSES {
        answers.push(comparable(&forgot(&app, email).await.expect_status(202)));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert_eq!(answers[0].2, "", "the body is empty");

    assert_equal_cost(ADDRESSES, async |class| {
        let start = Instant::now();
        let answer = forgot(&app, ADDRESSES[class]).await;
        let elapsed = start.elapsed();
        answer.expect_status(202);
        elapsed
    })
    .await;
    app.finish().await;
}

/// Beyond `limits.mail_address` no mail is sent. The responses do not differ, and codes that
/// were already mailed still work.
async fn mails_to_an_address_are_limited_without_telling_the_caller(backend: Backend) {
    let smtp = SmtpServer::start().await;
    let builder = builder(backend, &smtp).settings(|settings| {
        settings.limits.enabled = true;
        // The registration mails the first one.
        settings.limits.mail_address.count = 3;
    });
    let app = builder.spawn().await;
    let registered = app.registered(ADA).await;
    let mut answers = Vec::new();
    for round in 0..6 {
        answers.push(comparable(&forgot(&app, ADA).await));
        if round == 0 {
            // Mails that are enqueued together may arrive in either order.
            smtp.mail(ADA, RESET, 1).await;
        }
        answers.push(comparable(&forgot(&app, "nobody@example.com").await));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert_eq!(answers[0].0, 202);
    let newest = smtp.mail(ADA, RESET, 2).await.code();
    let to_user = "SELECT count(*) FROM outgoing_mail WHERE kind = 'reset_password' AND user_id IS NOT NULL";
    assert_eq!(app.database.count(to_user).await.expect("a count"), 2);
    // The code of the last delivered mail still works.
    reset(&app, &newest, NEW_PASSWORD).await.expect_status(204);
    app.me(&registered.tokens().access).await.expect_problem(401, "invalid_token");
    app.finish().await;
}
