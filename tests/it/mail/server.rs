//! The connection to the mail server: mandatory TLS and login.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use secrecy::SecretString;
use watchword::config::{MailTls, Settings};

use super::{ADA, VERIFY, builder};
use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::run_dir::scratch;
use crate::support::smtp::SmtpServer;
use crate::support::wait::eventually;

/// A certificate for localhost, its key, and the authority that signed it.
fn certificate() -> [PathBuf; 3] {
    let directory = scratch("mail-tls");
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let ca = authority.self_signed(&key).expect("an authority").pem();
    let authority = Issuer::new(authority, key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    let files = ["server.pem", "server.key", "ca.pem"].map(|name| directory.join(name));
    for (path, text) in files.iter().zip([certificate.pem(), key.serialize_pem(), ca]) {
        std::fs::write(path, text).expect("write a file");
    }
    files
}

async fn spawn(smtp: &SmtpServer, change: impl FnOnce(&mut Settings) + Send + 'static) -> TestApp {
    let builder = builder(Backend::Sqlite, smtp).settings(|settings| {
        settings.mail.host = Some("localhost".to_owned());
        settings.mail.tls = MailTls::Starttls;
        settings.mail.username = Some("watchword".to_owned());
        settings.mail.password = Some(SecretString::from("the password of the mail server"));
    });
    builder.settings(change).spawn().await
}

async fn until_one(app: &TestApp, sql: &'static str) {
    eventually(Duration::from_secs(60), || async {
        app.database.count(sql).await.is_ok_and(|count| count == 1)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_sent_only_over_starttls_and_after_login() {
    let [chain, key, ca] = certificate().map(|path| path.display().to_string());
    let login = ["--login", "watchword", "the password of the mail server"];
    let tls = ["--tls", chain.as_str(), key.as_str()];
    let smtp = SmtpServer::start_with(&[&login[..], &tls[..]].concat()).await;

    let trusted = ca.clone();
    let app = spawn(&smtp, move |settings| settings.mail.ca = Some(trusted.into())).await;
    app.registered(ADA).await;
    let mail = smtp.mail(ADA, VERIFY, 1).await;
    assert_eq!(mail.header("X-Tls"), "True");
    app.finish().await;

    let implicit_tls = SmtpServer::start_with(&[&login[..], &tls[..], &["--wrap"]].concat()).await;
    let trusted = ca.clone();
    let app = spawn(&implicit_tls, move |settings| {
        settings.mail.ca = Some(trusted.into());
        settings.mail.tls = MailTls::Tls;
    })
    .await;
    app.registered(ADA).await;
    assert_eq!(implicit_tls.mail(ADA, VERIFY, 1).await.header("X-Tls"), "True");
    app.finish().await;

    // The certificate authority is not trusted.
    let app = spawn(&smtp, |_| {}).await;
    app.registered(ADA).await;
    until_one(
        &app,
        "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting' AND problem IN ('tls', 'connection')",
    )
    .await;
    app.finish().await;

    let trusted = ca.clone();
    let app = spawn(&smtp, move |settings| {
        settings.mail.ca = Some(trusted.into());
        settings.mail.password = Some(SecretString::from("another password"));
    })
    .await;
    app.registered(ADA).await;
    until_one(&app, "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting' AND problem = 'login'").await;
    app.finish().await;

    // A server without TLS gets neither the password nor the mail.
    let plain = SmtpServer::start_with(&login).await;
    let app = spawn(&plain, move |settings| settings.mail.ca = Some(ca.into())).await;
    app.registered(ADA).await;
    until_one(&app, "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting' AND problem IS NOT NULL").await;
    assert_eq!((plain.mails().len(), smtp.mails().len()), (0, 1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_a_silent_mail_server() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = silent.local_addr().expect("an address").port();
    let builder = TestApp::builder(Backend::Sqlite).settings(move |settings| {
        settings.mail.host = Some("127.0.0.1".to_owned());
        settings.mail.port = Some(port);
        settings.mail.tls = MailTls::None;
    });
    let app = builder.spawn().await;
    app.registered(ADA).await;
    until_one(&app, "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting' AND attempts = 1").await;
    let started = Instant::now();
    app.finish().await;
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}
