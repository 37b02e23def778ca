//! An address of `PostgreSQL`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded::Serializer;

use super::{Parameter, UrlProblem, parameters};

/// An address of `PostgreSQL`. What is missing is taken from the variables of libpq (`PGHOST`), or
/// is its default.
#[derive(Clone, Debug, Default)]
pub struct PostgresUrl {
    /// A name, an address, or the directory of a socket.
    pub(super) host: Option<String>,
    pub(super) host_address: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) database: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) ssl_mode: Option<SslMode>,
    pub(super) root_certificates: Option<RootCertificates>,
    pub(super) client_certificate: Option<PathBuf>,
    pub(super) client_key: Option<PathBuf>,
    pub(super) application_name: Option<String>,
    /// Settings of the sessions.
    pub(super) options: Option<String>,
    pub(super) statement_cache_capacity: Option<u16>,
    pub(super) connect_timeout: Option<Duration>,
}

/// When TLS is used, and what is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Whose certificates are trusted besides those of the system's authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootCertificates {
    System,
    File(PathBuf),
}

impl PostgresUrl {
    pub(super) fn from_parameters(given: &[Parameter]) -> Result<Self, UrlProblem> {
        let mut url = Self::default();
        for (name, value) in given {
            // For libpq an empty value is none.
            if !value.is_empty() && !url.set(name, value)? {
                parameters::check_unused(name, value)?;
            }
        }
        url.complete()
    }

    /// Check what involves several parameters, and fill in what follows from others.
    fn complete(mut self) -> Result<Self, UrlProblem> {
        match &self.root_certificates {
            // As libpq: with the authorities of the system, the name has to be verified.
            Some(RootCertificates::System) => match *self.ssl_mode.get_or_insert(SslMode::VerifyFull) {
                SslMode::VerifyFull => {}
                _ => return Err(UrlProblem::new("sslrootcert=system requires sslmode=verify-full")),
            },
            Some(RootCertificates::File(_)) if self.ssl_mode == Some(SslMode::Require) => {
                self.ssl_mode = Some(SslMode::VerifyCa);
            }
            _ => {}
        }
        if self.client_certificate.is_some() != self.client_key.is_some() {
            return Err(UrlProblem::new("sslcert requires sslkey and the other way round: set both or neither"));
        }
        if let Some(address) = self.host_address.take() {
            // The driver verifies the name that it connects to.
            if self.host.is_some() && self.ssl_mode == Some(SslMode::VerifyFull) {
                return Err(UrlProblem::parameter(
                    "hostaddr",
                    "is not supported with sslmode=verify-full: omit it, so that the name is resolved",
                ));
            }
            self.host = Some(address);
        }
        Ok(self)
    }

    /// Check that the files can be read.
    pub(super) fn check_files(&self) -> Result<(), UrlProblem> {
        if let Some(RootCertificates::File(path)) = &self.root_certificates {
            check_pem("sslrootcert", path, "CERTIFICATE")?;
        }
        if let Some(path) = &self.client_certificate {
            check_pem("sslcert", path, "CERTIFICATE")?;
        }
        if let Some(path) = &self.client_key {
            check_pem("sslkey", path, "PRIVATE KEY")?;
        }
        Ok(())
    }

    /// The address in the form of the driver.
    #[must_use]
    pub fn for_driver(&self) -> SecretString {
        let start = String::from("postgres:///?");
        let length = start.len();
        let mut query = Serializer::for_suffix(start, length);
        let text = |value: &Option<String>| value.clone();
        let path = |value: &Option<PathBuf>| value.as_ref().map(|path| path.display().to_string());
        let root = match &self.root_certificates {
            Some(RootCertificates::File(path)) => Some(path.display().to_string()),
            Some(RootCertificates::System) | None => None,
        };
        for (name, value) in [
            ("host", text(&self.host)),
            ("port", self.port.map(|port| port.to_string())),
            ("dbname", text(&self.database)),
            ("user", text(&self.user)),
            ("sslmode", self.ssl_mode.map(|mode| mode.to_string())),
            ("sslrootcert", root),
            ("sslcert", path(&self.client_certificate)),
            ("sslkey", path(&self.client_key)),
            ("options", text(&self.options)),
            (
                "statement-cache-capacity",
                self.statement_cache_capacity.map(|capacity| capacity.to_string()),
            ),
        ] {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        }
        if let Some(password) = &self.password {
            query.append_pair("password", password.expose_secret());
        }
        SecretString::from(query.finish())
    }

    #[must_use]
    pub const fn ssl_mode(&self) -> Option<SslMode> {
        self.ssl_mode
    }

    #[must_use]
    pub const fn root_certificates(&self) -> Option<&RootCertificates> {
        self.root_certificates.as_ref()
    }

    #[must_use]
    pub fn application_name(&self) -> Option<&str> {
        self.application_name.as_deref()
    }

    #[must_use]
    pub const fn connect_timeout(&self) -> Option<Duration> {
        self.connect_timeout
    }
}

impl SslMode {
    /// Parse the name that libpq gives it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            // Without TLS first or with it: both work where either does.
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

/// Check that a file has a PEM block.
fn check_pem(name: &str, path: &Path, label: &str) -> Result<(), UrlProblem> {
    let shown = path.display();
    let text = fs::read(path).map_err(|error| UrlProblem(format!("{name}: cannot read {shown}: {error}")))?;
    let text = String::from_utf8_lossy(&text);
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        return Err(UrlProblem(format!("{name}: the key in {shown} has a password, which is not supported")));
    }
    let end = format!("{label}-----");
    let is_begin = |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&end);
    if text.lines().any(is_begin) {
        Ok(())
    } else {
        Err(UrlProblem(format!("{name}: {shown} has no PEM block {label}")))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::super::DatabaseUrl;
    use super::{PostgresUrl, RootCertificates, SslMode};

    fn postgres(text: &str) -> PostgresUrl {
        match DatabaseUrl::parse(text) {
            Ok(DatabaseUrl::Postgres(url)) => *url,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn both_forms_lead_to_the_same_address() {
        let uri = postgres("postgresql://w:p%40ss@%2Frun%2Fpg:5433/auth?sslmode=require&options=-c%20search_path%3Dw");
        let words = postgres(
            "host=/run/pg port=5433 user=w password=p@ss dbname=auth sslmode=require options='-c search_path=w'",
        );
        let expected = "postgres:///?host=%2Frun%2Fpg&port=5433&dbname=auth&user=w&sslmode=require&\
                        options=-c+search_path%3Dw&password=p%40ss";
        assert_eq!(uri.for_driver().expose_secret(), expected);
        assert_eq!(words.for_driver().expose_secret(), expected);
        assert!(!format!("{uri:?}").contains("p@ss"));
    }

    #[test]
    fn a_socket_may_be_named_by_its_file() {
        let url = postgres("postgres://w@/auth?host=/run/pg/.s.PGSQL.5433");
        assert_eq!(
            url.for_driver().expose_secret(),
            "postgres:///?host=%2Frun%2Fpg&port=5433&dbname=auth&user=w"
        );
    }

    #[test]
    fn certificates_decide_what_is_verified_as_in_libpq() {
        let system = postgres("postgres://db/auth?sslrootcert=system");
        assert_eq!(system.ssl_mode(), Some(SslMode::VerifyFull));
        assert_eq!(system.root_certificates(), Some(&RootCertificates::System));
        assert!(!system.for_driver().expose_secret().contains("sslrootcert"));
        let file = postgres("postgres://db/auth?sslmode=require&sslrootcert=/ca.pem");
        assert_eq!(file.ssl_mode(), Some(SslMode::VerifyCa));
        assert_eq!(postgres("postgres://db/auth?sslmode=allow").ssl_mode(), Some(SslMode::Prefer));
        assert_eq!(postgres("postgres://db/auth?ssl=true").ssl_mode(), Some(SslMode::Require));
    }

    #[test]
    fn what_libpq_knows_and_is_without_effect_here_is_accepted() {
        let url = postgres(
            "postgres://w@db/auth?channel_binding=require&keepalives_idle=5&tcp_user_timeout=9&connect_timeout=3&\
             target_session_attrs=read-write&gssencmode=disable&client_encoding=utf8&sslcompression=0&sslsni=1&\
             ssl_min_protocol_version=TLSv1.2&application_name=w1&passfile=",
        );
        assert_eq!(url.connect_timeout().map(|wait| wait.as_secs()), Some(3));
        assert_eq!(url.application_name(), Some("w1"));
    }

    #[test]
    fn what_is_not_honored_is_refused_by_name_and_without_its_value() {
        for (text, named) in [
            ("postgres://w@db/auth?sslpassword=CANARY", "sslpassword"),
            ("postgres://w@db/auth?passfile=/CANARY", "PGPASSFILE"),
            ("postgres://w@db/auth?service=CANARY", "service"),
            ("postgres://w@db/auth?sslcrl=CANARY", "sslcrl"),
            ("postgres://w@db/auth?require_auth=CANARY", "require_auth"),
            ("postgres://w@db/auth?target_session_attrs=standby", "target_session_attrs"),
            ("postgres://w@db/auth?gssencmode=require", "gssencmode"),
            ("postgres://w@db/auth?sslmode=CANARY", "sslmode"),
            ("postgres://w@db/auth?sslmode=prefer&sslrootcert=system", "verify-full"),
            ("postgres://w@db/auth?sslcert=/CANARY", "sslkey"),
            ("postgres://w@db/auth?schema=CANARY", "search_path"),
            ("postgres://w@db/auth?pgbouncer=true", "pgbouncer"),
            ("postgres://w@db/auth?connection_limit=1", "database.max_connections"),
            ("postgres://w@db/auth?CANARY", "has no value"),
            ("postgres://w@db/auth?wrong=CANARY", "wrong"),
            ("postgres://a,b/auth", "several hosts"),
            ("postgres://a:1,b:2/auth", "several hosts"),
            ("postgres://w@db:CANARY/auth", "port"),
            ("host=db port=CANARY", "port"),
            ("host=db CANARY", "="),
            ("mysql://w:CANARY@db/auth", "postgres://"),
            ("jdbc:postgresql://db/auth?password=CANARY", "postgres://"),
            ("CANARY", "postgres://"),
            ("", "postgres://"),
        ] {
            let problem = DatabaseUrl::parse(text).unwrap_err().to_string();
            assert!(problem.contains(named) && !problem.contains("CANARY"), "{text}: {problem}");
        }
    }
}
