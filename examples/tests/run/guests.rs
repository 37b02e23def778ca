//! Examples without credentials, beside a service with its embedded nats-server.

use crate::example::Example;
use crate::servers::Watchword;

#[tokio::test]
async fn examples_need_no_credentials_beside_the_embedded_server() {
    let auth = Watchword::embedded().await;
    auth.register("ada@example.com").await;
    let example = |name| Example::at(name, auth.nats_url());
    let mut tail = example("tail").start();
    let line = tail.line().await;
    assert!(line.starts_with("1 auth.user.registered {"), "{line}");
    let mut mailer = example("welcome_mailer").set("SMTP_URL", "").start();
    let line = mailer.line().await;
    assert!(line.starts_with("To: ada@example.com"), "{line}");
    tail.stop().await;
    mailer.stop().await;
}
