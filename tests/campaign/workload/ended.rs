//! Uses ended sessions: every instance refuses them within a second of the answer.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::random::Choices;

use super::action::Action;
use super::requests::{About, Sender};
use super::user::{Session, User};

/// The bound of the promise.
const WITHIN: Duration = Duration::from_secs(1);
/// When an ended session is used after that.
const LATER: [Duration; 3] = [Duration::ZERO, Duration::from_millis(400), Duration::from_secs(5)];

/// The uses that are still to come.
#[derive(Debug, Default)]
pub(crate) struct EndedSessions(JoinSet<()>);

impl EndedSessions {
    /// Uses sessions that an answer has just ended, on every instance. The instance that gave the
    /// answer refuses them at once.
    pub(crate) fn watch(&mut self, sender: &Sender, ended: &[Session], user: &User, by: usize, choices: &mut Choices) {
        while self.0.try_join_next().is_some() {}
        let bound = Instant::now() + WITHIN;
        for session in ended {
            for instance in sender.instances.iter().map(|(number, _)| *number) {
                let at_once = (instance == by).then(Instant::now);
                let uses = LATER.iter().map(|later| bound + *later).chain(at_once).collect::<Vec<_>>();
                let (sender, session) = (sender.only(instance), session.clone());
                let (user, era) = (user.email.clone(), user.era);
                let mut choices = Choices::of(choices.number());
                self.0.spawn(async move {
                    let mut uses = uses;
                    uses.sort();
                    for (number, at) in uses.into_iter().enumerate() {
                        sleep_until(at).await;
                        use_it(&sender, &session, (&user, era), number == 0, &mut choices).await;
                    }
                });
            }
        }
    }

    /// Waits for the last use.
    pub(crate) async fn end(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

async fn use_it(
    sender: &Sender,
    session: &Session,
    (user, era): (&str, usize),
    refreshes: bool,
    choices: &mut Choices,
) {
    // A failover may have lost the end of the session.
    let is_sure = || era == sender.history.era();
    let access = About { action: Action::UseEndedSession, user, clouded: !is_sure() };
    let answer = sender
        .send(access, choices, |http, _| {
            http.request(Method::GET, "/auth/me").bearer_auth(&session.tokens.access)
        })
        .await;
    if answer.is_done() && is_sure() {
        let what = format!("the ended session {} was accepted", session.id);
        sender.history.violated(what, &[user]);
    }
    // Its refresh token is never accepted, by no instance.
    let refresh = About {
        action: Action::RefreshEndedSession,
        clouded: !is_sure(),
        ..access
    };
    let body = json!({"refreshToken": session.tokens.refresh});
    if refreshes
        && sender
            .send(refresh, choices, |http, _| http.request(Method::POST, "/auth/refresh").json(&body))
            .await
            .is_done()
        && is_sure()
    {
        let what = format!("the ended session {} was refreshed", session.id);
        sender.history.violated(what, &[user]);
    }
}
