//! Composing an email: templates, links and headers.

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::MailError;
use super::templates::{Rendered, TemplateError, Templates, Values};
use crate::config::Settings;
use crate::domain::email_message::{EmailKind, EmailMessage};

/// Why an email cannot be composed. A retry would fail too.
#[derive(Debug, thiserror::Error)]
pub(super) enum ComposeError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("the recipient's address cannot be used")]
    Address(#[from] lettre::address::AddressError),
    #[error("the message cannot be written")]
    Message(#[from] lettre::error::Error),
}

pub(super) struct Composer {
    templates: Templates,
    from: Mailbox,
    product: String,
    verify_url: String,
    reset_url: String,
}

impl Composer {
    /// Links begin with `http.public_url` unless the page is elsewhere, and never with the host of
    /// a request.
    pub(super) fn new(settings: &Settings) -> Result<Self, MailError> {
        let mail = &settings.mail;
        let url = |page: &str| match page.starts_with('/') {
            true => format!("{}{page}", settings.http.public_url.trim_end_matches('/')),
            false => page.to_owned(),
        };
        Ok(Self {
            templates: Templates::load(mail.templates.as_deref())?,
            from: mail.from.parse().map_err(MailError::From)?,
            product: mail.product.clone(),
            verify_url: url(&mail.verify_path),
            reset_url: url(&mail.reset_path),
        })
    }

    /// Fill in the templates of a message.
    pub(super) fn texts(&self, kind: EmailKind, message: &EmailMessage) -> Result<Rendered, TemplateError> {
        let page = match kind {
            EmailKind::VerifyEmail => &self.verify_url,
            EmailKind::ResetPassword => &self.reset_url,
        };
        // Browsers do not send what follows `#`: the code reaches no log of a server and no
        // `Referer`.
        let link = Zeroizing::new(format!("{page}#code={}", message.code.expose_secret()));
        let values = Values {
            product: &self.product,
            name: message.name.as_deref(),
            code: message.code.expose_secret(),
            link: &link,
            minutes: message.minutes,
        };
        self.templates.render(kind, &values)
    }

    /// Compose the email of row `id`. Every retry composes the same one, so that a second copy is
    /// recognized.
    pub(super) fn compose(
        &self,
        id: Uuid,
        kind: EmailKind,
        message: &EmailMessage,
        created_at: OffsetDateTime,
    ) -> Result<Message, ComposeError> {
        let texts = self.texts(kind, message)?;
        let mut email = Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .date(SystemTime::from(created_at))
            .from(self.from.clone())
            .to(Mailbox::new(None, message.to.parse()?))
            .subject(texts.subject)
            .multipart(MultiPart::alternative_plain_html(texts.text, texts.html))?;
        // Automatic replies must not answer it (RFC 3834).
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        email.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(email)
    }
}
