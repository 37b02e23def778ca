//! The templates: files for the subject, the text and the HTML of every kind of email.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, context, escape_formatter};

use super::MailError;
use crate::domain::email_message::EmailKind;

/// The templates of the program, by the names of their files.
const EMBEDDED: [(&str, &str); 6] = [
    ("verify_email.subject.txt", include_str!("templates/verify_email.subject.txt")),
    ("verify_email.txt", include_str!("templates/verify_email.txt")),
    ("verify_email.html", include_str!("templates/verify_email.html")),
    ("reset_password.subject.txt", include_str!("templates/reset_password.subject.txt")),
    ("reset_password.txt", include_str!("templates/reset_password.txt")),
    ("reset_password.html", include_str!("templates/reset_password.html")),
];

pub(super) struct Values<'a> {
    pub(super) product: &'a str,
    /// The display name of the account.
    pub(super) name: Option<&'a str>,
    pub(super) code: &'a str,
    /// The URL of the page that takes the code, with the code.
    pub(super) link: &'a str,
    /// The lifetime of the code.
    pub(super) minutes: u64,
}

pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

pub(super) struct Templates(Environment<'static>);

/// A template is not valid, or uses a variable that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("the mail template {name} cannot be used")]
pub struct TemplateError {
    /// The name of the file.
    name: String,
    source: minijinja::Error,
}

impl Templates {
    /// Load the embedded templates, or the files in `directory` that replace them. Each is rendered
    /// once, so that a mistake is found at the start and not when a recipient waits for an email.
    pub(super) fn load(directory: Option<&Path>) -> Result<Self, MailError> {
        // A file may be missing there, but a directory that is missing is a mistake.
        if let Some(path) = directory.filter(|path| !path.is_dir()) {
            return Err(MailError::File { path: path.to_owned(), source: ErrorKind::NotFound.into() });
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(write);
        for (name, embedded) in EMBEDDED {
            let replacement = directory.map_or(Ok(None), |directory| read(&directory.join(name)))?;
            let source = replacement.unwrap_or_else(|| embedded.to_owned());
            environment
                .add_template_owned(name, source)
                .map_err(|source| template_error(name, source))?;
        }
        let templates = Self(environment);
        for kind in [EmailKind::VerifyEmail, EmailKind::ResetPassword] {
            for name in [None, Some("Ada")] {
                templates.render(kind, &Values { name, ..Values::SAMPLE })?;
            }
        }
        Ok(templates)
    }

    /// Fill in the templates of a kind of email. In HTML every value is escaped.
    ///
    /// # Errors
    /// [`TemplateError`]; not expected, since [`load`](Self::load) renders each template.
    pub(super) fn render(&self, kind: EmailKind, values: &Values<'_>) -> Result<Rendered, TemplateError> {
        let subject = self.fill(&format!("{kind}.subject.txt"), values)?;
        Ok(Rendered {
            subject: one_line(&subject),
            text: self.fill(&format!("{kind}.txt"), values)?,
            html: self.fill(&format!("{kind}.html"), values)?,
        })
    }

    fn fill(&self, name: &str, values: &Values<'_>) -> Result<String, TemplateError> {
        let filled = self.0.get_template(name).and_then(|template| {
            template.render(context! {
                product => values.product,
                name => values.name,
                code => values.code,
                link => values.link,
                minutes => values.minutes,
            })
        });
        filled.map_err(|source| template_error(name, source))
    }
}

impl Values<'static> {
    const SAMPLE: Self = Self {
        product: "Watchword",
        name: None,
        code: "wmc_sample",
        link: "https://auth.example.com/#code=wmc_sample",
        minutes: 30,
    };
}

/// Write a value. In HTML, what has a meaning there is escaped and nothing else: with a slash as
/// `&#x2f;`, which the library writes too, some programs do not recognize a link.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    let text = match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Html, Some(text)) if !value.is_safe() => text,
        _ => return escape_formatter(out, state, value),
    };
    for c in text.chars() {
        match c {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            c => out.write_char(c)?,
        }
    }
    Ok(())
}

/// A line break in a name must not begin another header.
fn one_line(text: &str) -> String {
    let words: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn template_error(name: &str, source: minijinja::Error) -> TemplateError {
    let name = name.to_owned();
    TemplateError { name, source }
}

fn read(path: &Path) -> Result<Option<String>, MailError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(MailError::File { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_in_html_and_subjects_have_one_line() {
        let templates = Templates::load(None).unwrap();
        let values = Values {
            name: Some("<b>Ada</b>\r\nBcc: eve@example.com"),
            ..Values::SAMPLE
        };
        let rendered = templates.render(EmailKind::ResetPassword, &values).unwrap();
        assert!(
            rendered.html.contains("&lt;b&gt;Ada") && !rendered.html.contains("<b>"),
            "{}",
            rendered.html
        );
        assert!(rendered.html.contains(&format!("\"{}\"", Values::SAMPLE.link)), "{}", rendered.html);
        assert!(rendered.text.contains("<b>Ada</b>"), "{}", rendered.text);
        assert_eq!(one_line("Hello Ada\r\nBcc: eve@example.com\n"), "Hello Ada Bcc: eve@example.com");
    }

    #[test]
    fn a_directory_replaces_the_templates_that_it_has() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("verify_email.subject.txt");
        fs::write(&path, "Willkommen bei {{ product }}").unwrap();
        let templates = Templates::load(Some(directory.path())).unwrap();
        let rendered = templates.render(EmailKind::VerifyEmail, &Values::SAMPLE).unwrap();
        assert_eq!(rendered.subject, "Willkommen bei Watchword");
        assert!(rendered.text.contains("Please confirm"));

        for broken in ["{{ product", "{{ not_a_value }}"] {
            fs::write(&path, broken).unwrap();
            assert!(Templates::load(Some(directory.path())).is_err(), "{broken}");
        }
    }
}
