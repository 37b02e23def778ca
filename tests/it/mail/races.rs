//! Parallel requests with one code.

use futures_util::future::join_all;

use super::{ADA, NEW_PASSWORD, RESET, VERIFY, builder, forgot, reset, verify};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Http};
use crate::support::smtp::SmtpServer;

flow_tests! {
    one_of_parallel_resets_succeeds,
    parallel_verifications_succeed_and_record_one_event,
    parallel_reset_requests_leave_one_code,
}

const PARALLEL: usize = 64;

/// Asserts that one request succeeded and all others got `invalid_code`.
fn assert_one_succeeded(answers: Vec<Answer>) {
    let (succeeded, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 204);
    for answer in &refused {
        answer.clone().expect_problem(422, "invalid_code");
    }
    assert_eq!((succeeded.len(), refused.len()), (1, PARALLEL - 1));
}

/// An application that has time to hash all passwords.
async fn spawn(backend: Backend, smtp: &SmtpServer) -> TestApp {
    let builder = builder(backend, smtp).settings(|settings| {
        settings.passwords.max_queue_per_thread = 1000;
        settings.http.request_deadline = std::time::Duration::from_secs(60);
        settings.passwords.max_wait = std::time::Duration::from_secs(30);
    });
    builder.spawn().await
}

async fn one_of_parallel_resets_succeeds(backend: Backend) {
    let smtp = SmtpServer::start().await;
    let app = spawn(backend, &smtp).await;
    let mut second = match backend {
        Backend::Postgres => Some(app.second_instance(TestClock::running()).await),
        Backend::Sqlite => None,
    };
    let instances: Vec<Http> = [Some(app.http()), second.as_ref().map(|second| second.http())]
        .into_iter()
        .flatten()
        .collect();
    app.registered(ADA).await;
    forgot(&app, ADA).await.expect_status(202);
    let code = smtp.mail(ADA, RESET, 1).await.code();
    let passwords: Vec<String> = (0..PARALLEL).map(|n| format!("{NEW_PASSWORD} {n}")).collect();
    let requests = passwords
        .iter()
        .enumerate()
        .map(|(n, password)| reset(&instances[n % instances.len()], &code, password));
    assert_one_succeeded(join_all(requests).await);
    let names = app.event_names().await;
    let expected = ["registered", "password_reset_requested", "password_reset_completed"];
    assert_eq!(names, expected);
    app.login(ADA, PASSWORD).await.expect_problem(401, "invalid_credentials");
    if let Some(second) = &mut second {
        second.stop().await.expect("stop");
    }
    app.finish().await;
}

async fn parallel_verifications_succeed_and_record_one_event(backend: Backend) {
    let smtp = SmtpServer::start().await;
    let app = spawn(backend, &smtp).await;
    app.registered(ADA).await;
    let code = smtp.mail(ADA, VERIFY, 1).await.code();
    for answer in join_all((0..PARALLEL).map(|_| verify(&app, &code))).await {
        answer.expect_status(204);
    }
    assert_eq!(app.event_names().await, ["registered", "email_verified"]);
    app.finish().await;
}

async fn parallel_reset_requests_leave_one_code(backend: Backend) {
    let smtp = SmtpServer::start().await;
    let app = spawn(backend, &smtp).await;
    app.registered(ADA).await;
    for answer in join_all((0..16).map(|_| forgot(&app, ADA))).await {
        answer.expect_status(202);
    }
    let codes = "SELECT count(*) FROM one_time_codes WHERE purpose = 'password_reset'";
    assert_eq!(app.database.count(codes).await.expect("a count"), 1);
    smtp.count(17).await;
    let mut valid = 0;
    for mail in smtp.mails().iter().filter(|mail| mail.header("Subject") == RESET) {
        valid += usize::from(reset(&app, &mail.code(), NEW_PASSWORD).await.status == 204);
    }
    assert_eq!(valid, 1);
    app.finish().await;
}
