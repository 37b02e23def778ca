//! Mailed codes: made with the mail that brings them, and recognised when they come back.

use time::OffsetDateTime;

use super::{Auth, Failure};
use crate::domain::code::{CodePurpose, OneTimeCode};
use crate::domain::email;
use crate::domain::ids::uuid_v7;
use crate::domain::letter::{Letter, LetterKind};
use crate::domain::origin::Origin;
use crate::domain::user::{User, UserStatus};
use crate::limits::{Identifier, Limited};
use crate::security::email_messages::encrypt_message;
use crate::security::one_time_code::same_binding;
use crate::store::{NewCode, NewMail, StoredCode, Tx};

/// Who gets a code.
pub(super) struct Reader<'a> {
    /// The account, locked.
    pub(super) user: &'a User,
    /// The hash of its password as it is now.
    pub(super) password_hash: &'a str,
}

/// Whether a mail may go to an address: nobody fills somebody else's mailbox. Asking counts, whether or not it is anybody's.
pub(super) async fn may_mail(auth: &Auth, origin: &Origin, canonical: &str) -> bool {
    let key = Identifier::new(auth.secret.identifier_hash(canonical)).to_string();
    let now = auth.clock.now();
    auth.mail.delivers
        && auth
            .limits
            .reserve(Limited::MailAddress, &key, origin.ip, now)
            .await
            .is_ok()
}

/// Makes a code and the mail that brings it. Without a reader the same work is done, and nobody gets anything.
pub(super) async fn issue(
    auth: &Auth,
    tx: &mut Tx<'_>,
    purpose: CodePurpose,
    reader: Option<&Reader<'_>>,
) -> Result<(), Failure> {
    let code = OneTimeCode::generate(&*auth.random);
    let address = reader.map_or("", |reader| reader.user.email.as_str());
    let password_hash = reader.map_or("", |reader| reader.password_hash);
    let new = NewCode {
        hash: auth.codes.hash(purpose, &code),
        purpose,
        user: reader.map(|reader| reader.user.id),
        binding: auth.codes.binding(purpose, &email::canonical(address), password_hash),
        expires_at: tx.now() + auth.mail.code_ttl,
    };
    tx.put_code(new).await?;
    let letter = Letter {
        to: address.to_owned(),
        name: reader.and_then(|reader| reader.user.name.clone()),
        code: code.text().as_str().into(),
        minutes: auth.mail.code_ttl.whole_minutes().unsigned_abs(),
    };
    let id = uuid_v7(tx.now(), &*auth.random);
    let kind = match purpose {
        CodePurpose::EmailVerification => LetterKind::VerifyEmail,
        CodePurpose::PasswordReset => LetterKind::ResetPassword,
    };
    let mail = NewMail {
        id,
        kind,
        recipient: reader.map(|reader| reader.user.id),
        sealed: encrypt_message(&auth.secret, id, kind, &letter, &*auth.random)?,
    };
    Ok(tx.post(mail).await?)
}

/// A code that may be used as far as can be seen before its owner is locked.
pub(super) async fn find(
    auth: &Auth,
    purpose: CodePurpose,
    code: &OneTimeCode,
    now: OffsetDateTime,
) -> Result<Option<StoredCode>, Failure> {
    let found = auth
        .store
        .live_code(auth.codes.hash(purpose, code), purpose, now)
        .await?;
    Ok(found.filter(|found| {
        let reader = Reader::of(&found.owner);
        is_bound_to(auth, purpose, &reader, &found.binding)
    }))
}

/// Uses up a code of a locked user; false when it is no good (any more).
pub(super) async fn redeem(
    auth: &Auth,
    tx: &mut Tx<'_>,
    purpose: CodePurpose,
    code: &OneTimeCode,
    reader: &Reader<'_>,
) -> Result<bool, Failure> {
    let hash = auth.codes.hash(purpose, code);
    let binding = tx.take_code(hash, purpose, reader.user.id).await?;
    Ok(binding.is_some_and(|binding| is_bound_to(auth, purpose, reader, &binding)))
}

impl<'a> Reader<'a> {
    pub(super) fn of(credentials: &'a crate::store::Credentials) -> Self {
        use secrecy::ExposeSecret as _;
        Self {
            user: &credentials.user,
            password_hash: credentials.password_hash.expose_secret(),
        }
    }
}

fn is_bound_to(auth: &Auth, purpose: CodePurpose, reader: &Reader<'_>, binding: &[u8]) -> bool {
    let now = auth
        .codes
        .binding(purpose, &email::canonical(&reader.user.email), reader.password_hash);
    reader.user.status == UserStatus::Active && same_binding(&now, binding)
}
