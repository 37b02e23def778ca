//! What goes wrong when a connection to `PostgreSQL` opens, in words for the operator.

use std::io::ErrorKind;

use crate::store::OpenError;
use crate::store::database::{AsynchronousCommit, Server};

impl OpenError {
    pub(super) fn of_connection(server: &Server, error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Configuration(source) if source.is::<AsynchronousCommit>() => Self::AsynchronousCommit,
            sqlx::Error::Configuration(_) => Self::TransactionPooler,
            sqlx::Error::Tls(_) => Self::Tls { server: server.display(), source: error },
            sqlx::Error::Io(io) if io.kind() == ErrorKind::InvalidData => {
                Self::Tls { server: server.display(), source: error }
            }
            sqlx::Error::Database(answer) => {
                let remedy = answer.code().and_then(|code| remedy(server, &code, answer.message()));
                match remedy {
                    Some(remedy) => Self::Refused {
                        server: server.display(),
                        user: server.user().to_owned(),
                        problem: answer.message().to_owned(),
                        remedy,
                    },
                    None => Self::Unreachable { server: server.display(), source: error },
                }
            }
            _ => Self::Unreachable { server: server.display(), source: error },
        }
    }
}

/// What to do about an answer that does not change by itself.
fn remedy(server: &Server, code: &str, message: &str) -> Option<String> {
    let (user, database) = (quoted(server.user()), quoted(server.database()));
    if message.contains("startup parameter") {
        return Some(
            "A pooler is between: allow the parameter there (ignore_startup_parameters of PgBouncer), or connect to \
             PostgreSQL itself"
                .to_owned(),
        );
    }
    Some(match code {
        "28P01" => format!("Correct the password in database.url, or set it with: ALTER ROLE {user} PASSWORD '…'"),
        "28000" => format!(
            "Create the role if it is missing (CREATE ROLE {user} LOGIN PASSWORD '…'), or let it in by pg_hba.conf"
        ),
        "3D000" => format!("Create the database with: CREATE DATABASE {database} OWNER {user} ENCODING 'UTF8'"),
        "42501" => format!("As the owner of the database, run: GRANT CONNECT ON DATABASE {database} TO {user}"),
        _ => return None,
    })
}

/// A name as `PostgreSQL` writes it in a statement.
fn quoted(name: &str) -> String {
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_plain && !name.starts_with(|c: char| c.is_ascii_digit()) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}
