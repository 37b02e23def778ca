//! The configuration of the server: who may do what.
//!
//! The service has an account with a password. Every client without credentials is a guest, in an
//! account of its own, and may request there what this file lists: read streams and messages, make
//! consumers of the event stream, acknowledge, and publish dead letters.
//!
//! **Why two accounts.** The server checks the subject of a request, and not the subject to which
//! it sends the answer. In one account, a guest could have a message delivered to
//! `auth.user.registered`, which stores it as an event, or an answer sent to
//! `$JS.API.STREAM.DELETE.…`, which deletes the stream. An answer to a guest stays in the guests'
//! account, where neither subject means anything (ADR 0046).
//!
//! **Why consumers of the event stream alone.** A guest names the subject to which a push consumer
//! delivers, in the account of the service. The server refuses the subjects of the consumer's own
//! stream, and delivers only where a client subscribes to that very subject. A consumer of another
//! stream could deliver to the subject of an event.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::StreamSettings;

/// The user of the service and of operators.
pub(crate) const USER: &str = "watchword";
/// The account with the streams. The server names the directory of its store after it.
pub(super) const ACCOUNT: &str = "AUTH";

/// What guests may request, with one answer to each. `{stream}` is the stream of events.
const REQUESTS: &[&str] = &[
    "$JS.API.INFO",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.INFO.*",
    "$JS.API.STREAM.MSG.GET.*",
    "$JS.API.CONSUMER.LIST.*",
    "$JS.API.CONSUMER.NAMES.*",
    "$JS.API.CONSUMER.INFO.*.*",
    "$JS.API.CONSUMER.CREATE.{stream}",
    "$JS.API.CONSUMER.CREATE.{stream}.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.{stream}.*",
    "$JS.API.CONSUMER.DELETE.{stream}.*",
    "$JS.API.CONSUMER.PAUSE.{stream}.*",
    "$JS.API.CONSUMER.RESET.{stream}.*",
    "$JS.ACK.{stream}.>",
    "$JS.ACK.{stream}-replays.>",
    // The form of servers with `js_ack_fc_v2`.
    "$JS.ACK.*.*.{stream}.>",
    "$JS.ACK.*.*.{stream}-replays.>",
    "$JS.FC.{stream}.>",
    "auth.dlq.*",
];

/// What guests may request, with many answers to each. Events and their copies alone: a guest, who
/// also writes dead letters, could have one sent to the subject of an event, where others listen.
const READS: &[&str] = &[
    "$JS.API.DIRECT.GET.{stream}",
    "$JS.API.DIRECT.GET.{stream}.>",
    "$JS.API.DIRECT.GET.{stream}-replays",
    "$JS.API.DIRECT.GET.{stream}-replays.>",
    "$JS.API.CONSUMER.MSG.NEXT.{stream}.*",
    "$JS.API.CONSUMER.MSG.NEXT.{stream}-replays.*",
];

/// How long the answers to a read may pause. The server tells it by the answers alone whether a
/// client still waits.
const MAX_PAUSE: &str = "10m";

/// What guests may subscribe to, besides the events: reports of the server, and deliveries of push
/// consumers.
const SUBSCRIPTIONS: &[&str] = &["$JS.EVENT.>", "_INBOX.>"];

/// What the server is configured with.
pub(super) struct Configuration<'a> {
    pub(super) server_name: &'a str,
    /// The directory of the store and the log.
    pub(super) dir: &'a Path,
    /// On 127.0.0.1.
    pub(super) port: u16,
    pub(super) password: &'a SecretString,
    pub(super) stream: &'a StreamSettings,
}

impl Configuration<'_> {
    /// Write it in the language of nats-server: local only, every message synced before it is
    /// acknowledged.
    pub(super) fn text(&self) -> String {
        let (requests, reads) = (self.subjects(REQUESTS), self.subjects(READS));
        let published = [requests.as_slice(), &reads].concat();
        let subscribed = [self.stream.subjects.clone(), self.subjects(SUBSCRIPTIONS)].concat();
        let exports = [
            lines(&requests, |subject| format!("{{ service: {subject}, accounts: [GUESTS] }}")),
            lines(&reads, |subject| {
                format!("{{ service: {subject}, response: stream, threshold: \"{MAX_PAUSE}\", accounts: [GUESTS] }}")
            }),
            lines(&subscribed, |subject| format!("{{ stream: {subject}, accounts: [GUESTS] }}")),
        ];
        let imports = [
            lines(&published, |subject| {
                format!("{{ service: {{ account: {ACCOUNT}, subject: {subject} }} }}")
            }),
            lines(&subscribed, |subject| {
                format!("{{ stream: {{ account: {ACCOUNT}, subject: {subject} }} }}")
            }),
        ];
        format!(
            "# Written at every start of the embedded server; changes are lost.\n\
             server_name: {name}\n\
             listen: \"127.0.0.1:{port}\"\n\
             max_payload: 256KB\n\
             log_file: {log}\n\
             logfile_size_limit: 10MB\n\
             logfile_max_num: 2\n\
             jetstream {{\n  store_dir: {store}\n  sync_interval: always\n  max_file_store: 1GB\n}}\n\
             no_auth_user: guest\n\
             accounts {{\n\
             {ACCOUNT} {{\n\
             jetstream: enabled\n\
             users: [{{ user: {USER}, password: {password} }}]\n\
             exports: [\n{exports}]\n\
             }}\n\
             GUESTS {{\n\
             users: [{{ user: guest, permissions: {{\n\
             publish: [\n{published}]\n\
             subscribe: [\n{subscribed}]\n\
             }} }}]\n\
             imports: [\n{imports}]\n\
             }}\n\
             }}\n",
            name = quoted(self.server_name),
            port = self.port,
            log = quoted(&self.dir.join("nats-server.log").to_string_lossy()),
            store = quoted(&self.dir.to_string_lossy()),
            password = quoted(self.password.expose_secret()),
            exports = exports.concat(),
            published = lines(&published, str::to_owned),
            subscribed = lines(&subscribed, str::to_owned),
            imports = imports.concat(),
        )
    }

    fn subjects(&self, templates: &[&str]) -> Vec<String> {
        templates.iter().map(|subject| subject.replace("{stream}", &self.stream.name)).collect()
    }
}

/// A line for each subject.
fn lines(subjects: &[String], line: impl Fn(&str) -> String) -> String {
    subjects.iter().map(|subject| format!("  {}\n", line(&quoted(subject)))).collect()
}

/// A string in the configuration language of nats-server.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted() {
        assert_eq!(quoted(r#"/a "b"\c"#), r#""/a \"b\"\\c""#);
    }
}
