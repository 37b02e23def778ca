use std::time::Duration;

use watchword_events::EventKind;

use crate::example::{Account, Example, caught_up, delete_durable, registered};
use crate::servers::SmtpServer;
use crate::support::{NatsServer, create_stream, event, eventually, publish};

const DURABLE: &str = "welcome-mailer";

#[tokio::test]
async fn without_a_mail_server_each_mail_is_printed_once() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    publish(&context, &event(EventKind::LoggedIn, 1)).await;
    publish(&context, &event(EventKind::Registered, 2)).await;
    let example = Example::new("welcome_mailer", &server).set("SMTP_URL", "");
    let mut mailer = example.start();
    let mail = "To: ada@example.com | Subject: Welcome, Ada Lovelace!";
    assert_eq!(mailer.line().await, mail);
    caught_up(&stream, DURABLE, 1).await;
    mailer.stop().await;

    // One account was missed, and all events are redelivered: one line for the new account, none
    // for the old.
    publish(&context, &event(EventKind::Registered, 3)).await;
    delete_durable(&stream, DURABLE).await;
    let mut mailer = example.start();
    assert_eq!(mailer.line().await, mail);
    caught_up(&stream, DURABLE, 2).await;
    mailer.stop().await;
}

#[tokio::test]
async fn every_account_gets_one_mail_despite_redelivery_and_a_mail_server_outage() {
    let (server, mut smtp) = (NatsServer::start().await, SmtpServer::start().await);
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let (mut ada, mut bob) = (Account::new(&context, 1), Account::new(&context, 2));
    let event = ada.publish(registered("ada@example.com", "Ada"), Duration::ZERO).await;
    let example = Example::new("welcome_mailer", &server).set("SMTP_URL", smtp.url());
    let mailer = example.start();
    caught_up(&stream, DURABLE, 1).await;
    let mails = smtp.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    for part in [
        &format!("Message-ID: <{}@watchword>", event.id),
        "To: ada@example.com",
        "Subject: Welcome, Ada!",
        "You created your account on 2026-03-01",
    ] {
        assert!(mails[0].contains(part), "{part} is not in {}", mails[0]);
    }

    smtp.kill();
    bob.publish(registered("bob@example.com", "Bob"), Duration::ZERO).await;
    eventually("the mail fails", async || {
        let info = stream.consumer_info(DURABLE).await.ok()?;
        (info.delivered.consumer_sequence >= 2).then_some(())
    })
    .await;
    smtp.start_again().await;
    caught_up(&stream, DURABLE, 3).await;
    assert_eq!(smtp.mails().len(), 2);
    mailer.stop().await;

    delete_durable(&stream, DURABLE).await;
    let mailer = example.start();
    caught_up(&stream, DURABLE, 2).await;
    mailer.stop().await;
    assert_eq!(smtp.mails().len(), 2, "everything was delivered again");
}

#[tokio::test]
async fn an_event_without_a_full_address_becomes_a_dead_letter() {
    let (server, smtp) = (NatsServer::start().await, SmtpServer::start().await);
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let mut dead_letters = context
        .create_stream(async_nats::jetstream::stream::Config {
            name: "auth-events-dlq".to_owned(),
            subjects: vec!["auth.dlq.*".to_owned()],
            ..Default::default()
        })
        .await
        .unwrap();
    let mut ada = Account::new(&context, 1);
    ada.publish(registered("a***@example.com", "a***"), Duration::ZERO).await;
    let example = Example::new("welcome_mailer", &server).set("SMTP_URL", smtp.url());
    let mailer = example.start();
    caught_up(&stream, DURABLE, 1).await;
    mailer.stop().await;
    assert_eq!(dead_letters.info().await.unwrap().state.messages, 1);
    assert_eq!(smtp.mails(), Vec::<String>::new());
}

#[tokio::test]
async fn an_unreachable_mail_server_is_an_error_with_advice() {
    let (server, mut smtp) = (NatsServer::start().await, SmtpServer::start().await);
    smtp.kill();
    let example = Example::new("welcome_mailer", &server).set("SMTP_URL", smtp.url());
    let error = example.failure().await;
    assert!(
        error.starts_with("Error: cannot reach the mail server: start it, or set SMTP_URL"),
        "{error}"
    );
}
