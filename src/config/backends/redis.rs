//! Section `redis`: the denylist and the rate limits that all instances share.

use std::path::PathBuf;
use std::time::Duration;

use redis::IntoConnectionInfo as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::loader::{
    Problems,
    checks::{between_durations, scheme_of},
    parse, redact,
};

/// The connection to Redis.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    /// `redis://…` or `rediss://…`. `None`: denylist and limits are kept in this process.
    #[serde(default, deserialize_with = "parse::secret", serialize_with = "redact::secret_url")]
    pub url: Option<SecretString>,
    /// File from which `url` was read.
    pub url_file: Option<PathBuf>,
    /// Maximum wait for one command.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl RedisSettings {
    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        if let Some(url) = &self.url
            && let Err(problem) = check_url(url.expose_secret())
        {
            problems.refuse("redis.url", problem);
        }
        between_durations(problems, "redis.timeout", self.timeout, Duration::from_millis(10), Duration::from_secs(5));
    }
}

/// Refuse what the client does not understand, or ignores. No problem has a part of the URL, which
/// may be one of the password.
fn check_url(text: &str) -> Result<(), String> {
    const SCHEMES: [&str; 7] = [
        "redis",
        "rediss",
        "valkey",
        "valkeys",
        "unix",
        "redis+unix",
        "valkey+unix",
    ];
    const ENCODE: &str = "is not a URL such as redis://user:password@host:6379/0; percent-encode the characters of a \
                          password that separate its parts: / as %2F, ? as %3F, # as %23, @ as %40";
    let scheme = scheme_of(text).unwrap_or_default();
    if scheme.contains("sentinel") || scheme.contains("cluster") {
        return Err(
            "leads to Sentinels or a cluster by its scheme, which is not supported; give the address of the \
                    primary, or of a cluster with one shard, as redis:// or rediss://"
                .to_owned(),
        );
    }
    if !SCHEMES.contains(&scheme) {
        return Err("must start with redis://, rediss:// or redis+unix://; omit it to run without Redis".to_owned());
    }
    let url = Url::parse(text).map_err(|_| ENCODE.to_owned())?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if text.matches('@').count() > usize::from(has_user) {
        return Err(ENCODE.to_owned());
    }
    if url.host_str().is_some_and(|host| host.contains(',')) {
        return Err("has several hosts; give the address of the primary".to_owned());
    }
    if !url.username().is_empty() && url.password().is_none() {
        return Err("has a user without a password; a password alone is redis://:password@host".to_owned());
    }
    let known: &[&str] = if scheme.ends_with("unix") {
        &["db", "user", "pass", "protocol"]
    } else {
        &["protocol"]
    };
    if let Some((name, _)) = url.query_pairs().find(|(name, _)| !known.contains(&name.as_ref())) {
        let is_name = name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let name = if is_name { format!(" {name}") } else { String::new() };
        return Err(format!("has the parameter{name}, which is not supported; the database is redis://host/1"));
    }
    if url.fragment().is_some() {
        return Err(
            "has a # outside of the password, and nothing after it is supported: certificates are always \
                    verified; # in a password is %23"
                .to_owned(),
        );
    }
    url.into_connection_info()
        .map(|_| ())
        .map_err(|error| format!("cannot be used: {}", error.detail().unwrap_or(ENCODE)))
}

#[cfg(test)]
mod tests {
    use super::check_url;

    #[test]
    fn addresses_of_one_server_are_accepted() {
        for url in [
            "redis://cache",
            "redis://cache:6380/2",
            "redis://:pa%23ss@cache",
            "redis://user:p%40ss@cache/1",
            "rediss://user:password@cache.example.com:6380",
            "redis://[::1]:6379",
            "redis+unix:///run/redis.sock?db=1&user=w&pass=p",
            "unix:///run/redis.sock",
            "valkey://cache?protocol=resp3",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_would_be_ignored_or_misread_is_refused_without_a_part_of_the_url() {
        for url in [
            "http://:CANARY@cache",
            "redis://CANARY@cache",
            "redis://:CANARY#more@cache",
            "redis://:1#CANARY@cache",
            "redis://:1?CANARY@cache",
            "redis://:a/CANARY@cache",
            "redis://:a@CANARY@cache",
            "redis://cache/CANARY",
            "redis://cache?ssl_cert_reqs=CANARY",
            "redis://a:CANARY@one:6379,two:6379",
            "redis+sentinel://CANARY",
            "rediss://:CANARY@cache/#insecure",
            "CANARY",
        ] {
            let problem = check_url(url).unwrap_err();
            assert!(!problem.contains("CANARY"), "{url}: {problem}");
        }
        assert!(check_url("redis://cache?db=1").unwrap_err().contains("parameter db"));
    }
}
