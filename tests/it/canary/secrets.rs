//! The secrets in the requests, and the search for them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use watchword::domain::random::{Random as _, SystemRandom};
use watchword::security::new_client_secret;

use super::needles::Needles;
use super::sinks::{Kind, Sink};

/// All secrets so far.
pub(super) struct Secrets {
    key: String,
    client_secret: String,
    client_hash: String,
    all: Vec<Secret>,
}

struct Secret {
    name: String,
    bytes: Vec<u8>,
    /// The one kind of sink that may contain it.
    allowed: Option<Kind>,
}

impl Secrets {
    /// Start with the service's secret key and a client's secret.
    pub(super) fn new() -> Self {
        let raw = random::<32>();
        let (client_secret, client_hash) = new_client_secret(&SystemRandom::default());
        let mut secrets = Self {
            key: STANDARD.encode(raw),
            client_secret: client_secret.expose_secret().to_owned(),
            client_hash,
            all: Vec::new(),
        };
        let secret = secrets.client_secret.trim_start_matches("wcs_").to_owned();
        let bytes = URL_SAFE_NO_PAD.decode(&secret).expect("base64url");
        secrets.add("the client's secret", secret.into_bytes(), None);
        secrets.add("the bytes of the client's secret", bytes, None);
        secrets.add("the secret key", raw.to_vec(), None);
        secrets.add("the secret key as text", secrets.key.clone().into_bytes(), None);
        secrets
    }

    /// The service's secret key, encoded as in its configuration.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The secret of the configured client.
    pub(super) fn client_secret(&self) -> &str {
        &self.client_secret
    }

    /// The hash of [`Self::client_secret`].
    pub(super) fn client_hash(&self) -> &str {
        &self.client_hash
    }

    fn add(&mut self, name: &str, bytes: Vec<u8>, allowed: Option<Kind>) {
        let name = name.to_owned();
        self.all.push(Secret { name, bytes, allowed });
    }

    /// A word that no sink may contain. It may be part of a longer text.
    pub(super) fn word(&mut self, name: &str) -> String {
        let word = random_word();
        self.add(name, word.clone().into_bytes(), None);
        word
    }

    /// A password with characters that encodings change.
    pub(super) fn password(&mut self, name: &str) -> String {
        format!("P\u{e4}ss +/&\"% {}", self.word(name))
    }

    /// Personal data, which only events and rows may contain.
    pub(super) fn personal(&mut self, name: &str) -> String {
        let word = random_word();
        self.add(name, word.clone().into_bytes(), Some(Kind::Data));
        word
    }

    /// The name of a field that does not exist, which only the response may contain.
    pub(super) fn field(&mut self, name: &str) -> String {
        let word = random_word();
        self.add(name, word.clone().into_bytes(), Some(Kind::Response));
        word
    }

    /// A token or code that the service issued: the part that makes it valid, as text and as bytes.
    pub(super) fn token(&mut self, name: &str, token: &str) {
        let part = token.rsplit('.').next().expect("a part").trim_start_matches("wrt_");
        let part = part.trim_start_matches("wmc_");
        let raw = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        // The end is the signature or the MAC. Ids before it are not secret.
        let end = raw[raw.len() - 16..].to_vec();
        self.add(name, part.as_bytes()[part.len() - 20..].to_vec(), None);
        self.add(&format!("the bytes of {name}"), end, None);
    }

    /// Another secret that the service issued, and stores encrypted or hashed.
    pub(super) fn issued(&mut self, name: &str, bytes: &[u8]) {
        self.add(name, bytes.to_vec(), None);
    }

    /// The secrets in sinks that must not contain them.
    pub(super) fn search(&self, sinks: &[Sink]) -> Vec<String> {
        let mut needles = Needles::default();
        for (number, secret) in self.all.iter().enumerate() {
            needles.add(&secret.bytes, number);
        }
        let mut hits = Vec::new();
        for sink in sinks {
            for (number, at) in needles.search(&sink.bytes) {
                let secret = &self.all[number];
                if secret.allowed != Some(sink.kind) {
                    let context = &sink.bytes[at.saturating_sub(120)..sink.bytes.len().min(at + 60)];
                    let context = String::from_utf8_lossy(context);
                    hits.push(format!("{} is in {} at {at}: {context:?}", secret.name, sink.name));
                }
            }
        }
        hits
    }

    /// For each piece of personal data, the number of data sinks that contain it.
    pub(super) fn personal_counts(&self, sinks: &[Sink]) -> Vec<(&str, usize)> {
        let personal = self.all.iter().filter(|secret| secret.allowed == Some(Kind::Data));
        let counts = personal.map(|secret| {
            let mut needles = Needles::default();
            needles.add(&secret.bytes, 0);
            let data = sinks.iter().filter(|sink| sink.kind == Kind::Data);
            let count = data.filter(|sink| !needles.search(&sink.bytes).is_empty()).count();
            (secret.name.as_str(), count)
        });
        counts.collect()
    }
}

/// A random word of letters and digits, which most encodings do not change.
fn random_word() -> String {
    random::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    SystemRandom::default().fill(&mut bytes);
    bytes
}
