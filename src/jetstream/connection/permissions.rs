//! Permissions that the NATS user lacks. The server does not answer a request that it does not
//! allow: it reports an error on the connection, and the request would time out without a reason.
//! So these errors are passed on, by subject, to the requests that wait.

use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::broadcast;

/// More subjects than this user ever names; further ones are not logged.
const MAX_LOGGED: usize = 64;

/// The permission errors of a connection.
#[derive(Debug)]
pub(crate) struct PermissionErrors {
    user: String,
    errors: broadcast::Sender<PermissionError>,
    /// The subjects that are in the log already, of this connection.
    logged: Mutex<HashSet<String>>,
}

/// Receives the errors that the server reports from now on.
#[derive(Debug)]
pub(crate) struct PermissionListener(broadcast::Receiver<PermissionError>);

/// What the server did not let this user do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PermissionError {
    operation: Operation,
    pub(crate) subject: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Publish,
    Subscribe,
}

impl PermissionErrors {
    /// No errors yet of this user, who is named in the log.
    pub(crate) fn new(user: String) -> Self {
        Self {
            user,
            errors: broadcast::Sender::new(MAX_LOGGED),
            logged: Mutex::default(),
        }
    }

    /// Log every error again: another connection may have other permissions.
    pub(crate) fn connected(&self) {
        self.logged.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Take an error message of the server. `false` when it is about something else.
    pub(crate) fn observe(&self, message: &str) -> bool {
        let Some(error) = parse(message) else {
            return false;
        };
        let PermissionError { operation, subject } = &error;
        if self.is_new(subject) {
            let user = &self.user;
            tracing::error!(user, ?operation, subject, "the NATS user lacks a permission");
        }
        // It fails when no request waits.
        let _ = self.errors.send(error);
        true
    }

    fn is_new(&self, subject: &str) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.len() < MAX_LOGGED && logged.insert(subject.to_owned())
    }

    /// Listen from now on: before the request is made.
    pub(crate) fn listen(&self) -> PermissionListener {
        PermissionListener(self.errors.subscribe())
    }

    /// Wait for the answer to a request, or until the server refuses a subject of `ours`, or the
    /// subject of the answers, without which no request can be answered.
    ///
    /// # Errors
    ///
    /// The refused subject.
    pub(crate) async fn race<T>(
        &self,
        ours: impl Fn(&str) -> bool,
        request: impl Future<Output = T>,
    ) -> Result<T, String> {
        let mut listener = self.listen();
        let refused = async {
            loop {
                let PermissionError { operation, subject } = listener.next().await;
                if operation == Operation::Subscribe || ours(&without_domain(&subject)) {
                    return subject;
                }
            }
        };
        tokio::select! {
            biased;
            answer = request => Ok(answer),
            subject = refused => Err(subject),
        }
    }
}

impl PermissionListener {
    pub(crate) async fn next(&mut self) -> PermissionError {
        loop {
            match self.0.recv().await {
                Ok(error) => return error,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                // The connection is gone, and with it every request.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// `$JS.hub.API.STREAM.INFO.a` as `$JS.API.STREAM.INFO.a`: requests know no domain (`nats.domain`).
fn without_domain(subject: &str) -> Cow<'_, str> {
    let rest = subject.strip_prefix("$JS.").and_then(|rest| rest.split_once('.'));
    match rest {
        Some((domain, rest)) if domain != "API" && rest.starts_with("API.") => Cow::Owned(format!("$JS.{rest}")),
        _ => Cow::Borrowed(subject),
    }
}

/// Parse `Permissions Violation for Publish to "auth.user.registered"`, or `for Subscription to`.
fn parse(message: &str) -> Option<PermissionError> {
    const START: &str = "permissions violation for ";
    let start = message.get(..START.len())?;
    let rest = message.get(START.len()..).filter(|_| start.eq_ignore_ascii_case(START))?;
    let (operation, rest) = rest.split_once(" to \"")?;
    let (subject, _) = rest.split_once('"')?;
    let operation = if operation.eq_ignore_ascii_case("subscription") {
        Operation::Subscribe
    } else {
        Operation::Publish
    };
    Some(PermissionError { operation, subject: subject.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_messages_are_parsed() {
        let error = |operation, subject: &str| {
            let subject = subject.to_owned();
            Some(PermissionError { operation, subject })
        };
        let message = r#"Permissions Violation for Publish to "$JS.API.STREAM.INFO.a""#;
        assert_eq!(parse(message), error(Operation::Publish, "$JS.API.STREAM.INFO.a"));
        let message = r#"permissions violation for subscription to "auth.>" using queue "q""#;
        assert_eq!(parse(message), error(Operation::Subscribe, "auth.>"));
        for other in [
            "Stale Connection",
            "",
            "permissions violation",
            "Permissions Violation for Publish to x",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_request_knows_no_domain() {
        for (subject, plain) in [
            ("$JS.hub.API.STREAM.INFO.a", "$JS.API.STREAM.INFO.a"),
            ("$JS.API.STREAM.INFO.a", "$JS.API.STREAM.INFO.a"),
            ("$JS.ACK.a.API.b", "$JS.ACK.a.API.b"),
            ("auth.user.registered", "auth.user.registered"),
        ] {
            assert_eq!(without_domain(subject), plain);
        }
    }

    #[tokio::test]
    async fn only_the_request_about_the_subject_ends() {
        let permissions = PermissionErrors::new("ada".to_owned());
        let answer = permissions.race(|subject| subject == "a", async {
            permissions.observe(r#"Permissions Violation for Publish to "b""#);
            permissions.observe(r#"Permissions Violation for Publish to "a""#);
            std::future::pending::<()>().await;
        });
        assert_eq!(answer.await, Err("a".to_owned()));
        assert_eq!(permissions.race(|_| true, async { 7 }).await, Ok(7));
    }
}
