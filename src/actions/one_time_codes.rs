//! Mailed codes: issued with the email that carries them, and verified when they come back.

use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use super::{Context, Failure};
use crate::domain::email_message::{EmailKind, EmailMessage};
use crate::domain::ids::{UserId, uuid_v7};
use crate::domain::one_time_code::{CodePurpose, OneTimeCode};
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::email::Email;
use crate::domain::user::{User, UserStatus};
use crate::limits::{Identifier, RateLimit};
use crate::security::email_messages::encrypt_message;
use crate::security::one_time_code::same_binding;
use crate::store::{AnyTx, NewCode, NewMail, StoredCode, UserTx};

/// Who gets a code, and what it is bound to: it is void once the address or the password has
/// changed.
pub(super) struct Recipient {
    id: UserId,
    email: Email,
    name: Option<DisplayName>,
    password_hash: SecretString,
}

impl Recipient {
    pub(super) fn new(user: &User, password_hash: &SecretString) -> Self {
        Self {
            id: user.id,
            email: user.email.clone(),
            name: user.name.clone(),
            password_hash: password_hash.clone(),
        }
    }

    /// For purposes that the password has no part in.
    pub(super) fn without_password(user: &User) -> Self {
        Self::new(user, &SecretString::default())
    }
}

/// Whether an address may get another email. Asking is charged, whether or not an account has the
/// address.
pub(super) async fn may_mail(cx: &Context, canonical: &str) -> bool {
    let (services, now) = (&cx.services, cx.now());
    let key = Identifier::new(services.secret.identifier_hash(canonical)).to_string();
    services.mail.delivers && services.limits.charge(RateLimit::MailAddress, &key, cx.request.ip, now).await.is_ok()
}

/// Issue a code and enqueue the email that carries it. Without a recipient the same work is done,
/// and nothing is sent.
///
/// # Errors
/// [`Failure`]
pub(super) async fn issue(
    cx: &Context,
    tx: &mut AnyTx<'_>,
    purpose: CodePurpose,
    recipient: Option<&Recipient>,
) -> Result<(), Failure> {
    let services = &cx.services;
    let code = OneTimeCode::generate(&*services.random);
    let (address, password_hash) = recipient.map_or(("", ""), |recipient| {
        (recipient.email.canonical(), recipient.password_hash.expose_secret())
    });
    let new = NewCode {
        hash: services.codes.hash(purpose, &code),
        purpose,
        user: recipient.map(|recipient| recipient.id),
        binding: services.codes.binding(purpose, address, password_hash),
        expires_at: tx.now() + services.mail.code_ttl,
    };
    tx.replace_code(new).await?;
    let message = EmailMessage {
        to: recipient.map(|recipient| (&recipient.email).into()).unwrap_or_default(),
        name: recipient.and_then(|recipient| recipient.name.as_ref().map(Into::into)),
        code: code.text().as_str().into(),
        minutes: services.mail.code_ttl.whole_minutes().unsigned_abs(),
    };
    let id = uuid_v7(tx.now(), &*services.random);
    let kind = match purpose {
        CodePurpose::EmailVerification => EmailKind::VerifyEmail,
        CodePurpose::PasswordReset => EmailKind::ResetPassword,
    };
    let mail = NewMail {
        id,
        kind,
        recipient: recipient.map(|recipient| recipient.id),
        sealed: encrypt_message(&services.secret, id, kind, &message, &*services.random)?,
    };
    Ok(tx.enqueue_email(mail).await?)
}

/// Find a code that is usable as far as can be seen before its owner is locked.
///
/// # Errors
/// [`Failure`]
pub(super) async fn find(
    cx: &Context,
    purpose: CodePurpose,
    code: &OneTimeCode,
    now: OffsetDateTime,
) -> Result<Option<StoredCode>, Failure> {
    let services = &cx.services;
    let hash = services.codes.hash(purpose, code);
    let found = services.store.live_code(hash, purpose, now).await?;
    Ok(found.filter(|found| {
        let (user, password_hash) = (&found.owner.user, &found.owner.password_hash);
        is_bound_to(cx, purpose, user, password_hash, &found.binding)
    }))
}

/// Lock the owner of a code that [`find`] found, and redeem the code; `None` when it is not usable
/// any more.
///
/// # Errors
/// [`Failure`]
pub(super) async fn redeem<'a>(
    cx: &'a Context,
    purpose: CodePurpose,
    code: &OneTimeCode,
    owner: UserId,
) -> Result<Option<UserTx<'a>>, Failure> {
    let Some((mut tx, password_hash)) = cx.begin().await?.lock_credentials(owner).await? else {
        return Ok(None);
    };
    let hash = cx.services.codes.hash(purpose, code);
    let binding = tx.redeem_code(hash, purpose).await?;
    let is_bound = binding.is_some_and(|binding| is_bound_to(cx, purpose, tx.user(), &password_hash, &binding));
    Ok(is_bound.then_some(tx))
}

fn is_bound_to(cx: &Context, purpose: CodePurpose, user: &User, password_hash: &SecretString, binding: &[u8]) -> bool {
    let (address, password_hash) = (user.email.canonical(), password_hash.expose_secret());
    let expected = cx.services.codes.binding(purpose, address, password_hash);
    user.status == UserStatus::Active && same_binding(&expected, binding)
}
