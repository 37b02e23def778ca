//! Variables that the service does not read, although their names look like those that it reads. A
//! setting that is ignored without a word is one that an operator relies on.

use super::env::SHORT_NAMES;
use super::keys::{self, PREFIX};

/// Start of every variable of this project.
const OURS: &str = "WATCHWORD";

/// Variables of this project that are no settings: arguments of the program, of docker-compose.yml,
/// and of debug builds.
const NO_SETTINGS: [&str; 6] = [
    "WATCHWORD_CONFIG",
    "WATCHWORD_ENV_FILE",
    "WATCHWORD_BIND",
    "WATCHWORD_CRASH_AT",
    "WATCHWORD_FREEZE_AT",
    "WATCHWORD_SEEDED_BUG",
];

/// What the `nats` command reads beside `NATS_URL`, and the keys of the same meaning.
pub(super) const NATS_COMMAND: [(&str, &str); 7] = [
    ("NATS_CREDS", "nats.creds_file"),
    ("NATS_NKEY", "nats.nkey_file"),
    ("NATS_USER", "nats.user"),
    ("NATS_PASSWORD", "nats.password"),
    ("NATS_CA", "nats.tls.ca"),
    ("NATS_CERT", "nats.tls.cert"),
    ("NATS_KEY", "nats.tls.key"),
];

/// What a variable that the service does not read is.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Another program's, or set by an orchestrator.
    Foreign,
    /// Meant for this variable.
    MeantFor(String),
    /// Perhaps meant for this variable, perhaps another program's.
    Resembles(String),
    /// In the namespace of the service, without a key of a similar name.
    Unknown,
}

/// Whether the name needs a [`judge`].
pub(super) fn may_be_meant(name: &str) -> bool {
    starts_with_ours(name) || name.contains("__") || is_short_in_other_case(name) || is_of_nats_command(name)
}

pub(super) fn is_of_nats_command(name: &str) -> bool {
    NATS_COMMAND.iter().any(|(variable, _)| *variable == name)
}

/// Judge a variable that is neither a long nor a short name.
pub(super) fn judge(name: &str, value: &str) -> Verdict {
    if value.is_empty() || NO_SETTINGS.contains(&name) || is_of_nats_command(name) || is_of_orchestrator(name, value) {
        return Verdict::Foreign;
    }
    if let Some((short, _)) = SHORT_NAMES.iter().find(|(short, _)| short.eq_ignore_ascii_case(name)) {
        return Verdict::MeantFor((*short).to_owned());
    }
    if !starts_with_ours(name) {
        // `HTTP__PORT`: few other programs write names in this way.
        let key = name.replace("__", ".").to_ascii_lowercase();
        return match keys::find(&key) {
            Some(key) if name.contains("__") => Verdict::Resembles(key.variable()),
            _ => Verdict::Foreign,
        };
    }
    let wanted = folded(name);
    let nearest = known().min_by_key(|(known, _)| strsim::damerau_levenshtein(known, &wanted));
    let Some((known, variable)) = nearest else {
        return Verdict::Unknown;
    };
    let distance = strsim::damerau_levenshtein(&known, &wanted);
    let allowed = (wanted.len().saturating_sub(OURS.len()) / 4).min(2);
    if distance <= allowed {
        Verdict::MeantFor(variable)
    } else {
        Verdict::Unknown
    }
}

/// Every variable of the service, with its folded name. A short name can have the prefix too.
fn known() -> impl Iterator<Item = (String, String)> {
    let long = keys::all().iter().map(|key| (folded(&key.variable()), key.variable()));
    let short = SHORT_NAMES.iter().map(|(short, _)| {
        let name = folded(short);
        let name = if name.starts_with(OURS) {
            name
        } else {
            format!("{OURS}{name}")
        };
        (name, (*short).to_owned())
    });
    short.chain(long)
}

/// The letters and digits of a name, in one case.
fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// Whether the name begins with that of the service, as a word or with all words written together.
fn starts_with_ours(name: &str) -> bool {
    let name = name
        .strip_prefix("WATCH_WORD")
        .map_or_else(|| name.to_owned(), |rest| format!("{OURS}{rest}"));
    let is_ours = name.get(..OURS.len()).is_some_and(|start| start.eq_ignore_ascii_case(OURS));
    let rest = name.get(OURS.len()..).unwrap_or_default();
    is_ours && !rest.is_empty() && !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_short_in_other_case(name: &str) -> bool {
    SHORT_NAMES.iter().any(|(short, _)| short.eq_ignore_ascii_case(name))
}

/// Whether Kubernetes set the variable for a Service whose name begins with ours, or Docker for a
/// linked container: `WATCHWORD_PORT=tcp://…`, `WATCHWORD_NATS_SERVICE_HOST`.
fn is_of_orchestrator(name: &str, value: &str) -> bool {
    let is_address = |value: &str| ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let is_port = |rest: &str| {
        let (port, rest) = rest.split_once('_').unwrap_or((rest, ""));
        let protocol = rest.split('_').next().unwrap_or_default();
        !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && ["TCP", "UDP", "SCTP"].contains(&protocol)
    };
    !name.starts_with(PREFIX)
        && (name.ends_with("_SERVICE_HOST")
            || name.ends_with("_SERVICE_PORT")
            || name.contains("_SERVICE_PORT_")
            || (name.ends_with("_PORT") && is_address(value))
            || name.split_once("_PORT_").is_some_and(|(_, rest)| is_port(rest)))
}

#[cfg(test)]
mod tests {
    use super::{Verdict, judge, may_be_meant};

    #[test]
    fn a_name_that_is_almost_right_is_recognized() {
        for (name, meant) in [
            ("WATCHWORD_HTTP_PORT", "WATCHWORD__HTTP__PORT"),
            ("WATCHWORD_HTTP__PORT", "WATCHWORD__HTTP__PORT"),
            ("watchword__http__port", "WATCHWORD__HTTP__PORT"),
            ("Watchword__Http__Port", "WATCHWORD__HTTP__PORT"),
            ("WATCHWORD-HTTP-PORT", "WATCHWORD__HTTP__PORT"),
            ("WATCHWORD.HTTP.PORT", "WATCHWORD__HTTP__PORT"),
            ("WATCH_WORD__HTTP__PORT", "WATCHWORD__HTTP__PORT"),
            ("WATCHWORD_MAIL_PASWORD", "WATCHWORD__MAIL__PASSWORD"),
            ("WATCHWORD_EVENTS__ENVIRONMENT", "WATCHWORD__EVENTS__ENVIRONMENT"),
            ("WATCHWORD_SECRETKEY", "WATCHWORD_SECRET_KEY"),
            ("watchword_secret_key_file", "WATCHWORD_SECRET_KEY_FILE"),
            ("WATCHWORD_DATABASE_URL", "DATABASE_URL"),
            ("WATCHWORD_NATS_URL_FILE", "NATS_URL_FILE"),
            ("WATCHWORD_PORT", "PORT"),
            ("database_url", "DATABASE_URL"),
            ("Nats_Url", "NATS_URL"),
        ] {
            assert!(may_be_meant(name), "{name}");
            assert_eq!(judge(name, "4000"), Verdict::MeantFor(meant.to_owned()), "{name}");
        }
    }

    #[test]
    fn what_orchestrators_and_other_programs_set_is_foreign() {
        for (name, value) in [
            ("WATCHWORD_PORT", "tcp://10.0.0.1:3001"),
            ("WATCHWORD_HTTP_PORT", "tcp://10.0.0.1:80"),
            ("WATCHWORD_SERVICE_HOST", "10.0.0.1"),
            ("WATCHWORD_SERVICE_PORT", "3001"),
            ("WATCHWORD_SERVICE_PORT_HTTP", "3001"),
            ("WATCHWORD_PORT_3001_TCP", "tcp://10.0.0.1:3001"),
            ("WATCHWORD_PORT_3001_TCP_ADDR", "10.0.0.1"),
            ("WATCHWORD_PORT_3001_TCP_PORT", "3001"),
            ("WATCHWORD_PORT_53_UDP_PROTO", "udp"),
            ("WATCHWORD_NATS_SERVICE_HOST", "10.0.0.2"),
            ("WATCHWORD_EVENTS_SERVICE_PORT", "1"),
            ("WATCHWORD_HTTP_PORT", ""),
            ("WATCHWORD_BIND", "0.0.0.0"),
            ("WATCHWORDS_HTTP_PORT", "1"),
            ("HTTP_PORT", "1"),
            ("MAIL_HOST", "smtp"),
            ("FOO__BAR", "1"),
        ] {
            assert_eq!(judge(name, value), Verdict::Foreign, "{name}={value}");
        }
        assert_eq!(judge("Mail__Host", "smtp"), Verdict::Resembles("WATCHWORD__MAIL__HOST".to_owned()));
        assert_eq!(judge("WATCHWORD_IMAGE_TAG", "v1"), Verdict::Unknown);
        assert_eq!(judge("WATCHWORD_HOST", "auth.example.com"), Verdict::Unknown);
    }
}
