//! An address gets so many mails with a code an hour, whoever asks for them and under whichever account.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{ADA, builder, forgot, resend};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::smtp::SmtpServer;

flow_tests! {
    the_limit_of_an_address_outlives_its_account,
    a_resent_code_counts_towards_the_limit_of_the_address,
}

const MOST: usize = 3;
/// The time after which an address may get one more: an hour for three of them.
const ONE_MORE: Duration = Duration::from_secs(20 * 60);
const WRITTEN: &str = "SELECT count(*) FROM outgoing_mail WHERE user_id IS NOT NULL";

struct Post {
    app: TestApp,
    smtp: SmtpServer,
    clock: TestClock,
}

impl Post {
    async fn new(backend: Backend) -> Self {
        let (smtp, clock) = (SmtpServer::start().await, TestClock::frozen());
        let builder = builder(backend, &smtp).clock(clock.clone()).settings(|settings| {
            settings.limits.enabled = true;
            settings.limits.mails_per_address = 3;
            // So that nothing but the address counts.
            settings.limits.resend_per_hour = 100;
            settings.redis.timeout = Duration::from_secs(5);
        });
        let app = builder.spawn().await;
        Self { app, smtp, clock }
    }

    /// So many mails have been written in all, and have come.
    #[track_caller]
    fn written(&self, count: usize) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let written = self.app.database.count(WRITTEN).await.expect("a count");
            assert_eq!(usize::try_from(written), Ok(count), "mails written at {caller}");
            self.smtp.count(count).await;
        }
    }

    async fn delete(&self, access: &str) {
        let password = json!({ "password": PASSWORD });
        let deleted = self.app.send_as(access, Method::DELETE, "/auth/me", &password).await;
        deleted.expect_status(204);
    }
}

/// Registering, deleting the account and registering again does not fill a mailbox.
async fn the_limit_of_an_address_outlives_its_account(backend: Backend) {
    let post = Post::new(backend).await;
    for round in 1..=MOST + 2 {
        // Another spelling of the same address.
        let email = if round == 2 { "Ada@Example.COM" } else { ADA };
        let access = post.app.registered(email).await.tokens().access;
        post.written(round.min(MOST)).await;
        post.delete(&access).await;
    }
    // The account is made all the same, and what else is mailed shares the count.
    let access = post.app.registered(ADA).await.tokens().access;
    resend(&post.app, &access).await.expect_status(202);
    forgot(&post.app, ADA).await.expect_status(202);
    post.written(MOST).await;
    // To somebody else's address there is one; and an administrator fills a mailbox as little as anybody.
    let admin = post.app.admin().await;
    post.written(MOST + 1).await;
    post.delete(&access).await;
    let account = json!({ "email": ADA, "password": PASSWORD });
    let made = post.app.send_as(&admin.access, Method::POST, "/users", &account).await;
    made.expect_status(201);
    post.written(MOST + 1).await;

    post.clock.advance(ONE_MORE);
    // The first token is over.
    let access = post.app.login(ADA, PASSWORD).await.expect_status(200).tokens().access;
    post.delete(&access).await;
    post.app.registered(ADA).await;
    post.written(MOST + 2).await;
    post.app.finish().await;
}

/// One's own address is no exception; and a mail that is not written is not recorded.
async fn a_resent_code_counts_towards_the_limit_of_the_address(backend: Backend) {
    let post = Post::new(backend).await;
    let access = post.app.registered(ADA).await.tokens().access;
    post.written(1).await;
    forgot(&post.app, ADA).await.expect_status(202);
    post.written(2).await;
    for _ in 0..3 {
        resend(&post.app, &access).await.expect_status(202);
        post.written(MOST).await;
    }
    post.clock.advance(ONE_MORE);
    let access = post.app.login(ADA, PASSWORD).await.expect_status(200).tokens().access;
    resend(&post.app, &access).await.expect_status(202);
    post.written(MOST + 1).await;
    let names = post.app.event_names().await;
    let asked = names.iter().filter(|name| *name == "email_verification_requested");
    assert_eq!(asked.count(), 2, "{names:?}");
    post.app.finish().await;
}
