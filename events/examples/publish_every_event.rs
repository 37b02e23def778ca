//! Publishes an example of every event into the stream, with the headers that the service sends:
//! `cargo run -p watchword-events --features subscriber --example publish_every_event -- nats://…`.
//! For checks of what other programs read.

use std::error::Error;
use std::{env, io};

use watchword_events::subscriber::DEFAULT_STREAM;
use watchword_events::subscriber::async_nats::jetstream::{self, stream};
use watchword_events::subscriber::async_nats::{self, HeaderMap};
use watchword_events::{CATALOGUE, SUBJECT_FILTERS, example, headers, schema};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or_else(|| io::Error::other("usage: publish_every_event <url>"))?;
    let context = jetstream::new(async_nats::connect(url).await?);
    let subjects = SUBJECT_FILTERS.map(str::to_owned).into();
    let config = stream::Config {
        name: DEFAULT_STREAM.to_owned(),
        subjects,
        ..stream::Config::default()
    };
    context.create_stream(config).await?;
    for kind in CATALOGUE.iter().map(|event| event.kind) {
        let event = example::of(kind);
        let mut map = HeaderMap::new();
        for (name, value) in headers::for_event(&event, "https://auth.example.com", schema::BASE_URL) {
            // The examples share an id, which the stream would take for one event.
            match name {
                headers::MESSAGE_ID => map.insert(name, format!("{kind}")),
                _ => map.insert(name, value),
            }
        }
        let subject = event.event.subject().into_owned();
        context.publish_with_headers(subject, map, event.to_json()?.into()).await?.await?;
    }
    Ok(())
}
