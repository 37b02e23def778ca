//! Reads the sources, lays them over each other, and reports every problem at once.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use figment::{Figment, error::Kind as ErrorKind, providers::Serialized, value::Value};

use super::{
    ConfigError, DEFAULTS, EnvFile, Settings,
    env::{self, Meaning},
    error::Problems,
    keys::{self, Kind},
    near_miss::{self, Verdict},
};
use crate::config::http::default_public_url;

impl Settings {
    /// Reads the defaults, `file` when given, and the process environment, to which the variables
    /// of `env_file` were added.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: the file cannot be read or is not TOML, or keys are refused.
    pub fn load(file: Option<&Path>, env_file: Option<&EnvFile>) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let mut vars = Vec::new();
        for (name, value) in std::env::vars_os() {
            let is_wanted = |name: &&str| env::is_ours(name) || near_miss::may_be_meant(name);
            let Some(name) = name.to_str().filter(is_wanted).map(str::to_owned) else {
                continue;
            };
            match OsString::into_string(value) {
                Ok(value) => vars.push((name, value)),
                Err(_) if env::is_ours(&name) => problems.refuse(&name, "is not UTF-8"),
                // A variable that is not ours may hold any bytes.
                Err(_) => {}
            }
        }
        problems.into_result()?;
        Loader::new(env_file).load(file, vars)
    }

    /// Like [`Settings::load`], with the environment as an argument.
    ///
    /// # Errors
    ///
    /// As [`Settings::load`].
    pub fn load_from(
        file: Option<&Path>,
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Loader::new(None).load(file, vars)
    }
}

/// The sources read so far.
struct Loader<'a> {
    env_file: Option<&'a EnvFile>,
    /// The values, without the defaults.
    given: BTreeMap<&'static str, Value>,
    /// Where each value came from.
    origins: BTreeMap<&'static str, String>,
    problems: Problems,
    warnings: Vec<String>,
}

impl<'a> Loader<'a> {
    const fn new(env_file: Option<&'a EnvFile>) -> Self {
        Self {
            env_file,
            given: BTreeMap::new(),
            origins: BTreeMap::new(),
            problems: Problems::empty(),
            warnings: Vec::new(),
        }
    }

    fn load(
        mut self,
        file: Option<&Path>,
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Settings, ConfigError> {
        if let Some(file) = file {
            self.file(file)?;
        }
        self.variables(vars);
        self.secret_files();
        self.finish()
    }

    fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let table: toml::Table = toml::from_str(&text).map_err(|error| syntax(path.to_owned(), &text, &error))?;
        self.table("", &table, &format!("in {}", path.display()));
        Ok(())
    }

    fn table(&mut self, section: &str, table: &toml::Table, origin: &str) {
        for (name, value) in table {
            let full = format!("{section}{name}");
            match (keys::find(&full), value) {
                (Some(key), _) => match Value::serialize(value) {
                    Ok(value) => self.set(key.name.as_str(), value, origin.to_owned()),
                    Err(_) => self.problems.add(&full, "this kind of value is not understood", Some(origin.to_owned())),
                },
                (None, toml::Value::Table(inner)) if keys::is_section(&full) => {
                    self.table(&format!("{full}."), inner, origin);
                }
                (None, _) if keys::is_section(&full) => {
                    self.problems.add(&full, "is a section, not a key", Some(origin.to_owned()));
                }
                // Inside an unknown section a single report says enough.
                (None, _) => self.unknown(&full, origin.to_owned()),
            }
        }
    }

    fn variables(&mut self, vars: impl IntoIterator<Item = (String, String)>) {
        // Sorted, so that the same environment always reports the same.
        let mut vars: BTreeMap<String, String> = vars.into_iter().collect();
        if env::OVER_NATS_URL.iter().any(|name| vars.get(*name).is_some_and(|text| !text.is_empty())) {
            vars.remove(env::NATS_URL);
            vars.remove(env::NATS_URL_FILE);
        }
        for read in [env::long, env::short] {
            for (name, raw) in &vars {
                let origin = self.origin(name, raw);
                let (text, problem) = match env::text_of(raw) {
                    Ok(text) => (text, None),
                    Err(problem) => (raw.as_str(), Some(problem)),
                };
                match (read(name, text), problem) {
                    (Meaning::Sets(key, _), Some(problem)) => self.problems.add(&key.name, problem, Some(origin)),
                    (Meaning::Sets(key, value), None) => self.set(key.name.as_str(), value, origin),
                    (Meaning::Unknown(key), _) => self.unknown(&key, origin),
                    (Meaning::Nothing, _) => {}
                }
            }
        }
        for (name, value) in vars.iter().filter(|(name, _)| !env::is_ours(name)) {
            self.near_miss(name, value);
        }
        self.nats_command(&vars);
    }

    fn origin(&self, name: &str, value: &str) -> String {
        let in_file = self.env_file.and_then(|file| file.origin(name, value));
        in_file.unwrap_or_else(|| format!("environment variable {name}"))
    }

    /// Refuses a variable that was meant for another name, and warns of one that has our prefix.
    fn near_miss(&mut self, name: &str, value: &str) {
        match near_miss::judge(name, value) {
            Verdict::Foreign => {}
            Verdict::MeantFor(variable) => {
                let problem = format!("is not a variable of the service; did you mean {variable}?");
                let origin = self.origin(name, value);
                self.problems.add(name, problem, Some(origin));
            }
            Verdict::Resembles(variable) => {
                self.warnings.push(format!("{name} is not a variable of the service, and is ignored; did you mean {variable}?"));
            }
            Verdict::Unknown => self.warnings.push(format!(
                "{name} is not a variable of the service, and is ignored; `watchword config show --defaults` lists all keys"
            )),
        }
    }

    /// Warns of variables of the nats command, from which the service takes the URL alone.
    fn nats_command(&mut self, vars: &BTreeMap<String, String>) {
        let is_given = |name: &str| vars.get(name).is_some_and(|value| !value.is_empty());
        if !is_given(env::NATS_URL) {
            return;
        }
        const IDENTITIES: [&str; 3] = ["nats.creds_file", "nats.nkey_file", "nats.user"];
        let has_identity = IDENTITIES.iter().any(|key| self.given.contains_key(key));
        for (variable, key) in near_miss::NATS_COMMAND {
            let is_needed = if key.starts_with("nats.tls.") {
                !self.given.contains_key(key)
            } else {
                !has_identity
            };
            if is_given(variable)
                && is_needed
                && let Some(key) = keys::find(key)
            {
                self.warnings.push(format!(
                    "{variable} is a variable of the nats command, and is ignored; the service reads {}",
                    key.variable()
                ));
            }
        }
    }

    /// Reads the secrets that are given as files.
    fn secret_files(&mut self) {
        for (file_key, key) in keys::secret_files() {
            let Some(path) = self.given.get(file_key).and_then(Value::as_str) else {
                continue;
            };
            let path = PathBuf::from(path);
            let origin = self.origins.get(file_key).cloned();
            if self.given.contains_key(key) {
                let problem = format!("only one of {key} and {file_key} can be set");
                self.problems.add(file_key, problem, origin);
                continue;
            }
            match secret_of(&path) {
                Ok(text) => self.set(key, Value::from(text), format!("file {}", path.display())),
                Err(problem) => self.problems.add(file_key, format!("{} {problem}", path.display()), origin),
            }
        }
    }

    fn set(&mut self, key: &'static str, value: Value, origin: String) {
        self.given.insert(key, value);
        self.origins.insert(key, origin);
    }

    fn unknown(&mut self, key: &str, origin: String) {
        let hint = match keys::nearest(key) {
            Some(known) => format!("unknown key; did you mean {known}?"),
            None => "unknown key; `watchword config show --defaults` lists them all".to_owned(),
        };
        self.problems.add(key, hint, Some(origin));
    }

    /// Lays the given values over the defaults. A value of the wrong type is reported and replaced
    /// by its default, so that the remaining ones are checked in the same run.
    fn finish(mut self) -> Result<Settings, ConfigError> {
        let settings = loop {
            match self.figment().extract::<Settings>() {
                Ok(settings) => break Settings { warnings: std::mem::take(&mut self.warnings), ..settings },
                Err(error) => {
                    for error in error {
                        self.mistyped(&error)?;
                    }
                }
            }
        };
        if let Err(ConfigError::Invalid(found)) = settings.validate() {
            for problem in found {
                let origin = self.origins.get(problem.key.as_str()).cloned();
                self.problems.add(&problem.key, problem.problem, origin);
            }
        }
        self.problems.into_result().map(|()| settings)
    }

    fn figment(&self) -> Figment {
        let mut figment = Figment::new();
        if let Ok(defaults) = toml::from_str::<toml::Table>(DEFAULTS) {
            figment = figment.merge(Serialized::defaults(defaults));
        }
        for (key, value) in &self.given {
            figment = figment.merge(Serialized::default(key, value));
        }
        // The address the service has by default follows its port and its certificate.
        let port = figment.extract_inner::<u16>("http.port").unwrap_or_default();
        let tls = figment.find_value("http.tls.certificate").is_ok();
        figment.join(Serialized::default("http.public_url", default_public_url(port, tls)))
    }

    fn mistyped(&mut self, error: &figment::Error) -> Result<(), ConfigError> {
        let path = error.path.join(".");
        let known = self
            .given
            .keys()
            .copied()
            .find(|key| path == *key || path.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')));
        let origin = known.and_then(|key| self.origins.get(key).cloned());
        self.problems.add(known.unwrap_or(&path), expected(error, known.unwrap_or(&path)), origin);
        match known.and_then(|key| self.given.remove(key)) {
            Some(_) => Ok(()),
            // A mistake in the defaults themselves: there is nothing to fall back to.
            None => std::mem::take(&mut self.problems).into_result(),
        }
    }
}

/// The content of a file without its final line break.
fn secret_of(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let text = text
        .strip_suffix('\n')
        .map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.starts_with('\u{feff}') {
        return Err("begins with a byte order mark, which would be part of the secret; save it without".to_owned());
    }
    Ok(text.to_owned())
}

/// What was expected, without what was found: a text given for a secret, or for the wrong key,
/// stays unseen.
fn expected(error: &figment::Error, key: &str) -> String {
    match &error.kind {
        _ if key == "accounts.types" => {
            "must be a list of tables, for example [{ name = \"user\", roles = [\"user\"] }]".to_owned()
        }
        ErrorKind::InvalidType(_, expected)
        | ErrorKind::InvalidValue(_, expected)
        | ErrorKind::InvalidLength(_, expected) => {
            format!("must be {}", in_words(expected))
        }
        ErrorKind::UnknownVariant(_, variants) => format!("must be one of {}", variants.join(", ")),
        ErrorKind::MissingField(_) => "is missing".to_owned(),
        ErrorKind::Message(message) if key == "http.trusted_proxies" => message.clone(),
        ErrorKind::Message(_) if key == "http.host" => "must be an IP address, for instance \"0.0.0.0\"".to_owned(),
        ErrorKind::Message(_) if key == "metrics.listen" => {
            "must be an IP address and a port, for instance \"127.0.0.1:9464\"".to_owned()
        }
        _ => match keys::find(key).map(|key| key.kind) {
            Some(Kind::Duration) => {
                "must be a duration with its unit, for example \"500ms\", \"15m\" or \"7d\"".to_owned()
            }
            _ => "this value is not understood".to_owned(),
        },
    }
}

/// Rust's names of numbers mean nothing to an operator.
fn in_words(expected: &str) -> &str {
    match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i64" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a duration" => "a duration with its unit, for example \"15m\"",
        other => other,
    }
}

/// The parser's own message shows the line; the line may hold a secret.
fn syntax(path: PathBuf, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    ConfigError::Syntax {
        path,
        line: before.matches('\n').count() + 1,
        message: error.message().to_owned(),
    }
}
