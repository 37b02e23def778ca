//! What clients do, and which events follow.

use crate::history::Outcome;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Register,
    CreateUser,
    Login,
    LoginWithWrongPassword,
    /// A login of a user with a second factor, which is asked for.
    LoginWithFactor,
    /// The authenticator's code completes it.
    VerifyCode,
    /// A recovery code completes it.
    VerifyRecoveryCode,
    VerifyWrongCode,
    EnrollFactor,
    ConfirmFactor,
    RemoveFactor,
    Refresh,
    Logout,
    RevokeSession,
    RevokeOtherSessions,
    ChangePassword,
    ConfirmWithWrongPassword,
    Rename,
    ChangeUsername,
    ChangeEmail,
    RecordEvent,
    ForgetPassword,
    ResendVerification,
    Disable,
    Enable,
    Unlock,
    GrantRole,
    RevokeRole,
    RevokeAllSessions,
    DeleteAccount,
    DeleteUser,
    ShowMe,
    ListSessions,
    ListEvents,
    /// A request with the access token of an ended session.
    UseEndedSession,
    /// A request with its refresh token.
    RefreshEndedSession,
}

/// The events of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Events {
    /// When it is done.
    pub(crate) done: Option<&'static str>,
    /// Another one, together with it.
    pub(crate) with: Option<&'static str>,
    /// When it is refused.
    pub(crate) refused: Option<&'static str>,
    /// When an earlier operation, whose outcome is unknown, has come first.
    pub(crate) clouded: &'static [&'static str],
    /// Whether repeated requests record one event.
    pub(crate) is_once: bool,
    /// Whether each request that is done records an event, whatever was before.
    pub(crate) is_always: bool,
}

impl Events {
    const fn none() -> Self {
        Self {
            done: None,
            with: None,
            refused: None,
            clouded: &[],
            is_once: false,
            is_always: false,
        }
    }

    /// Repeated requests record one event.
    const fn once(name: &'static str) -> Self {
        Self {
            done: Some(name),
            is_once: true,
            is_always: true,
            ..Self::none()
        }
    }

    /// Each request records an event.
    const fn each(name: &'static str) -> Self {
        Self { done: Some(name), is_always: true, ..Self::none() }
    }

    /// A request records an event if it changes something.
    const fn change(name: &'static str) -> Self {
        Self { done: Some(name), ..Self::none() }
    }
}

impl Action {
    /// Returns the events that follow.
    pub(crate) const fn events(self) -> Events {
        match self {
            // Repeated after a change of the password, it is refused for its old one.
            Self::Register => Events {
                clouded: &["reauthentication_failed"],
                ..Events::once("registered")
            },
            Self::CreateUser => Events::once("registered"),
            Self::Login => Events {
                refused: Some("login_failed"),
                clouded: &["mfa_challenged"],
                ..Events::each("logged_in")
            },
            Self::LoginWithWrongPassword => Events { refused: Some("login_failed"), ..Events::none() },
            Self::LoginWithFactor => Events {
                refused: Some("mfa_challenged"),
                clouded: &["logged_in", "login_failed"],
                ..Events::none()
            },
            Self::VerifyCode => Events {
                with: Some("mfa_verified"),
                clouded: &["mfa_failed"],
                ..Events::each("logged_in")
            },
            Self::VerifyRecoveryCode => Events {
                with: Some("recovery_code_used"),
                clouded: &["mfa_failed"],
                ..Events::each("logged_in")
            },
            Self::VerifyWrongCode => Events { refused: Some("mfa_failed"), ..Events::none() },
            // Nothing has changed before the confirmation.
            Self::EnrollFactor => Events { clouded: &["reauthentication_failed"], ..Events::none() },
            Self::ConfirmFactor => Events {
                with: Some("recovery_codes_generated"),
                ..Events::each("mfa_enrolled")
            },
            Self::RemoveFactor => Events {
                clouded: &["reauthentication_failed"],
                ..Events::each("mfa_removed")
            },
            Self::Refresh => Events {
                clouded: &["token_reuse_detected"],
                ..Events::once("token_refreshed")
            },
            Self::Logout => Events::once("logged_out"),
            Self::RevokeSession => Events::once("session_revoked"),
            Self::RevokeOtherSessions | Self::RevokeAllSessions => Events::change("session_revoked"),
            // Repeated, it is refused for its wrong password.
            Self::ChangePassword => Events {
                clouded: &["reauthentication_failed"],
                ..Events::each("password_changed")
            },
            Self::ConfirmWithWrongPassword => Events { refused: Some("reauthentication_failed"), ..Events::none() },
            Self::Rename => Events::change("updated"),
            Self::ChangeUsername => Events::change("username_changed"),
            Self::ChangeEmail => Events::change("email_changed"),
            Self::RecordEvent => Events::once("auth.custom.campaign"),
            Self::ForgetPassword => Events::each("password_reset_requested"),
            Self::ResendVerification => Events::each("email_verification_requested"),
            Self::Disable => Events::change("disabled"),
            Self::Enable => Events::change("enabled"),
            Self::Unlock => Events::each("unlocked"),
            Self::GrantRole => Events::change("role_granted"),
            Self::RevokeRole => Events::change("role_revoked"),
            Self::DeleteAccount => Events {
                clouded: &["reauthentication_failed"],
                ..Events::once("deleted")
            },
            Self::DeleteUser => Events { is_always: false, ..Events::once("deleted") },
            Self::ShowMe
            | Self::ListSessions
            | Self::ListEvents
            | Self::UseEndedSession
            | Self::RefreshEndedSession => Events::none(),
        }
    }

    /// Whether a refusal is one that is recorded.
    pub(crate) fn records_refusal(self, outcome: &Outcome) -> bool {
        let Outcome::Refused(status, code) = outcome else {
            return false;
        };
        match self {
            Self::Login | Self::LoginWithWrongPassword => code == "invalid_credentials",
            Self::LoginWithFactor => code == "mfa_required",
            Self::VerifyWrongCode => code == "invalid_second_factor",
            // 401 is about the access token.
            Self::ConfirmWithWrongPassword => *status != 401,
            _ => false,
        }
    }

    /// Whether a request may be repeated until its outcome is known.
    pub(crate) const fn may_be_repeated(self) -> bool {
        !matches!(
            self,
            Self::Login
                | Self::LoginWithWrongPassword
                | Self::LoginWithFactor
                | Self::VerifyCode
                | Self::VerifyRecoveryCode
                | Self::VerifyWrongCode
                | Self::ConfirmFactor
                | Self::RemoveFactor
                | Self::ChangePassword
                | Self::ConfirmWithWrongPassword
                | Self::ForgetPassword
                | Self::ResendVerification
                | Self::DeleteAccount
                | Self::Unlock
                | Self::UseEndedSession
                | Self::RefreshEndedSession
        )
    }

    /// Whether it changes nothing.
    pub(crate) const fn is_read(self) -> bool {
        matches!(
            self,
            Self::ShowMe | Self::ListSessions | Self::ListEvents | Self::UseEndedSession | Self::RefreshEndedSession
        )
    }

    /// Returns the name in transcripts.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::CreateUser => "create user",
            Self::Login => "log in",
            Self::LoginWithWrongPassword => "log in with a wrong password",
            Self::LoginWithFactor => "log in with a second factor",
            Self::VerifyCode => "verify a code",
            Self::VerifyRecoveryCode => "verify a recovery code",
            Self::VerifyWrongCode => "verify a wrong code",
            Self::EnrollFactor => "enroll an authenticator",
            Self::ConfirmFactor => "confirm the authenticator",
            Self::RemoveFactor => "remove the authenticator",
            Self::Refresh => "refresh",
            Self::Logout => "log out",
            Self::RevokeSession => "revoke a session",
            Self::RevokeOtherSessions => "revoke other sessions",
            Self::ChangePassword => "change the password",
            Self::ConfirmWithWrongPassword => "confirm with a wrong password",
            Self::Rename => "change the name",
            Self::ChangeUsername => "change the username",
            Self::ChangeEmail => "change the email address",
            Self::RecordEvent => "record an event",
            Self::ForgetPassword => "forget the password",
            Self::ResendVerification => "resend the verification",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Unlock => "unlock",
            Self::GrantRole => "grant a role",
            Self::RevokeRole => "revoke a role",
            Self::RevokeAllSessions => "revoke all sessions",
            Self::DeleteAccount => "delete the account",
            Self::DeleteUser => "delete the user",
            Self::ShowMe => "show",
            Self::ListSessions => "list sessions",
            Self::ListEvents => "list events",
            Self::UseEndedSession => "use an ended session",
            Self::RefreshEndedSession => "refresh an ended session",
        }
    }
}
