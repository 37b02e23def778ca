//! Prints every event, one line each, oldest first, and goes on with new ones until ctrl-c.
//!
//! It shows an **ephemeral** subscriber: the server keeps no place for it, nothing is acknowledged, and events
//! this program does not know are printed like all others.
//!
//! ```sh
//! cargo run --example tail           # everything that is still in the stream
//! cargo run --example tail -- new    # from now on
//! NATS_URL=nats://user:password@nats.example.com cargo run --example tail
//! ```

use std::env;

use anyhow::Context as _;
use watchword_events::{Delivery, Received, Subscriber};
use watchword_examples::{NATS_HELP, ctrl_c, nats_url, show_warnings};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    show_warnings();
    let only_new = env::args().nth(1).is_some_and(|argument| argument == "new");
    let subscriber = Subscriber::ephemeral().stop_on(ctrl_c());
    let subscriber = if only_new { subscriber } else { subscriber.from_start() };
    subscriber
        .connect(&nats_url())
        .await
        .context(NATS_HELP)?
        .run(async |received, delivery| print(&received, &delivery))
        .await?;
    Ok(())
}

/// `<sequence> <subject> <data>`.
#[expect(clippy::print_stdout, reason = "printing is what this example does")]
fn print(received: &Received, delivery: &Delivery) {
    let data = received.raw().get("data").map(ToString::to_string).unwrap_or_default();
    println!("{} {} {data}", delivery.stream_sequence, received.subject);
}
