//! The content of mails, and attempts to inject content.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{ADA, RESET, VERIFY, builder, forgot, with_mail};
use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::nats::NatsServer;
use crate::support::run_dir::scratch;
use crate::support::smtp::SmtpServer;

const TIMEOUT: Duration = Duration::from_secs(60);

flow_tests! {
    a_mail_has_every_header_and_both_bodies,
    links_use_the_public_url_and_not_the_host_header,
    links_may_lead_to_a_page_elsewhere,
    a_display_name_cannot_inject_a_header,
    templates_can_be_overridden,
}

/// Register without a mail server in the given environment. Return the log.
async fn log_of_registration(environment: &str) -> String {
    let nats = NatsServer::start().await;
    let options = BinaryOptions::serve(&[
        ("NATS_URL", &nats.url()),
        ("WATCHWORD__EVENTS__ENVIRONMENT", environment),
    ]);
    let mut binary = Binary::start(options).await;
    binary.http().register(ADA, PASSWORD).await.expect_status(201);
    if environment == "development" {
        binary.process().logged("#code=wmc_", TIMEOUT).await;
    }
    assert!(binary.stop().await.success());
    binary.process().log()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_are_logged_in_development_only() {
    let log = log_of_registration("development").await;
    let mail_line = log.lines().find(|line| line.contains("#code=wmc_")).expect("the mail");
    assert!(
        mail_line.contains("DEVELOPMENT: no mail server is configured") && mail_line.contains(ADA),
        "{mail_line}"
    );
    assert_eq!(log.matches("#code=").count(), 1);
    let log = log_of_registration("production").await;
    assert!(!log.contains("wmc_") && !log.contains(ADA) && !log.contains("emails are logged"), "{log}");
}

async fn a_mail_has_every_header_and_both_bodies(backend: Backend) {
    let smtp = SmtpServer::start().await;
    let builder = builder(backend, &smtp).settings(|settings| {
        settings.http.public_url = "https://music.example.com".to_owned();
        settings.mail.from = "Music <accounts@music.example.com>".to_owned();
        settings.mail.product = "Music & more".to_owned();
        settings.mail.reset_path = "/account/reset".to_owned();
        settings.mail.code_ttl = Duration::from_secs(45 * 60);
    });
    let app = builder.spawn().await;
    let body = json!({"email": ADA, "password": PASSWORD, "name": "Ada <Lovelace>"});
    app.post("/auth/register", &body).await.expect_status(201);
    let mail = smtp.mail(ADA, VERIFY, 1).await;
    assert_eq!(mail.header("From"), "Music <accounts@music.example.com>");
    assert_eq!(mail.header("To"), ADA);
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert!(mail.header("Message-ID").ends_with("@music.example.com>"));
    assert!(mail.header("Date").ends_with("+0000"), "{}", mail.header("Date"));
    assert!(mail.header("Content-Type").starts_with("multipart/alternative"));
    let (text, code) = (mail.text(), mail.code());
    assert!(code.starts_with("wmc_") && code.len() == 47, "{code}");
    assert!(text.contains(&format!("https://music.example.com/verify-email#code={code}")), "{text}");
    // The mail shows no text of the caller, who may not own the address.
    assert!(text.contains("Hello,") && !text.contains("Lovelace"), "{text}");
    assert!(text.contains("for Music & more:") && text.contains("for Music &amp; more:"), "{text}");
    assert!(text.contains("expires in 45 minutes"), "{text}");

    forgot(&app, ADA).await.expect_status(202);
    let mail = smtp.mail(ADA, RESET, 1).await;
    let link = format!("https://music.example.com/account/reset#code={}", mail.code());
    let text = mail.text();
    assert!(text.contains(&link), "{text}");
    assert!(
        text.contains("Hello Ada <Lovelace>,") && text.contains("Hello Ada &lt;Lovelace&gt;,"),
        "{text}"
    );
    app.finish().await;
}

async fn links_use_the_public_url_and_not_the_host_header(backend: Backend) {
    let (app, smtp, _) = with_mail(backend).await;
    app.registered(ADA).await;
    let request = app
        .request(Method::POST, "/auth/password/forgot")
        .header("host", "evil.example.net")
        .header("x-forwarded-host", "evil.example.net")
        .header("x-forwarded-proto", "gopher")
        .header("forwarded", "host=evil.example.net")
        .header("origin", "https://evil.example.net")
        .header("referer", "https://evil.example.net/");
    app.send(request.json(&json!({ "email": ADA }))).await.expect_status(202);
    let mail = smtp.mail(ADA, RESET, 1).await;
    let page = format!("{}/reset-password#code=", app.settings().http.public_url);
    assert!(mail.text().contains(&page), "{}", mail.text());
    assert!(!mail.text().contains("evil"), "{}", mail.text());
    app.finish().await;
}

async fn links_may_lead_to_a_page_elsewhere(backend: Backend) {
    let smtp = SmtpServer::start().await;
    let builder = builder(backend, &smtp).settings(|settings| {
        settings.http.public_url = "https://example.com/ww".to_owned();
        settings.mail.reset_path = "https://app.example.com/reset".to_owned();
    });
    let app = builder.spawn().await;
    app.registered(ADA).await;
    forgot(&app, ADA).await;
    let mail = smtp.mail(ADA, RESET, 1).await;
    assert!(mail.text().contains("https://app.example.com/reset#code="), "{}", mail.text());
    let mail = smtp.mail(ADA, VERIFY, 1).await;
    assert!(mail.text().contains("https://example.com/ww/verify-email#code="), "{}", mail.text());
    app.finish().await;
}

async fn a_display_name_cannot_inject_a_header(backend: Backend) {
    let directory = scratch("templates");
    // The worst case: a template that puts the name into a header.
    std::fs::write(directory.join("reset_password.subject.txt"), "For {{ name }}").expect("a template");
    let smtp = SmtpServer::start().await;
    let builder = builder(backend, &smtp).settings(move |settings| settings.mail.templates = Some(directory));
    let app = builder.spawn().await;
    let tokens = app.registered(ADA).await.tokens();
    let name = "Ada\r\nBcc: eve@example.com\r\n\r\nanother body";
    let answer = app.send_as(&tokens.access, Method::PATCH, "/auth/me", &json!({ "name": name })).await;
    answer.expect_problem(422, "validation_failed");
    // The same for a name that bypassed validation.
    let injected = "UPDATE users SET name = 'Ada\r\nBcc: eve@example.com\r\n\r\nanother body'";
    app.database.execute(injected).await.expect("insert a name");
    forgot(&app, ADA).await.expect_status(202);
    let mail = smtp.mail(ADA, "For Ada Bcc: eve@example.com another body", 1).await;
    assert_eq!((mail.headers("Bcc"), mail.headers("Subject")), (0, 1), "{}", mail.raw);
    assert_eq!(mail.header("X-Rcpt"), ADA);
    for address in [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com, eve@example.com",
    ] {
        forgot(&app, address).await.expect_problem(422, "validation_failed");
    }
    app.finish().await;
}

async fn templates_can_be_overridden(backend: Backend) {
    let directory = scratch("templates");
    std::fs::write(directory.join("verify_email.subject.txt"), "Servus bei {{ product }}").expect("a template");
    std::fs::write(directory.join("verify_email.txt"), "{{ link }} ({{ minutes }} min)").expect("a template");
    let smtp = SmtpServer::start().await;
    let builder = builder(backend, &smtp).settings(move |settings| settings.mail.templates = Some(directory));
    let app = builder.spawn().await;
    app.registered(ADA).await;
    let mail = smtp.mail(ADA, "Servus bei Watchword", 1).await;
    assert!(mail.text().contains("(30 min)") && mail.text().contains("<code>wmc_"), "{}", mail.text());
    app.finish().await;
}
