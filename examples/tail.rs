//! Prints every event on one line, the oldest first, and then new ones until ctrl-c.
//!
//! It shows an **ephemeral** subscriber: the server keeps no position for it, it acknowledges
//! nothing, and it prints events that this version does not know like any other.
//!
//! ```sh
//! cargo run --example tail           # every event in the stream, then new ones
//! cargo run --example tail -- new    # new events only
//! NATS_URL=nats://user:password@nats.example.com cargo run --example tail
//! ```

use std::env;

use anyhow::Context as _;
use watchword_events::{DeliveryInfo, ReceivedEvent, Subscriber};
use watchword_examples::{NATS_HELP, ctrl_c, init_logging, nats_url};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    init_logging();
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

/// Prints `<sequence> <subject> <data>`.
#[expect(clippy::print_stdout, reason = "this example prints events")]
fn print(received: &ReceivedEvent, delivery: &DeliveryInfo) {
    let data = received.raw().get("data").map(ToString::to_string).unwrap_or_default();
    println!("{} {} {data}", delivery.stream_sequence, received.subject);
}
