//! Publishes changes of forty accounts, in turns and for some seconds, and then prints the copy of
//! the accounts that follows from them, a line each:
//! `cargo run -p watchword-events --features producer,subscriber --example publish_changes -- nats://…`.
//! It also creates the stream, and the durables that are named behind the URL. For checks of
//! programs that keep a copy.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;
use std::{env, io};

use serde_json::{Value, json};
use uuid::Uuid;
use watchword_events::subscriber::DEFAULT_STREAM;
use watchword_events::subscriber::async_nats::jetstream::consumer::pull;
use watchword_events::subscriber::async_nats::jetstream::{self, Context, stream};
use watchword_events::subscriber::async_nats::{self, HeaderMap};
use watchword_events::{
    AccountStatus, AuthEvent, ChangedField, Disabled, DisabledReason, Enabled, EnabledReason, Event, EventKind,
    SUBJECT_FILTERS, USER_EVENTS, Updated, UserRef, example, headers, schema,
};

const USERS: u128 = 40;
const ROUNDS: u128 = 60;
const ROUND_INTERVAL: Duration = Duration::from_millis(150);
/// In which of its events an account's name changes. So rarely that a lost change shows.
const RENAMED_IN: i64 = 17;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this example prints the copy")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let url = arguments
        .next()
        .ok_or_else(|| io::Error::other("usage: publish_changes <url> [<durable>…]"))?;
    let context = jetstream::new(async_nats::connect(url).await?);
    let stream = create_stream(&context).await?;
    for durable in arguments {
        stream.create_consumer(ordered(durable)).await?;
    }
    let mut copy = BTreeMap::new();
    for round in 0..ROUNDS {
        // Each account is registered in another round, so that some are at any time.
        for number in (1..=USERS).filter(|number| number % 20 <= round) {
            let id = Uuid::from_u128(0x019c_a9b7_0000_7000_8000_0000_0000_0000 | number);
            let row = copy.entry(id).or_insert_with(|| json!({"seq": 0}));
            let seq = row.get("seq").and_then(Value::as_i64).unwrap_or_default() + 1;
            let event = change(number, seq);
            publish(&context, id, seq, event.clone()).await?;
            apply(row, seq, &event);
        }
        tokio::time::sleep(ROUND_INTERVAL).await;
    }
    for (id, row) in copy {
        println!("{id} {row}");
    }
    Ok(())
}

async fn create_stream(context: &Context) -> Result<stream::Stream, Box<dyn Error>> {
    let config = stream::Config {
        name: DEFAULT_STREAM.to_owned(),
        subjects: SUBJECT_FILTERS.map(str::to_owned).into(),
        ..stream::Config::default()
    };
    Ok(context.create_stream(config).await?)
}

/// A durable for a consumer that gives events back. The server waits only for a moment for a
/// consumer that was killed.
fn ordered(durable: String) -> pull::Config {
    pull::Config {
        durable_name: Some(durable),
        filter_subject: USER_EVENTS.to_owned(),
        ack_wait: Duration::from_millis(700),
        max_ack_pending: 256,
        max_deliver: -1,
        ..pull::Config::default()
    }
}

/// Returns the account's event with this number.
fn change(number: u128, seq: i64) -> AuthEvent {
    match seq {
        1 => {
            let mut event = example::of(EventKind::Registered).event;
            if let AuthEvent::Registered(account) = &mut event {
                account.name = Some(format!("user {number}"));
            }
            event
        }
        RENAMED_IN => AuthEvent::Updated(Updated {
            changed_fields: vec![ChangedField::Name],
            name: number.is_multiple_of(2).then(|| format!("renamed {number}")),
            account_type: None,
            profile: None,
        }),
        _ if seq % 2 == 0 => AuthEvent::Disabled(Disabled {
            reason: DisabledReason::Admin,
            status: AccountStatus::Disabled,
            ended_session_ids: Vec::new(),
        }),
        _ => AuthEvent::Enabled(Enabled { reason: EnabledReason::Admin, status: AccountStatus::Active }),
    }
}

async fn publish(context: &Context, user: Uuid, seq: i64, event: AuthEvent) -> Result<(), Box<dyn Error>> {
    let number = user.as_u128() & 0xffff;
    let event = Event {
        id: Uuid::from_u128(0x019c_a9b8_0000_7000_8000_0000_0000_0000 | number << 16 | u128::try_from(seq)?),
        user: Some(UserRef { id: user, seq: Some(seq) }),
        event,
        ..example::of(EventKind::Registered)
    };
    let mut map = HeaderMap::new();
    for (name, value) in headers::for_event(&event, "https://auth.example.com", schema::BASE_URL) {
        map.insert(name, value);
    }
    let subject = event.event.subject().into_owned();
    context.publish_with_headers(subject, map, event.to_json()?.into()).await?.await?;
    Ok(())
}

/// The number, the name and the status, as a copy has them.
fn apply(row: &mut Value, seq: i64, event: &AuthEvent) {
    let Some(row) = row.as_object_mut() else { return };
    row.insert("seq".to_owned(), json!(seq));
    match event {
        AuthEvent::Registered(account) => {
            row.insert("name".to_owned(), json!(account.name));
            row.insert("status".to_owned(), json!("active"));
        }
        AuthEvent::Updated(Updated { name: None, .. }) => {
            row.remove("name");
        }
        AuthEvent::Updated(Updated { name, .. }) => {
            row.insert("name".to_owned(), json!(name));
        }
        AuthEvent::Disabled(_) => {
            row.insert("status".to_owned(), json!("disabled"));
        }
        _ => {
            row.insert("status".to_owned(), json!("active"));
        }
    }
}
