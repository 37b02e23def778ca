//! What a client knows of a user.

use crate::support::http::Tokens;

use super::factor::Factor;

/// A session and its current tokens.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) tokens: Tokens,
}

impl Session {
    pub(crate) fn of(tokens: Tokens) -> Self {
        Self { id: tokens.session(), tokens }
    }
}

/// What a user should be by the answers so far. One client alone acts for a user, one request after
/// the other.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    /// The address at the registration, by which the history knows the user.
    pub(crate) email: String,
    /// The current address.
    pub(crate) identifier: String,
    pub(crate) password: String,
    pub(crate) name: Option<String>,
    pub(crate) live: Vec<Session>,
    pub(crate) ended: Vec<Session>,
    pub(crate) is_disabled: bool,
    pub(crate) is_deleted: bool,
    pub(crate) is_artist: bool,
    /// The second factor in use.
    pub(crate) factor: Option<Factor>,
    /// An authenticator that is not confirmed.
    pub(crate) pending: Option<Factor>,
    /// A login that waits for the second factor.
    pub(crate) challenge: Option<String>,
    /// The failovers before the user was made, as a client counts them.
    pub(crate) era: usize,
    /// Whether a request may still take effect whose outcome the client does not know, such as one
    /// that a stopped instance has received. Then no answer is a surprise.
    pub(crate) is_clouded: bool,
}

impl User {
    pub(crate) fn new(id: &str, email: String, password: String, first: Option<Session>, era: usize) -> Self {
        Self {
            id: id.to_owned(),
            identifier: email.clone(),
            email,
            password,
            name: None,
            live: first.into_iter().collect(),
            ended: Vec::new(),
            is_disabled: false,
            is_deleted: false,
            is_artist: false,
            factor: None,
            pending: None,
            challenge: None,
            era,
            is_clouded: false,
        }
    }

    /// Whether the user can log in.
    pub(crate) const fn is_active(&self) -> bool {
        !self.is_disabled && !self.is_deleted
    }

    /// Ends all sessions, and returns them.
    pub(crate) fn end_all(&mut self) -> Vec<Session> {
        let ended = std::mem::take(&mut self.live);
        self.ended.extend(ended.iter().cloned());
        ended
    }

    /// Ends all sessions but the one at `kept`, and returns them.
    pub(crate) fn end_others(&mut self, kept: usize) -> Vec<Session> {
        if kept >= self.live.len() {
            return Vec::new();
        }
        let kept = self.live.swap_remove(kept);
        let ended = self.end_all();
        self.live.push(kept);
        ended
    }

    /// Ends the session at `at`, and returns it.
    pub(crate) fn end_one(&mut self, at: usize) -> Vec<Session> {
        if at >= self.live.len() {
            return Vec::new();
        }
        let session = self.live.swap_remove(at);
        self.ended.push(session.clone());
        vec![session]
    }
}
