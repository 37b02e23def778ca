//! Reads the sources, lays them over each other, and reports every problem at once.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use figment::{Figment, error::Kind as ErrorKind, providers::Serialized, value::Value};

use super::{
    ConfigError, DEFAULTS, Settings,
    env::{self, Meaning},
    error::Problems,
    keys,
};
use crate::config::http::default_public_url;

impl Settings {
    /// Reads the defaults, `file` when given, and the process environment.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: the file cannot be read or is not TOML, or keys are refused.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let mut vars = Vec::new();
        for (name, value) in std::env::vars_os() {
            // A variable that is not ours may hold any bytes.
            let Some(name) = name.to_str().filter(|name| env::is_ours(name)).map(str::to_owned) else {
                continue;
            };
            match OsString::into_string(value) {
                Ok(value) => vars.push((name, value)),
                Err(_) => problems.refuse(&name, "is not UTF-8"),
            }
        }
        problems.into_result()?;
        Self::load_from(file, vars)
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
        let mut loader = Loader::new();
        if let Some(file) = file {
            loader.file(file)?;
        }
        loader.variables(vars);
        loader.secret_files();
        loader.finish()
    }
}

/// The sources read so far.
struct Loader {
    /// The values, without the defaults.
    given: BTreeMap<&'static str, Value>,
    /// Where each value came from.
    origins: BTreeMap<&'static str, String>,
    problems: Problems,
}

impl Loader {
    const fn new() -> Self {
        Self {
            given: BTreeMap::new(),
            origins: BTreeMap::new(),
            problems: Problems::empty(),
        }
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
        }
        for read in [env::long, env::short] {
            for (name, text) in &vars {
                let origin = format!("environment variable {name}");
                match read(name, text) {
                    Meaning::Sets(key, value) => self.set(key.name.as_str(), value, origin),
                    Meaning::Unknown(key) => self.unknown(&key, origin),
                    Meaning::Nothing => {}
                }
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
            None => "unknown key; `watchword config docs` lists them all".to_owned(),
        };
        self.problems.add(key, hint, Some(origin));
    }

    /// Lays the given values over the defaults. A value of the wrong type is reported and replaced
    /// by its default, so that the remaining ones are checked in the same run.
    fn finish(mut self) -> Result<Settings, ConfigError> {
        let settings = loop {
            match self.figment().extract::<Settings>() {
                Ok(settings) => break settings,
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
        _ => "this value is not understood".to_owned(),
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
