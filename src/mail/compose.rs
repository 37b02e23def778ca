//! From a letter to a message: templates, links and headers.

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::MailError;
use super::templates::{Rendered, Templates, Values};
use crate::config::Settings;
use crate::domain::email_message::{EmailKind, EmailMessage};

/// Why a letter can't become a message: no other try will do better.
#[derive(Debug, thiserror::Error)]
pub(super) enum ComposeError {
    /// A template failed.
    #[error(transparent)]
    Template(#[from] MailError),
    /// The recipient is no address to a mail server.
    #[error("the recipient's address cannot be used")]
    Address(#[from] lettre::address::AddressError),
    /// The message has no valid form.
    #[error("the message cannot be written")]
    Message(#[from] lettre::error::Error),
}

/// Writes messages.
pub(super) struct Composer {
    templates: Templates,
    from: Mailbox,
    product: String,
    verify_url: String,
    reset_url: String,
}

impl Composer {
    /// As configured: links begin with `http.public_url`, whatever a request said its host was.
    ///
    /// # Errors
    /// [`MailError`].
    pub(super) fn new(settings: &Settings) -> Result<Self, MailError> {
        let mail = &settings.mail;
        let url = |path: &str| format!("{}{path}", settings.http.public_url.trim_end_matches('/'));
        Ok(Self {
            templates: Templates::load(mail.templates.as_deref())?,
            from: mail.from.parse().map_err(MailError::From)?,
            product: mail.product.clone(),
            verify_url: url(&mail.verify_path),
            reset_url: url(&mail.reset_path),
        })
    }

    /// The texts of a mail.
    pub(super) fn texts(&self, kind: EmailKind, letter: &EmailMessage) -> Result<Rendered, MailError> {
        let page = match kind {
            EmailKind::VerifyEmail => &self.verify_url,
            EmailKind::ResetPassword => &self.reset_url,
        };
        // Browsers keep what follows `#` to themselves: the code reaches no server's log and no `Referer`.
        let link = Zeroizing::new(format!("{page}#code={}", letter.code.expose_secret()));
        let values = Values {
            product: &self.product,
            name: letter.name.as_deref(),
            code: letter.code.expose_secret(),
            link: &link,
            minutes: letter.minutes,
        };
        self.templates.render(kind, &values)
    }

    /// The message of row `id`: whenever it is composed, the same one, so that a second copy can be recognised.
    pub(super) fn message(
        &self,
        id: Uuid,
        kind: EmailKind,
        letter: &EmailMessage,
        written: OffsetDateTime,
    ) -> Result<Message, ComposeError> {
        let texts = self.texts(kind, letter)?;
        let mut message = Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .date(SystemTime::from(written))
            .from(self.from.clone())
            .to(Mailbox::new(None, letter.to.parse()?))
            .subject(texts.subject)
            .multipart(MultiPart::alternative_plain_html(texts.text, texts.html))?;
        // Nobody's holiday notice should answer it (RFC 3834).
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message
            .headers_mut()
            .insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(message)
    }
}
