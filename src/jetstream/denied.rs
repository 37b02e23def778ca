//! Permissions that the user lacks. The server does not answer a call that it does not allow: it complains on the connection,
//! and the call would time out without a reason. So complaints are passed on to the calls that wait, by subject.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::broadcast;

/// More subjects than this user ever names; what does not fit is not said a second time.
const MOST_SAID: usize = 64;

/// What the server has refused.
#[derive(Debug)]
pub(crate) struct Denials {
    user: String,
    refusals: broadcast::Sender<Refusal>,
    /// What is in the log already, of this connection.
    said: Mutex<HashSet<String>>,
}

/// Hears what is refused from now on.
#[derive(Debug)]
pub(crate) struct Listener(broadcast::Receiver<Refusal>);

/// What the server did not let this user do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    operation: Operation,
    /// The subject it is about.
    pub(crate) subject: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Publish,
    Subscribe,
}

impl Denials {
    /// Nothing refused yet to this user, who is named in the log.
    pub(crate) fn new(user: String) -> Self {
        Self {
            user,
            refusals: broadcast::Sender::new(MOST_SAID),
            said: Mutex::default(),
        }
    }

    /// Another connection may have other rights.
    pub(crate) fn connected(&self) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Takes the server's words. `false` when they are about something else.
    pub(crate) fn take(&self, words: &str) -> bool {
        let Some(refusal) = parse(words) else {
            return false;
        };
        let Refusal { operation, subject } = &refusal;
        if self.is_news(subject) {
            let user = &self.user;
            tracing::error!(user, ?operation, subject, "the NATS user lacks a permission");
        }
        // Nobody may be waiting.
        let _ = self.refusals.send(refusal);
        true
    }

    fn is_news(&self, subject: &str) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.len() < MOST_SAID && said.insert(subject.to_owned())
    }

    /// Listens from now on: before the call is made.
    pub(crate) fn listen(&self) -> Listener {
        Listener(self.refusals.subscribe())
    }

    /// A call's answer, or the subject of `ours` that the server has refused meanwhile; or that of the answers, without
    /// which no call can be answered.
    ///
    /// # Errors
    ///
    /// The subject.
    pub(crate) async fn or<T>(&self, ours: impl Fn(&str) -> bool, call: impl Future<Output = T>) -> Result<T, String> {
        let mut listener = self.listen();
        let refused = async {
            loop {
                let Refusal { operation, subject } = listener.next().await;
                if operation == Operation::Subscribe || ours(&subject) {
                    return subject;
                }
            }
        };
        tokio::select! {
            biased;
            answer = call => Ok(answer),
            subject = refused => Err(subject),
        }
    }
}

impl Listener {
    /// The next refusal.
    pub(crate) async fn next(&mut self) -> Refusal {
        loop {
            match self.0.recv().await {
                Ok(refusal) => return refusal,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                // The connection is gone, and with it every call.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// `Permissions Violation for Publish to "auth.user.registered"`, or `for Subscription to`.
fn parse(words: &str) -> Option<Refusal> {
    const START: &str = "permissions violation for ";
    let start = words.get(..START.len())?;
    let rest = words.get(START.len()..).filter(|_| start.eq_ignore_ascii_case(START))?;
    let (operation, rest) = rest.split_once(" to \"")?;
    let (subject, _) = rest.split_once('"')?;
    let operation = if operation.eq_ignore_ascii_case("subscription") {
        Operation::Subscribe
    } else {
        Operation::Publish
    };
    Some(Refusal {
        operation,
        subject: subject.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_are_read() {
        let refusal = |operation, subject: &str| {
            let subject = subject.to_owned();
            Some(Refusal { operation, subject })
        };
        let words = r#"Permissions Violation for Publish to "$JS.API.STREAM.INFO.a""#;
        assert_eq!(parse(words), refusal(Operation::Publish, "$JS.API.STREAM.INFO.a"));
        let words = r#"permissions violation for subscription to "auth.>" using queue "q""#;
        assert_eq!(parse(words), refusal(Operation::Subscribe, "auth.>"));
        for other in [
            "Stale Connection",
            "",
            "permissions violation",
            "Permissions Violation for Publish to x",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn only_the_call_about_the_subject_ends() {
        let denials = Denials::new("ada".to_owned());
        let answer = denials.or(|subject| subject == "a", async {
            denials.take(r#"Permissions Violation for Publish to "b""#);
            denials.take(r#"Permissions Violation for Publish to "a""#);
            std::future::pending::<()>().await;
        });
        assert_eq!(answer.await, Err("a".to_owned()));
        assert_eq!(denials.or(|_| true, async { 7 }).await, Ok(7));
    }
}
