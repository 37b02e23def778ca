//! Why an email was not taken, and whether that is about this email.

use std::error::Error as _;
use std::fmt;

use lettre::transport::smtp::Error;

/// What was said to the server when it refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The connection, the greeting and EHLO.
    Greeting,
    Tls,
    Login,
    Sender,
    Recipient,
    /// Before the content is sent.
    Data,
    /// At its end.
    Message,
}

/// What ended a conversation.
#[derive(Debug)]
pub(super) enum Failure {
    Server(Stage, Error),
    /// An address needs an extension that the server does not have (RFC 6531).
    NoSmtpUtf8,
}

/// Why an email was not sent. It has numbers of the server's answer, and none of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mail) struct SendError {
    /// One of a few fixed words.
    pub(in crate::mail) reason: &'static str,
    /// Whether no mail server will ever take this email from here.
    pub(in crate::mail) is_permanent: bool,
    pub(in crate::mail) answer: Option<Answer>,
}

/// The numbers of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mail) struct Answer {
    stage: Stage,
    code: u16,
    status: Option<Status>,
}

/// An enhanced status code (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Status {
    class: u8,
    subject: u16,
    detail: u16,
}

impl Failure {
    pub(super) const fn at(stage: Stage) -> impl FnOnce(Error) -> Self {
        move |error| Self::Server(stage, error)
    }

    /// Whether the server has closed the connection before it got anything to deliver.
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Server(Stage::Sender | Stage::Recipient | Stage::Data, error) => match error.status() {
                Some(code) => u16::from(code) == 421,
                None => !error.is_client() && !error.is_timeout(),
            },
            _ => false,
        }
    }
}

impl SendError {
    pub(super) const fn timeout() -> Self {
        Self::temporary("timeout", None)
    }

    /// Nothing was sent: the email itself cannot be used.
    pub(in crate::mail) const fn of_email(reason: &'static str) -> Self {
        Self::permanent(reason, None)
    }

    const fn temporary(reason: &'static str, answer: Option<Answer>) -> Self {
        Self { reason, is_permanent: false, answer }
    }

    const fn permanent(reason: &'static str, answer: Option<Answer>) -> Self {
        Self { reason, is_permanent: true, answer }
    }
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        let (stage, error) = match failure {
            Failure::Server(stage, error) => (stage, error),
            Failure::NoSmtpUtf8 => return Self::permanent("no_smtputf8", None),
        };
        match error.status() {
            Some(code) => {
                let code = u16::from(code);
                let status = error.source().and_then(|text| Status::parse(&text.to_string()));
                of_answer(Answer { stage, code, status })
            }
            None if error.is_timeout() => Self::temporary("timeout", None),
            None if error.is_tls() => Self::temporary("tls", None),
            None if error.is_client() => Self::temporary("protocol", None),
            None => Self::temporary("connection", None),
        }
    }
}

/// What a refusal means. Only one of the recipient or of the content is about the email; all others
/// are about this service or the server, and end when an operator has changed something.
fn of_answer(answer: Answer) -> SendError {
    let Answer { stage, code, status } = answer;
    let said = Some(answer);
    match (stage, code) {
        (_, 530 | 534 | 535 | 538) => SendError::temporary("login", said),
        (_, ..500) => SendError::temporary("deferred", said),
        (Stage::Login, _) => SendError::temporary("login", said),
        (Stage::Tls, _) => SendError::temporary("tls", said),
        (Stage::Greeting | Stage::Data, _) => SendError::temporary("server", said),
        (Stage::Sender, _) => SendError::temporary("sender", said),
        (Stage::Recipient, _) if is_of_recipient(code, status) => SendError::permanent("refused", said),
        (Stage::Recipient, _) => SendError::temporary("server", said),
        (Stage::Message, _) => SendError::permanent("refused", said),
    }
}

/// Whether a refusal of RCPT is about the recipient. Many servers say there what they have against
/// the client, its greeting or the sender.
const fn is_of_recipient(code: u16, status: Option<Status>) -> bool {
    match status {
        // The address of the sender.
        Some(Status { subject: 1, detail: 7 | 8, .. }) => false,
        // Addresses and mailboxes; routing to the domain of the recipient.
        Some(Status { subject: 1 | 2 | 4, .. }) => true,
        // Security and policy, such as a client that may not relay; the protocol; the system.
        Some(Status { subject: 3 | 5 | 7, .. }) => false,
        // No mailbox, not local, full, not allowed, no mail is accepted there.
        _ => matches!(code, 550..=554 | 556),
    }
}

impl Status {
    /// Parse the beginning of an answer, such as `5.1.1 no such user`.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().next()?.split('.');
        let mut next = || numbers.next()?.parse::<u16>().ok();
        let (class, subject, detail) = (next()?, next()?, next()?);
        let class = u8::try_from(class).ok().filter(|class| matches!(class, 2 | 4 | 5))?;
        numbers.next().is_none().then_some(Self { class, subject, detail })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, code, status } = self;
        let stage = match stage {
            Stage::Greeting => "greeting",
            Stage::Tls => "STARTTLS",
            Stage::Login => "AUTH",
            Stage::Sender => "MAIL",
            Stage::Recipient => "RCPT",
            Stage::Data => "DATA",
            Stage::Message => "end of DATA",
        };
        write!(f, "{code}")?;
        if let Some(Status { class, subject, detail }) = status {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        write!(f, " at {stage}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(stage: Stage, code: u16, text: &str) -> (bool, &'static str) {
        let error = of_answer(Answer { stage, code, status: Status::parse(text) });
        (error.is_permanent, error.reason)
    }

    #[test]
    fn only_the_recipient_and_the_content_give_an_email_up() {
        for (stage, code, text, expected) in [
            (Stage::Recipient, 550, "5.1.1 no such user", (true, "refused")),
            (Stage::Recipient, 550, "no such user", (true, "refused")),
            (Stage::Recipient, 552, "5.2.2 the mailbox is full", (true, "refused")),
            (Stage::Recipient, 556, "5.1.10 the domain takes no mail", (true, "refused")),
            (Stage::Recipient, 550, "5.4.1 access denied", (true, "refused")),
            (Stage::Recipient, 450, "4.2.0 greylisted", (false, "deferred")),
            (Stage::Recipient, 504, "5.5.2 <vm>: a full name is wanted", (false, "server")),
            (Stage::Recipient, 554, "5.7.1 relay access denied", (false, "server")),
            (Stage::Recipient, 550, "5.7.1 blocked using a list", (false, "server")),
            (Stage::Recipient, 550, "5.1.8 the domain of the sender", (false, "server")),
            (Stage::Recipient, 530, "5.7.0 authentication required", (false, "login")),
            (Stage::Message, 550, "5.7.1 spam", (true, "refused")),
            (Stage::Message, 552, "too large", (true, "refused")),
            (Stage::Message, 452, "4.3.1 no space", (false, "deferred")),
            (Stage::Greeting, 554, "5.3.2 not now", (false, "server")),
            (Stage::Greeting, 421, "4.3.2 busy", (false, "deferred")),
            (Stage::Sender, 550, "5.7.1 not your address", (false, "sender")),
            (Stage::Data, 554, "5.5.1 no", (false, "server")),
            (Stage::Login, 535, "5.7.8 wrong", (false, "login")),
            (Stage::Login, 504, "5.7.4 no such mechanism", (false, "login")),
            (Stage::Login, 454, "4.7.0 later", (false, "deferred")),
        ] {
            assert_eq!(meant(stage, code, text), expected, "{stage:?} {code} {text}");
        }
    }

    #[test]
    fn a_status_is_read_at_the_beginning_alone() {
        assert_eq!(Status::parse("5.1.10 no"), Some(Status { class: 5, subject: 1, detail: 10 }));
        for text in [
            "",
            "no 5.1.1",
            "5.1",
            "5.1.1.1 x",
            "1.2.3.4",
            "6.0.0 x",
            "192.0.2.1 is blocked",
        ] {
            assert_eq!(Status::parse(text), None, "{text}");
        }
    }
}
