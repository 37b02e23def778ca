//! The subjects and headers of events that a subscriber gave up.

/// The prefix of the subjects of dead letters: `auth.dlq.<durable>`. The stream `auth-events-dlq`
/// stores them.
pub const DLQ_SUBJECT_PREFIX: &str = "auth.dlq.";
/// The header with the reason why the event was given up.
pub const DLQ_REASON: &str = "Watchword-Dlq-Reason";
/// The header with the name of the durable that gave the event up.
pub const DLQ_CONSUMER: &str = "Watchword-Dlq-Consumer";
/// The header with the name of the event's stream.
pub const DLQ_STREAM: &str = "Watchword-Dlq-Stream";
/// The header with the event's subject.
pub const DLQ_SUBJECT: &str = "Watchword-Dlq-Subject";
/// The header with the event's sequence in its stream.
pub const DLQ_SEQUENCE: &str = "Watchword-Dlq-Sequence";
/// The header with the number of attempts.
pub const DLQ_ATTEMPTS: &str = "Watchword-Dlq-Attempts";

/// The headers that every dead letter has beside those of its event, and their meanings.
pub const DESCRIPTIONS: [(&str, &str); 6] = [
    (DLQ_REASON, "Why the event was given up, in one line"),
    (DLQ_CONSUMER, "The durable that gave it up"),
    (DLQ_STREAM, "The stream of the event"),
    (DLQ_SUBJECT, "The subject of the event in its stream"),
    (DLQ_SEQUENCE, "The sequence of the event in its stream"),
    (DLQ_ATTEMPTS, "The number of attempts"),
];
