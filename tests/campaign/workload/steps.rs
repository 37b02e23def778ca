//! One action of a client: the request, and what the client knows afterwards.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::history::Outcome;
use crate::support::http::{Answer, Http};

use super::PASSWORD;
use super::action::Action;
use super::client::Client;
use super::factor::Factor;
use super::requests::{About, Ended};
use super::user::{Session, User};

/// A recovery code that no user has.
const WRONG_CODE: &str = "AAAA-AAAA-AAAA-AAAA";

/// What an action uses, chosen before its request.
struct Step {
    action: Action,
    /// The session that acts.
    session: usize,
    access: String,
    refresh: String,
    /// The other session that it is about.
    other: usize,
    other_id: String,
    admin: String,
    /// A new name, username, address or password.
    fresh: String,
    /// A code of the second factor.
    code: String,
    /// Whether a logout ends all sessions.
    is_global: bool,
}

impl Client {
    /// Does one thing. Returns whether the client still knows the user.
    pub(super) async fn act(&mut self, user: &mut User, action: Action) -> bool {
        let Some(step) = self.step(user, action) else {
            // No code is left: another login may have another one later.
            user.challenge = None;
            user.pending = None;
            return true;
        };
        self.notice_failover(user);
        let about = About { action, user: &user.email, clouded: user.is_clouded };
        let expected = user.clone();
        let ended = self
            .sender
            .send(about, &mut self.choices, |http, trace| request(&step, &expected, http, trace))
            .await;
        self.notice_failover(user);
        let must_be_refused = action == Action::Login && !user.is_active();
        if must_be_refused {
            if ended.is_done() && !user.is_clouded {
                let what = format!("{} logged in while disabled", user.email);
                self.sender.history.violated(what, &[&user.email]);
            }
        } else {
            self.check(&user.email, user.is_clouded, action, &ended);
        }
        user.is_clouded |= ended.is_clouding;
        match (&ended.outcome, &ended.answer) {
            (Outcome::Done, Some(answer)) => {
                let before = user.ended.len();
                self.learn(user, &step, answer);
                let newly_ended = user.ended.get(before..).unwrap_or_default().to_vec();
                self.watch(&newly_ended, user, ended.instance);
                true
            }
            _ => self.learn_refusal(user, &step, &ended),
        }
    }

    /// What was known before a failover that has lost commits may not be true any more.
    fn notice_failover(&self, user: &mut User) {
        user.is_clouded |= user.era != self.sender.history.era();
    }

    /// Returns `None` when the action needs a code and there is none.
    fn step(&mut self, user: &mut User, action: Action) -> Option<Step> {
        let code = match action {
            Action::VerifyCode => user.factor.as_mut()?.code()?,
            Action::VerifyRecoveryCode => user.factor.as_mut()?.recovery_code()?,
            Action::ConfirmFactor => user.pending.as_mut()?.code()?,
            _ => WRONG_CODE.to_owned(),
        };
        let session = self.choices.below(user.live.len());
        let count = user.live.len();
        let other = (session + 1 + self.choices.below(count.saturating_sub(1))) % count.max(1);
        let tokens = user.live.get(session).map(|session| session.tokens.clone());
        let fresh = match action {
            Action::ChangePassword | Action::ConfirmWithWrongPassword => format!("{PASSWORD} {}", self.fresh("")),
            Action::ChangeUsername => self.fresh("name"),
            Action::ChangeEmail => format!("{}@example.com", self.fresh("moved")),
            _ => self.fresh("Name "),
        };
        Some(Step {
            action,
            session,
            access: tokens.as_ref().map(|tokens| tokens.access.clone()).unwrap_or_default(),
            refresh: tokens.map(|tokens| tokens.refresh).unwrap_or_default(),
            other,
            other_id: user.live.get(other).map(|session| session.id.clone()).unwrap_or_default(),
            admin: self.admin.access.clone(),
            fresh,
            code,
            is_global: self.choices.percent(30),
        })
    }

    /// Changes what the client knows after an action that is done.
    fn learn(&mut self, user: &mut User, step: &Step, answer: &Answer) {
        match step.action {
            Action::Login => user.live.push(Session::of(answer.tokens())),
            Action::VerifyCode | Action::VerifyRecoveryCode => {
                user.challenge = None;
                user.live.push(Session::of(answer.tokens()));
            }
            Action::EnrollFactor => user.pending = Factor::of(answer),
            Action::ConfirmFactor => {
                user.factor = user.pending.take();
                if let Some(factor) = &mut user.factor {
                    factor.keep_codes(answer);
                }
            }
            Action::RemoveFactor => user.factor = None,
            Action::Refresh => {
                if let Some(session) = user.live.get_mut(step.session) {
                    session.tokens = answer.tokens();
                }
            }
            Action::Logout if !step.is_global => drop(user.end_one(step.session)),
            Action::RevokeSession => drop(user.end_one(step.other)),
            Action::RevokeOtherSessions => drop(user.end_others(step.session)),
            Action::ChangePassword => {
                user.password.clone_from(&step.fresh);
                user.pending = None;
                user.end_all();
            }
            Action::Rename => user.name = Some(step.fresh.clone()),
            // Transcripts and the last check know the user by the first address.
            Action::ChangeEmail => user.identifier = step.fresh.clone(),
            Action::Disable => {
                user.is_disabled = true;
                user.end_all();
            }
            Action::Enable => user.is_disabled = false,
            Action::GrantRole => user.is_artist = true,
            Action::RevokeRole => user.is_artist = false,
            Action::Logout | Action::RevokeAllSessions => drop(user.end_all()),
            Action::DeleteAccount | Action::DeleteUser => {
                user.is_deleted = true;
                user.end_all();
            }
            Action::ListSessions => self.check_list(user, answer),
            _ => {}
        }
    }

    /// Returns whether the client still knows the user after an action that is not done.
    fn learn_refusal(&mut self, user: &mut User, step: &Step, ended: &Ended) -> bool {
        if step.action == Action::LoginWithFactor {
            let token = ended.answer.as_ref().and_then(|answer| answer.json.get("challengeToken")?.as_str());
            user.challenge = token.map(str::to_owned);
        }
        if step.action.is_read() || step.action.events().done.is_none() || !user.is_active() {
            return true;
        }
        // Of a user whose history is clear, only failed logins of disabled users are refused.
        user.is_clouded |= ended.is_clouding || matches!(ended.outcome, Outcome::Refused(..));
        false
    }

    /// Checks that exactly the live sessions are listed.
    fn check_list(&self, user: &User, answer: &Answer) {
        let listed = answer.json.pointer("/sessions").or(Some(&answer.json)).and_then(Value::as_array);
        let mut listed: Vec<&str> =
            listed.into_iter().flatten().filter_map(|session| session.get("id")?.as_str()).collect();
        let mut live: Vec<&str> = user.live.iter().map(|session| session.id.as_str()).collect();
        listed.sort_unstable();
        live.sort_unstable();
        if !user.is_clouded && listed != live {
            let what = format!("{} has the sessions {listed:?} instead of {live:?}", user.email);
            self.sender.history.violated(what, &[&user.email]);
        }
    }
}

fn request(step: &Step, user: &User, http: &Http, trace: &str) -> RequestBuilder {
    let own = |method: Method, path: &str| http.request(method, path).bearer_auth(&step.access);
    let admin = |method: Method, path: &str| {
        http.request(method, &format!("/users/{}{path}", user.id)).bearer_auth(&step.admin)
    };
    let log_in = |password: &str| {
        let body = json!({"identifier": user.identifier, "password": password});
        http.request(Method::POST, "/auth/login").json(&body)
    };
    match step.action {
        Action::Register | Action::CreateUser => http.request(Method::GET, "/healthz"),
        Action::Login => log_in(&user.password),
        Action::LoginWithWrongPassword => log_in("not the password 7"),
        Action::LoginWithFactor => log_in(&user.password),
        Action::VerifyCode | Action::VerifyRecoveryCode | Action::VerifyWrongCode => http
            .request(Method::POST, "/auth/mfa/verify")
            .json(&json!({"challengeToken": user.challenge, "code": step.code})),
        Action::EnrollFactor => own(Method::POST, "/auth/mfa/totp").json(&json!({"password": user.password})),
        Action::ConfirmFactor => own(Method::POST, "/auth/mfa/totp/confirm").json(&json!({"code": step.code})),
        Action::RemoveFactor => own(Method::POST, "/auth/mfa/totp/remove").json(&json!({"password": user.password})),
        Action::Refresh | Action::RefreshEndedSession => {
            http.request(Method::POST, "/auth/refresh").json(&json!({"refreshToken": step.refresh}))
        }
        Action::Logout => {
            let scope = if step.is_global { "global" } else { "local" };
            own(Method::POST, "/auth/logout").json(&json!({"scope": scope}))
        }
        Action::RevokeSession => own(Method::DELETE, &format!("/auth/sessions/{}", step.other_id)),
        Action::RevokeOtherSessions => own(Method::DELETE, "/auth/sessions"),
        Action::ChangePassword => own(Method::POST, "/auth/password/change")
            .json(&json!({"currentPassword": user.password, "newPassword": step.fresh})),
        Action::ConfirmWithWrongPassword => own(Method::POST, "/auth/password/change")
            .json(&json!({"currentPassword": "not the password 7", "newPassword": step.fresh})),
        Action::Rename => own(Method::PATCH, "/auth/me").json(&json!({"name": step.fresh})),
        Action::ChangeUsername => own(Method::PATCH, "/auth/me").json(&json!({"username": step.fresh})),
        Action::ChangeEmail => admin(Method::PATCH, "").json(&json!({"email": step.fresh})),
        Action::RecordEvent => own(Method::POST, "/events")
            .header("idempotency-key", trace)
            .json(&json!({"name": "campaign"})),
        Action::ForgetPassword => http
            .request(Method::POST, "/auth/password/forgot")
            .json(&json!({"email": user.identifier})),
        Action::ResendVerification => own(Method::POST, "/auth/email/resend"),
        Action::Disable => admin(Method::POST, "/disable"),
        Action::Enable => admin(Method::POST, "/enable"),
        Action::Unlock => admin(Method::POST, "/unlock"),
        Action::GrantRole => admin(Method::PUT, "/roles/artist"),
        Action::RevokeRole => admin(Method::DELETE, "/roles/artist"),
        Action::RevokeAllSessions => admin(Method::DELETE, "/sessions"),
        Action::DeleteAccount => own(Method::POST, "/auth/me/delete").json(&json!({"password": user.password})),
        Action::DeleteUser => admin(Method::DELETE, ""),
        Action::ShowMe | Action::UseEndedSession => own(Method::GET, "/auth/me"),
        Action::ListSessions => own(Method::GET, "/auth/sessions"),
        Action::ListEvents => own(Method::GET, "/auth/me/activity?limit=5"),
    }
}
