//! A client: registers a user, acts for it for a while, and goes on with another one.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::random::Choices;

use super::PASSWORD;
use super::action::Action;
use super::admin::Administrator;
use super::ended::EndedSessions;
use super::requests::{About, Ended, Sender};
use super::user::{Session, User};

/// How many actions a user lives for.
const STEPS: (usize, usize) = (5, 30);
/// The pause between two actions, in milliseconds.
const PAUSE: (u64, u64) = (20, 200);
/// How often a client goes on with a user of whom it does not know all, in percent.
const GO_ON_CLOUDED: usize = 60;

/// One of the clients.
pub(crate) struct Client {
    pub(super) number: usize,
    pub(super) sender: Sender,
    pub(super) choices: Choices,
    pub(super) admin: Administrator,
    pub(super) ended: EndedSessions,
    /// How many users and names the client has made.
    pub(super) made: u64,
}

/// What a client does with a user, and how often in comparison.
const ACTIONS: [(Action, usize); 25] = [
    (Action::Login, 10),
    (Action::LoginWithWrongPassword, 4),
    (Action::EnrollFactor, 4),
    (Action::RemoveFactor, 1),
    (Action::Refresh, 20),
    (Action::Logout, 5),
    (Action::RevokeSession, 5),
    (Action::RevokeOtherSessions, 3),
    (Action::ChangePassword, 4),
    (Action::ConfirmWithWrongPassword, 2),
    (Action::Rename, 10),
    (Action::ChangeUsername, 4),
    (Action::ChangeEmail, 2),
    (Action::RecordEvent, 8),
    (Action::ForgetPassword, 2),
    (Action::ResendVerification, 2),
    (Action::Disable, 3),
    (Action::Unlock, 2),
    (Action::GrantRole, 5),
    (Action::RevokeAllSessions, 3),
    (Action::DeleteAccount, 2),
    (Action::DeleteUser, 1),
    (Action::ShowMe, 12),
    (Action::ListSessions, 6),
    (Action::ListEvents, 3),
];

impl Client {
    pub(crate) fn new(number: usize, sender: Sender, choices: Choices, admin: Administrator) -> Self {
        Self {
            number,
            sender,
            choices,
            admin,
            ended: EndedSessions::default(),
            made: 0,
        }
    }

    /// Acts until the time has come, and returns all users.
    pub(crate) async fn run(mut self, until: Instant) -> Vec<User> {
        let mut users = Vec::new();
        while Instant::now() < until {
            let Some(mut user) = self.user().await else { continue };
            let steps = STEPS.0 + self.choices.below(STEPS.1 - STEPS.0);
            for _ in 0..steps {
                if Instant::now() >= until || user.is_deleted {
                    break;
                }
                let action = self.next(&user);
                let goes_on = self.act(&mut user, action).await;
                if !goes_on || (user.is_clouded && !self.choices.percent(GO_ON_CLOUDED)) {
                    break;
                }
                sleep(self.choices.millis(PAUSE.0, PAUSE.1)).await;
            }
            users.push(user);
        }
        self.ended.end().await;
        users
    }

    /// Chooses what suits the user.
    fn next(&mut self, user: &User) -> Action {
        if user.is_disabled {
            return if self.choices.percent(40) {
                Action::Login
            } else {
                Action::Enable
            };
        }
        let log_in = match user.factor {
            None => Action::Login,
            Some(_) => Action::LoginWithFactor,
        };
        if user.challenge.is_some() {
            return self.next_to_verify();
        }
        if user.pending.is_some() && !user.live.is_empty() {
            return Action::ConfirmFactor;
        }
        if user.live.is_empty() {
            return log_in;
        }
        match self.choices.weighted(&ACTIONS) {
            Some(Action::RevokeSession | Action::RevokeOtherSessions) if user.live.len() < 2 => log_in,
            Some(Action::Login) => log_in,
            Some(Action::EnrollFactor) if user.factor.is_some() => log_in,
            Some(Action::RemoveFactor) if user.factor.is_none() => Action::EnrollFactor,
            Some(Action::GrantRole) if user.is_artist => Action::RevokeRole,
            Some(action) => action,
            None => Action::ShowMe,
        }
    }

    fn next_to_verify(&mut self) -> Action {
        let ways = [
            (Action::VerifyCode, 5),
            (Action::VerifyRecoveryCode, 4),
            (Action::VerifyWrongCode, 1),
        ];
        self.choices.weighted(&ways).unwrap_or(Action::VerifyCode)
    }

    /// Returns a name that no other call returns.
    pub(super) fn fresh(&mut self, what: &str) -> String {
        self.made += 1;
        format!("{what}{}-{}", self.number, self.made)
    }

    /// Registers a user, or lets the administrator create one.
    async fn user(&mut self) -> Option<User> {
        let email = format!("{}@example.com", self.fresh("user"));
        let body = json!({"email": email, "password": PASSWORD});
        let action = if self.choices.percent(15) {
            Action::CreateUser
        } else {
            Action::Register
        };
        let about = About { action, user: &email, clouded: false };
        let (access, era) = (self.admin.access.clone(), self.sender.history.era());
        let ended = self
            .sender
            .send(about, &mut self.choices, |http, trace| {
                match action {
                    Action::CreateUser => http.request(Method::POST, "/users").bearer_auth(&access),
                    _ => http.request(Method::POST, "/auth/register"),
                }
                .header("idempotency-key", trace)
                .json(&body)
            })
            .await;
        self.check(&email, era != self.sender.history.era(), action, &ended);
        let answer = ended.answer.filter(|_| ended.outcome == crate::history::Outcome::Done)?;
        // A repetition that arrives late gets the same account.
        Some(match action {
            Action::CreateUser => User::new(answer.str("/id"), email, PASSWORD.to_owned(), None, era),
            _ => {
                let session = Session::of(answer.tokens());
                User::new(answer.str("/user/id"), email, PASSWORD.to_owned(), Some(session), era)
            }
        })
    }

    /// Checks that what must be done is not refused, and what must be refused is not done.
    pub(super) fn check(&self, user: &str, clouded: bool, action: Action, ended: &Ended) {
        use crate::history::Outcome;
        if clouded || ended.is_clouding {
            return;
        }
        let must_be_refused = action.events().done.is_none() && action.events().refused.is_some();
        let wrong = match &ended.outcome {
            Outcome::Done if must_be_refused => "was accepted",
            Outcome::Refused(..) if must_be_refused && action.records_refusal(&ended.outcome) => return,
            Outcome::Refused(..) => "was refused",
            _ => return,
        };
        let what = format!("{} of {user} {wrong}: {}", action.name(), ended.outcome);
        self.sender.history.violated(what, &[user]);
    }

    /// Watches that ended sessions stay ended.
    pub(super) fn watch(&mut self, ended: &[Session], user: &User, by: usize) {
        self.ended.watch(&self.sender, ended, user, by, &mut self.choices);
    }
}

/// How long a client that is told to end may take: what is sent is answered or not, and ended
/// sessions are used once more.
pub(crate) const END_TIMEOUT: Duration = Duration::from_secs(120);
