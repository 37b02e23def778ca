//! The hourly limit of mailed codes per address, across callers and accounts.

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

const MAX_MAILS: usize = 3;
/// The time until an address may receive one more code: three per hour.
const REFILL_INTERVAL: Duration = Duration::from_secs(20 * 60);
const ENQUEUED: &str = "SELECT count(*) FROM outgoing_mail WHERE user_id IS NOT NULL";

struct Fixture {
    app: TestApp,
    smtp: SmtpServer,
    clock: TestClock,
}

impl Fixture {
    async fn new(backend: Backend) -> Self {
        let (smtp, clock) = (SmtpServer::start().await, TestClock::frozen());
        let builder = builder(backend, &smtp).clock(clock.clone()).settings(|settings| {
            settings.limits.enabled = true;
            settings.limits.mail_address.count = 3;
            // High enough that only the limit of the address matters.
            settings.limits.resend.count = 100;
            settings.redis.timeout = Duration::from_secs(5);
        });
        let app = builder.spawn().await;
        Self { app, smtp, clock }
    }

    /// Asserts that `count` mails were enqueued in total, and waits until they are delivered.
    #[track_caller]
    fn assert_mails(&self, count: usize) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let enqueued = self.app.database.count(ENQUEUED).await.expect("a count");
            assert_eq!(usize::try_from(enqueued), Ok(count), "mails enqueued at {caller}");
            self.smtp.count(count).await;
        }
    }

    async fn delete(&self, access: &str) {
        let password = json!({ "password": PASSWORD });
        let deleted = self.app.send_as(access, Method::POST, "/auth/me/delete", &password).await;
        deleted.expect_status(204);
    }
}

/// Registering, deleting the account and registering again does not fill a mailbox.
async fn the_limit_of_an_address_outlives_its_account(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    for round in 1..=MAX_MAILS + 2 {
        // Another spelling of the same address.
        let email = if round == 2 { "Ada@Example.COM" } else { ADA };
        let access = fixture.app.registered(email).await.tokens().access;
        fixture.assert_mails(round.min(MAX_MAILS)).await;
        fixture.delete(&access).await;
    }
    // The account is created without a mail. Other mailed codes share the limit.
    let access = fixture.app.registered(ADA).await.tokens().access;
    resend(&fixture.app, &access).await.expect_status(202);
    forgot(&fixture.app, ADA).await.expect_status(202);
    fixture.assert_mails(MAX_MAILS).await;
    // Another address has its own limit. The limit also holds for accounts that an administrator
    // creates.
    let admin = fixture.app.admin().await;
    fixture.assert_mails(MAX_MAILS + 1).await;
    fixture.delete(&access).await;
    let account = json!({ "email": ADA, "password": PASSWORD });
    let created = fixture.app.send_as(&admin.access, Method::POST, "/users", &account).await;
    created.expect_status(201);
    fixture.assert_mails(MAX_MAILS + 1).await;

    fixture.clock.advance(REFILL_INTERVAL);
    // The first access token has expired.
    let access = fixture.app.login(ADA, PASSWORD).await.expect_status(200).tokens().access;
    fixture.delete(&access).await;
    fixture.app.registered(ADA).await;
    fixture.assert_mails(MAX_MAILS + 2).await;
    fixture.app.finish().await;
}

/// The limit also holds for the caller's own address. A mail that is not enqueued has no event.
async fn a_resent_code_counts_towards_the_limit_of_the_address(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let access = fixture.app.registered(ADA).await.tokens().access;
    fixture.assert_mails(1).await;
    forgot(&fixture.app, ADA).await.expect_status(202);
    fixture.assert_mails(2).await;
    for _ in 0..3 {
        resend(&fixture.app, &access).await.expect_status(202);
        fixture.assert_mails(MAX_MAILS).await;
    }
    fixture.clock.advance(REFILL_INTERVAL);
    let access = fixture.app.login(ADA, PASSWORD).await.expect_status(200).tokens().access;
    resend(&fixture.app, &access).await.expect_status(202);
    fixture.assert_mails(MAX_MAILS + 1).await;
    let names = fixture.app.event_names().await;
    let requested = names.iter().filter(|name| *name == "email_verification_requested");
    assert_eq!(requested.count(), 2, "{names:?}");
    fixture.app.finish().await;
}
