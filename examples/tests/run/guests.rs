//! Examples without credentials, beside a service with its embedded nats-server.

use crate::example::Example;
use crate::servers::Watchword;

#[tokio::test]
async fn examples_need_no_credentials_beside_the_embedded_server() {
    let auth = Watchword::embedded().await;
    auth.register("ada@example.com").await;
    // An example's directory lasts as long as it does.
    let tail = Example::at("tail", auth.nats_url());
    let mailer = Example::at("welcome_mailer", auth.nats_url()).set("SMTP_URL", "");
    let (mut tailing, mut mailing) = (tail.start(), mailer.start());
    let line = tailing.line().await;
    assert!(line.starts_with("1 auth.user.registered {"), "{line}");
    let line = mailing.line().await;
    assert!(line.starts_with("To: ada@example.com"), "{line}");
    tailing.stop().await;
    mailing.stop().await;
}
