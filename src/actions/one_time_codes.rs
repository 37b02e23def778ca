//! Mailed codes: made with the mail that brings them, and recognised when they come back.

use time::OffsetDateTime;

use super::{Failure, Services};
use crate::domain::email_message::{EmailKind, EmailMessage};
use crate::domain::ids::uuid_v7;
use crate::domain::one_time_code::{CodePurpose, OneTimeCode};
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::{User, UserStatus, email};
use crate::limits::{Identifier, RateLimit};
use crate::security::letters::{same_binding, seal_letter};
use crate::store::{NewCode, NewMail, StoredCode, Tx};

/// Who gets a code.
pub(super) struct Recipient<'a> {
    /// The account, locked.
    pub(super) user: &'a User,
    /// The hash of its password as it is now.
    pub(super) password_hash: &'a str,
}

/// Whether a mail may go to an address: nobody fills somebody else's mailbox. Asking counts, whether or not it is anybody's.
pub(super) async fn may_mail(services: &Services, request: &RequestMetadata, canonical: &str) -> bool {
    let key = Identifier::new(services.secret.identifier_hash(canonical)).to_string();
    let now = services.clock.now();
    services.mail.delivers
        && services
            .limits
            .charge(RateLimit::MailAddress, &key, request.ip, now)
            .await
            .is_ok()
}

/// Makes a code and the mail that brings it. Without a recipient the same work is done, and nobody gets anything.
pub(super) async fn issue(
    services: &Services,
    tx: &mut Tx<'_>,
    purpose: CodePurpose,
    recipient: Option<&Recipient<'_>>,
) -> Result<(), Failure> {
    let code = OneTimeCode::generate(&*services.random);
    let address = recipient.map_or("", |recipient| recipient.user.email.as_str());
    let password_hash = recipient.map_or("", |recipient| recipient.password_hash);
    let new = NewCode {
        hash: services.codes.hash(purpose, &code),
        purpose,
        user: recipient.map(|recipient| recipient.user.id),
        binding: services
            .codes
            .binding(purpose, &email::canonical(address), password_hash),
        expires_at: tx.now() + services.mail.code_ttl,
    };
    tx.put_code(new).await?;
    let letter = EmailMessage {
        to: address.to_owned(),
        name: recipient.and_then(|recipient| recipient.user.name.clone()),
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
        recipient: recipient.map(|recipient| recipient.user.id),
        sealed: seal_letter(&services.secret, id, kind, &letter, &*services.random)?,
    };
    Ok(tx.enqueue_email(mail).await?)
}

/// A code that may be used as far as can be seen before its owner is locked.
pub(super) async fn find(
    services: &Services,
    purpose: CodePurpose,
    code: &OneTimeCode,
    now: OffsetDateTime,
) -> Result<Option<StoredCode>, Failure> {
    let found = services
        .store
        .live_code(services.codes.hash(purpose, code), purpose, now)
        .await?;
    Ok(found.filter(|found| {
        let recipient = Recipient::of(&found.owner);
        is_bound_to(services, purpose, &recipient, &found.binding)
    }))
}

/// Uses up a code of a locked user; false when it is no good (any more).
pub(super) async fn redeem(
    services: &Services,
    tx: &mut Tx<'_>,
    purpose: CodePurpose,
    code: &OneTimeCode,
    recipient: &Recipient<'_>,
) -> Result<bool, Failure> {
    let hash = services.codes.hash(purpose, code);
    let binding = tx.take_code(hash, purpose, recipient.user.id).await?;
    Ok(binding.is_some_and(|binding| is_bound_to(services, purpose, recipient, &binding)))
}

impl<'a> Recipient<'a> {
    pub(super) fn of(credentials: &'a crate::store::Credentials) -> Self {
        use secrecy::ExposeSecret as _;
        Self {
            user: &credentials.user,
            password_hash: credentials.password_hash.expose_secret(),
        }
    }
}

fn is_bound_to(services: &Services, purpose: CodePurpose, recipient: &Recipient<'_>, binding: &[u8]) -> bool {
    let now = services.codes.binding(
        purpose,
        &email::canonical(&recipient.user.email),
        recipient.password_hash,
    );
    recipient.user.status == UserStatus::Active && same_binding(&now, binding)
}
