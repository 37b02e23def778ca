//! Sends a welcome mail to every new account. This version prints the mail instead.
//!
//! It shows a **durable** subscriber: the server keeps its place under the name `welcome-mailer`, so accounts
//! that register while it is not running get their mail when it is. An event is acknowledged when the handler
//! answers `Ok`; until then it comes again. So a mail can go out twice after a crash, never not at all: a
//! mailer that must not send twice remembers the ids of the events it has dealt with.
//!
//! ```sh
//! cargo run -p watchword-examples --example welcome_mailer
//! ```
//!
//! Start it two times: the two share the accounts between them. `NATS_URL` says where NATS is.

use std::error::Error;

use watchword_events::{AuthEvent, EventKind, Failure, Received, Subscriber};
use watchword_examples::{ctrl_c, nats_url};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    Subscriber::durable("welcome-mailer")
        .events([EventKind::Registered])
        .stop_on(ctrl_c())
        .connect(&nats_url())
        .await?
        .run(|received, _delivery| welcome(received))
        .await?;
    Ok(())
}

async fn welcome(received: Received) -> Result<(), Failure> {
    let Some(AuthEvent::Registered(account)) = received.event else {
        return Ok(());
    };
    // No second attempt will find an address: with `events.pii = "none"` the service does not send it. The
    // event becomes a dead letter, where someone can look at it.
    let address = account
        .email
        .ok_or_else(|| Failure::poison("the event has no address"))?;
    // Any other error is worth another attempt, and `?` says so.
    send(&address, account.name.as_deref().unwrap_or("you")).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "it stands for a mail server")]
async fn send(address: &str, name: &str) -> std::io::Result<()> {
    println!("To: {address} | Subject: Welcome, {name}!");
    Ok(())
}
