//! Mail servers as they are: refusals of the server and of the mail, internationalized addresses,
//! names in EHLO, logins, and connections that are closed while they are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use watchword::config::Settings;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::smtp_quirks::{Quirks, QuirkySmtp};
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(60);
/// Longer than the interval of the first retries.
const RETRY: Duration = Duration::from_secs(60);

/// Connections are closed soon, so that each mail begins with a new one.
fn answering(answers: &[(&'static str, &'static str)]) -> Quirks {
    Quirks {
        answers: answers.iter().copied().collect::<BTreeMap<_, _>>(),
        extensions: Vec::new(),
        idle: Some(Duration::from_millis(200)),
    }
}

fn offering(extensions: &[&'static str]) -> Quirks {
    Quirks { extensions: extensions.to_vec(), ..Quirks::default() }
}

async fn app(smtp: &QuirkySmtp, clock: &TestClock, change: impl FnOnce(&mut Settings) + Send + 'static) -> TestApp {
    let builder = TestApp::builder(Backend::Sqlite).settings(smtp.settings()).settings(change);
    builder.clock(clock.clone()).spawn().await
}

async fn until_count(app: &TestApp, condition: &str, count: i64) {
    let sql = format!("SELECT count(*) FROM outgoing_mail WHERE {condition}");
    let sql: &'static str = sql.leak();
    eventually(TIMEOUT, || async {
        match app.database.count(sql).await {
            Ok(found) if found == count => Ok(()),
            other => Err(format!("{other:?} and not {count}: {sql}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_waits_while_the_server_refuses_the_service() {
    let (smtp, clock) = (QuirkySmtp::start(answering(&[])).await, TestClock::running());
    let app = app(&smtp, &clock, |_| {}).await;
    for (n, (verb, answer, problem)) in [
        ("greeting", "554 5.3.2 not now", "server"),
        ("greeting", "421 4.3.2 too many", "deferred"),
        ("EHLO", "550 5.7.1 blocked", "server"),
        ("MAIL", "550 not now", "sender"),
        ("MAIL", "530 5.7.0 log in first", "login"),
        ("RCPT", "504 5.5.2 <vm>: a fully qualified host name is wanted", "server"),
        ("RCPT", "554 5.7.1 client host blocked", "server"),
        ("RCPT", "450 4.2.0 greylisted", "deferred"),
        ("DATA", "554 5.5.1 no", "server"),
        (".", "452 4.3.1 no space", "deferred"),
    ]
    .into_iter()
    .enumerate()
    {
        smtp.behave(answering(&[(verb, answer)]));
        app.registered(&format!("user{n}@example.com")).await;
        until_count(&app, &format!("state = 'waiting' AND problem = '{problem}'"), 1).await;
        smtp.behave(answering(&[]));
        clock.advance(RETRY);
        until_count(&app, "state = 'sent'", i64::try_from(n).expect("a number") + 1).await;
    }
    assert!(app.metric("watchword_mail_dead_total", "").await < 0.1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_recipient_or_content_gives_the_mail_up_at_once() {
    let (smtp, clock) = (QuirkySmtp::start(Quirks::default()).await, TestClock::running());
    let app = app(&smtp, &clock, |_| {}).await;
    for (n, (verb, answer)) in [
        ("RCPT", "550 5.1.1 no such user"),
        ("RCPT", "550 no such user"),
        ("RCPT", "552 5.2.2 the mailbox is full"),
        (".", "550 5.7.1 looks like spam"),
        (".", "554 no"),
    ]
    .into_iter()
    .enumerate()
    {
        smtp.behave(answering(&[(verb, answer)]));
        app.registered(&format!("user{n}@example.com")).await;
        let dead = "state = 'dead' AND problem = 'refused' AND attempts = 1";
        until_count(&app, dead, i64::try_from(n).expect("a number") + 1).await;
    }
    assert_eq!(smtp.mails().len(), 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn internationalized_domains_are_sent_in_ascii_and_other_addresses_need_smtputf8() {
    let (smtp, clock) = (QuirkySmtp::start(Quirks::default()).await, TestClock::running());
    let app = app(&smtp, &clock, |settings| {
        settings.mail.from = "Bücher <konto@bücher.example>".to_owned();
    })
    .await;
    app.registered("ada@bücher.example").await;
    until_count(&app, "state = 'sent'", 1).await;
    assert_eq!(smtp.commands("MAIL"), ["MAIL FROM:<konto@xn--bcher-kva.example>"]);
    assert_eq!(smtp.commands("RCPT"), ["RCPT TO:<ada@xn--bcher-kva.example>"]);
    let mail = smtp.mails().remove(0);
    assert!(mail.is_ascii(), "{mail}");
    assert!(mail.contains("To: ada@xn--bcher-kva.example\n"), "{mail}");
    assert!(mail.contains(" <konto@xn--bcher-kva.example>\n"), "{mail}");
    let (id, _) = mail.split_once("@xn--bcher-kva.example>\n").expect("an ASCII Message-ID");
    assert!(id.contains("Message-ID: <"), "{mail}");

    app.registered("jørn@example.com").await;
    until_count(&app, "state = 'dead' AND problem = 'no_smtputf8' AND attempts = 1", 1).await;
    smtp.behave(offering(&["8BITMIME", "SMTPUTF8"]));
    app.registered("jørn2@bücher.example").await;
    until_count(&app, "state = 'sent'", 2).await;
    let sender = smtp.commands("MAIL").pop().expect("a sender");
    assert!(sender.contains(" SMTPUTF8"), "{sender}");
    assert_eq!(smtp.commands("RCPT").pop().expect("one"), "RCPT TO:<jørn2@xn--bcher-kva.example>");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ehlo_has_a_name_with_a_domain() {
    for (public_url, given, expected) in [
        ("https://auth.example.com", None, "EHLO auth.example.com"),
        ("https://xn--bcher-kva.example/konto", None, "EHLO xn--bcher-kva.example"),
        ("http://localhost:3001", None, "EHLO sender.example.com"),
        ("https://auth.example.com", Some("out.example.org"), "EHLO out.example.org"),
        ("https://auth.example.com", Some("[192.0.2.1]"), "EHLO [192.0.2.1]"),
    ] {
        let (smtp, clock) = (QuirkySmtp::start(Quirks::default()).await, TestClock::running());
        let app = app(&smtp, &clock, move |settings| {
            settings.http.public_url = public_url.to_owned();
            settings.mail.from = "no-reply@sender.example.com".to_owned();
            settings.mail.ehlo_name = given.map(str::to_owned);
        })
        .await;
        app.registered("ada@example.com").await;
        until_count(&app, "state = 'sent'", 1).await;
        assert_eq!(smtp.commands("EHLO"), [expected], "{public_url}");
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_of_announcing_a_login_is_understood() {
    for (extensions, expected) in [
        (vec!["AUTH PLAIN LOGIN"], "AUTH PLAIN"),
        (vec!["AUTH CRAM-MD5 LOGIN"], "AUTH LOGIN"),
        // As before RFC 4954, and in lower case.
        (vec!["AUTH=LOGIN PLAIN"], "AUTH PLAIN"),
        (vec!["auth plain"], "AUTH PLAIN"),
        (vec![], "AUTH PLAIN"),
    ] {
        let (smtp, clock) = (QuirkySmtp::start(offering(&extensions)).await, TestClock::running());
        let app = app(&smtp, &clock, |settings| {
            settings.mail.username = Some("watchword".to_owned());
            settings.mail.password = Some(SecretString::from("the password of the mail server"));
        })
        .await;
        app.registered("ada@example.com").await;
        until_count(&app, "state = 'sent'", 1).await;
        let logins = smtp.commands("AUTH");
        assert!(logins.len() == 1 && logins[0].starts_with(expected), "{extensions:?}: {logins:?}");
        app.finish().await;
    }
}

/// A server closes what is idle. The next mail is not a failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_was_closed_while_it_was_kept_costs_no_attempt() {
    let idle = Quirks { idle: Some(Duration::from_millis(500)), ..Quirks::default() };
    let (smtp, clock) = (QuirkySmtp::start(idle).await, TestClock::running());
    let app = app(&smtp, &clock, |_| {}).await;
    for n in 1..4 {
        app.registered(&format!("user{n}@example.com")).await;
        until_count(&app, "state = 'sent' AND attempts = 1", n).await;
        // The next poll is a second away, and the server has closed the connection by then.
    }
    assert!(app.metric("watchword_mail_attempts_failed_total", "").await < 0.1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_has_a_meaning_in_html_is_escaped() {
    let (smtp, clock) = (QuirkySmtp::start(Quirks::default()).await, TestClock::running());
    let app = app(&smtp, &clock, |settings| {
        settings.http.public_url = "https://auth.example.com".to_owned();
        settings.mail.product = "Müller & Söhne 音楽 🎵".to_owned();
    })
    .await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "name": "王芳 <b>"});
    app.post("/auth/register", &body).await.expect_status(201);
    until_count(&app, "state = 'sent'", 1).await;
    let mail = smtp.mails().remove(0).replace("=\n", "").replace("=3D", "=");
    assert!(mail.contains("href=\"https://auth.example.com/verify-email#code=wmc_"), "{mail}");
    assert!(!mail.contains("&#x2f;"), "{mail}");
    app.finish().await;
}
