//! The parameters of libpq, and some that other drivers know: which of them are honored, which are
//! without effect here, and what to do about the others.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::{PostgresUrl, RootCertificates, SslMode, UrlProblem};

/// What changes nothing here, with the values for which that is true; none means all.
const WITHOUT_EFFECT: &[(&str, &[&str])] = &[
    // TLS with a verified certificate gives what it is for.
    ("channel_binding", &[]),
    ("client_encoding", &["utf8", "utf-8", "unicode", "auto"]),
    ("gssdelegation", &[]),
    ("gssencmode", &["disable", "prefer"]),
    ("gsslib", &[]),
    // Statements and waits have bounds of their own.
    ("keepalives", &[]),
    ("keepalives_count", &[]),
    ("keepalives_idle", &[]),
    ("keepalives_interval", &[]),
    ("krbsrvname", &[]),
    ("load_balance_hosts", &[]),
    ("max_protocol_version", &["3.0", "3.2", "latest"]),
    ("min_protocol_version", &["3.0"]),
    ("replication", &["false", "off", "no", "0"]),
    ("ssl_max_protocol_version", &["tlsv1.3"]),
    ("ssl_min_protocol_version", &["tlsv1", "tlsv1.1", "tlsv1.2"]),
    ("sslcertmode", &["allow"]),
    ("sslcompression", &[]),
    ("sslnegotiation", &["postgres"]),
    ("sslsni", &[]),
    // A hint for other programs in the addresses of a hosting service.
    ("supa", &[]),
    // A server that takes no writes is left anyway.
    ("target_session_attrs", &["any", "read-write", "primary"]),
    ("tcp_user_timeout", &[]),
];

/// What to do about parameters that are not honored.
const REMEDIES: &[(&str, &str)] = &[
    ("connection_limit", "use database.max_connections"),
    ("currentSchema", "use options=-c%20search_path%3DNAME"),
    ("max_connections", "use database.max_connections"),
    ("passfile", "set the variable PGPASSFILE, or database.url_file"),
    ("pgbouncer", "omit it; a pooler has to be in session mode"),
    ("pool_max_conns", "use database.max_connections"),
    ("pool_size", "use database.max_connections"),
    ("pool_timeout", "use database.acquire_timeout"),
    ("schema", "use options=-c%20search_path%3DNAME"),
    ("search_path", "use options=-c%20search_path%3DNAME"),
    ("service", "write out what it stands for"),
    ("sslpassword", "use a key without a password in sslkey"),
    ("statement_timeout", "use database.statement_timeout"),
];

impl PostgresUrl {
    /// Take a parameter that is honored. Return whether it is one.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<bool, UrlProblem> {
        match name {
            "host" => self.set_host(value)?,
            "hostaddr" => self.host_address = Some(host_address(value)?),
            "port" => self.port = Some(port(value)?),
            "dbname" => self.database = Some(value.to_owned()),
            "user" => self.user = Some(value.to_owned()),
            "password" => self.password = Some(SecretString::from(value)),
            "application_name" => self.application_name = Some(value.to_owned()),
            "fallback_application_name" => {
                self.application_name.get_or_insert_with(|| value.to_owned());
            }
            "options" => self.add_option(value),
            "connect_timeout" => self.connect_timeout = connect_timeout(value)?,
            "statement-cache-capacity" => {
                let capacity =
                    value.parse().map_err(|_| UrlProblem::parameter(name, "must be a number up to 65535"))?;
                self.statement_cache_capacity = Some(capacity);
            }
            _ => match name.strip_prefix("options[").and_then(|rest| rest.strip_suffix(']')) {
                Some(setting) => self.add_option(&format!("-c {setting}={}", escaped(value))),
                None => return self.set_tls(name, value),
            },
        }
        Ok(true)
    }

    fn set_tls(&mut self, name: &str, value: &str) -> Result<bool, UrlProblem> {
        let modes = "must be disable, allow, prefer, require, verify-ca or verify-full";
        match (name, value) {
            ("sslmode" | "ssl-mode", _) => {
                let mode = SslMode::parse(value).ok_or_else(|| UrlProblem::parameter(name, modes))?;
                self.ssl_mode = Some(mode);
            }
            ("ssl", "true") | ("requiressl", "1") => self.ssl_mode = Some(SslMode::Require),
            ("ssl", _) => return Err(UrlProblem::parameter(name, "must be true; or use sslmode")),
            ("requiressl", "0") => {}
            ("requiressl", _) => return Err(UrlProblem::parameter(name, "must be 0 or 1; or use sslmode")),
            ("sslrootcert" | "ssl-root-cert" | "ssl-ca", "system") => {
                self.root_certificates = Some(RootCertificates::System);
            }
            ("sslrootcert" | "ssl-root-cert" | "ssl-ca", _) => {
                self.root_certificates = Some(RootCertificates::File(PathBuf::from(value)));
            }
            ("sslcert" | "ssl-cert", _) => self.client_certificate = Some(PathBuf::from(value)),
            ("sslkey" | "ssl-key", _) => self.client_key = Some(PathBuf::from(value)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Take a host: also the path of a socket, though libpq wants its directory.
    fn set_host(&mut self, value: &str) -> Result<(), UrlProblem> {
        match value.rsplit_once("/.s.PGSQL.") {
            Some((directory, number)) if directory.starts_with('/') => {
                self.port.get_or_insert(port(number)?);
                self.host = Some(directory.to_owned());
            }
            _ => self.host = Some(host(value)?),
        }
        Ok(())
    }

    fn add_option(&mut self, option: &str) {
        let options = self.options.get_or_insert_default();
        if !options.is_empty() {
            options.push(' ');
        }
        options.push_str(option);
    }
}

/// Refuse a parameter, unless it is without effect here.
pub(super) fn check_unused(name: &str, value: &str) -> Result<(), UrlProblem> {
    if let Some((_, values)) = WITHOUT_EFFECT.iter().find(|(known, _)| *known == name) {
        let is_fine = values.is_empty() || values.iter().any(|fine| fine.eq_ignore_ascii_case(value));
        let problem = || UrlProblem::parameter(name, &format!("is only supported as {}", values.join(" or ")));
        return if is_fine { Ok(()) } else { Err(problem()) };
    }
    let remedy = REMEDIES.iter().find(|(known, _)| *known == name).map(|(_, remedy)| *remedy);
    let problem = remedy.map_or_else(|| "is not supported".to_owned(), |remedy| format!("is not supported: {remedy}"));
    Err(UrlProblem::parameter(name, &problem))
}

fn host(value: &str) -> Result<String, UrlProblem> {
    if value.contains(',') {
        return Err(UrlProblem::new(
            "several hosts are not supported: give the address that leads to the primary, for example one of a proxy",
        ));
    }
    if value.starts_with('@') {
        return Err(UrlProblem::parameter("host", "begins with @, but abstract sockets are not supported"));
    }
    Ok(value.to_owned())
}

fn host_address(value: &str) -> Result<String, UrlProblem> {
    match value.parse::<IpAddr>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => Err(UrlProblem::parameter("hostaddr", "must be one IP address")),
    }
}

fn port(value: &str) -> Result<u16, UrlProblem> {
    let port = value.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| UrlProblem::new("the port is not a number from 1 to 65535"))
}

/// libpq waits without end for 0 and less; here a connection always has a bound.
fn connect_timeout(value: &str) -> Result<Option<Duration>, UrlProblem> {
    let seconds: i32 = value
        .parse()
        .map_err(|_| UrlProblem::parameter("connect_timeout", "must be a number of seconds"))?;
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
    Ok(seconds.map(Duration::from_secs))
}

/// A value among options, where spaces and backslashes have a meaning.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace(' ', "\\ ")
}
