//! `--from --to --subject --user`, the same for every command that reads events.

use clap::Args;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;
use watchword_events::CATALOGUE;

use crate::app::AppError;
use crate::app::commands::events::Selection;

/// Filters of events by time, subject and user.
#[derive(Debug, Args)]
pub(super) struct SelectionArgs {
    /// Only events at or after this time, for example 2026-11-22T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<OffsetDateTime>,
    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<OffsetDateTime>,
    #[command(flatten)]
    about: AboutArgs,
}

/// Filters of events by subject and user.
#[derive(Debug, Args)]
pub(super) struct AboutArgs {
    /// Only events with this subject, for example logged_in; can be repeated
    #[arg(long = "subject", value_name = "SUBJECT", value_parser = subject)]
    subjects: Vec<&'static str>,
    /// Only events about this user; can be repeated
    #[arg(long = "user", value_name = "ID")]
    users: Vec<Uuid>,
}

impl SelectionArgs {
    /// # Errors
    /// [`AppError::Argument`] if `--to` is not later than `--from`.
    pub(super) fn parse(self) -> Result<Selection, AppError> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return Err(AppError::argument("--to", "must be later than --from"));
        }
        Ok(Selection { from: self.from, to: self.to, ..self.about.parse() })
    }
}

impl AboutArgs {
    pub(super) fn parse(self) -> Selection {
        Selection {
            subjects: self.subjects,
            users: self.users,
            ..Selection::default()
        }
    }
}

pub(super) fn time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "use an RFC 3339 time, for example 2026-11-22T12:00:00Z".to_owned())
}

fn subject(text: &str) -> Result<&'static str, String> {
    let known = CATALOGUE.iter().find(|event| text == event.name || text == event.subject);
    known.map(|event| event.subject).ok_or_else(|| {
        let names: Vec<&str> = CATALOGUE.iter().map(|event| event.name).collect();
        format!("the subjects are {} (or whole, such as auth.user.logged_in)", names.join(", "))
    })
}
