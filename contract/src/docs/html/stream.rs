//! The section about the stream.

use serde_json::Value;
use watchword_events::USER_EVENTS;

use super::text::{command, escape};
use crate::deployment::Deployment;

pub(super) fn section(deployment: &Deployment) -> String {
    let name = deployment.stream_name();
    let number = |key: &str| deployment.stream.get(key).and_then(Value::as_i64).unwrap_or_default();
    let subjects = deployment.stream.get("subjects").and_then(Value::as_array);
    let subjects: Vec<&str> = subjects.into_iter().flatten().filter_map(Value::as_str).collect();
    let facts = [
        ("Stream", name.to_owned()),
        ("Subjects", subjects.join(" ")),
        ("Retention", limit(number("max_age"), duration)),
        ("Messages", limit(number("max_msgs"), grouped)),
        ("Size", limit(number("max_bytes"), bytes)),
        ("Largest message", bytes(number("max_msg_size"))),
        ("Duplicate window", duration(number("duplicate_window"))),
        ("Replicas", number("num_replicas").to_string()),
    ];
    let facts: String = facts
        .iter()
        .map(|(what, value)| format!("<div><dt>{what}</dt><dd>{}</dd></div>", escape(value)))
        .collect();
    format!(
        "<section id=\"stream\"><h2>The stream</h2><dl class=\"facts\">{facts}</dl>\
         <p>Read it with a durable pull consumer and explicit acknowledgements; acknowledge after your own work is committed. \
         Deduplicate by <code>id</code>. Where order matters, apply each user's events by <code>userSeq</code>, without \
         a hole: the next number is applied, a known one is skipped, and a later one is given back until those before it \
         are applied. Ignore unknown events and fields.</p>{durable}{next}{watch}</section>",
        durable = command(
            "Create a durable consumer",
            &format!(
                "nats consumer add {name} my-service --pull --ack explicit --deliver all --filter '{USER_EVENTS}' \
                 --wait 30s --max-deliver 6 --max-pending 256 --replay instant --defaults"
            )
        ),
        next = command("Read the next events", &format!("nats consumer next {name} my-service --count 10")),
        watch = command("Watch what happens to accounts, without a consumer", &format!("nats sub '{USER_EVENTS}'")),
    )
}

/// JetStream expresses "no limit" as -1 or 0.
fn limit(value: i64, text: impl Fn(i64) -> String) -> String {
    if value <= 0 {
        "no limit".to_owned()
    } else {
        format!("at most {}", text(value))
    }
}

/// Formats nanoseconds in the largest unit that divides them.
fn duration(nanoseconds: i64) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    for (unit, length) in [("day", 86_400), ("hour", 3_600), ("minute", 60)] {
        if seconds >= length && seconds % length == 0 {
            return plural(seconds / length, unit);
        }
    }
    plural(seconds, "second")
}

fn plural(count: i64, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn bytes(count: i64) -> String {
    for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if count >= size && count % size == 0 {
            return format!("{} {unit}", count / size);
        }
    }
    format!("{} bytes", grouped(count))
}

/// Formats 100000 as `100 000`.
fn grouped(count: i64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{a0}');
        }
        out.push(digit);
    }
    out
}
