//! The words that are hidden, and what is searched for.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use watchword::domain::random::{Random as _, SystemRandom};
use watchword::security::new_client_secret;

use super::needles::Needles;
use super::places::{Kind, Place};

/// Everything that was hidden so far.
pub(super) struct Secrets {
    key: String,
    client_secret: String,
    client_hash: String,
    hidden: Vec<Hidden>,
}

struct Hidden {
    name: String,
    bytes: Vec<u8>,
    /// The one kind of place that it may be in.
    home: Option<Kind>,
}

impl Secrets {
    /// Begins with the service's secret key.
    pub(super) fn new() -> Self {
        let raw = random::<32>();
        let (client_secret, client_hash) = new_client_secret(&SystemRandom::default());
        let mut secrets = Self {
            key: STANDARD.encode(raw),
            client_secret: client_secret.expose_secret().to_owned(),
            client_hash,
            hidden: Vec::new(),
        };
        let secret = secrets.client_secret.trim_start_matches("wcs_").to_owned();
        let bytes = URL_SAFE_NO_PAD.decode(&secret).expect("base64url");
        secrets.hide("the client's secret", secret.into_bytes(), None);
        secrets.hide("the client's secret, its bytes", bytes, None);
        secrets.hide("the secret key", raw.to_vec(), None);
        secrets.hide("the secret key as text", secrets.key.clone().into_bytes(), None);
        secrets
    }

    /// The service's secret key, as its configuration has it.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The secret of the client that is configured.
    pub(super) fn client_secret(&self) -> &str {
        &self.client_secret
    }

    /// The hash of it.
    pub(super) fn client_hash(&self) -> &str {
        &self.client_hash
    }

    fn hide(&mut self, name: &str, bytes: Vec<u8>, home: Option<Kind>) {
        let name = name.to_owned();
        self.hidden.push(Hidden { name, bytes, home });
    }

    /// A word that must be found nowhere. Only its own part is searched for, so that it may be put into anything.
    pub(super) fn word(&mut self, name: &str) -> String {
        let word = fresh();
        self.hide(name, word.clone().into_bytes(), None);
        word
    }

    /// A password with characters that encodings change.
    pub(super) fn password(&mut self, name: &str) -> String {
        format!("P\u{e4}ss +/&\"% {}", self.word(name))
    }

    /// A word about a person.
    pub(super) fn personal(&mut self, name: &str) -> String {
        let word = fresh();
        self.hide(name, word.clone().into_bytes(), Some(Kind::Data));
        word
    }

    /// The name of a field that does not exist: whoever sent it is told which one it was.
    pub(super) fn field(&mut self, name: &str) -> String {
        let word = fresh();
        self.hide(name, word.clone().into_bytes(), Some(Kind::Answer));
        word
    }

    /// A token or a code that the service gave out: the part that makes it valid, as text and as bytes.
    pub(super) fn token(&mut self, name: &str, token: &str) {
        let part = token.rsplit('.').next().expect("a part").trim_start_matches("wrt_");
        let part = part.trim_start_matches("wmc_");
        let raw = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        // The end of it is the signature or the MAC; before it may stand ids, which are no secret.
        let end = raw[raw.len() - 16..].to_vec();
        self.hide(name, part.as_bytes()[part.len() - 20..].to_vec(), None);
        self.hide(&format!("{name}, its bytes"), end, None);
    }

    /// Something else that the service gave out, and keeps sealed or hashed.
    pub(super) fn given(&mut self, name: &str, bytes: &[u8]) {
        self.hide(name, bytes.to_vec(), None);
    }

    /// Where something is that must not be there.
    pub(super) fn search(&self, places: &[Place]) -> Vec<String> {
        let mut needles = Needles::default();
        for (number, hidden) in self.hidden.iter().enumerate() {
            needles.add(&hidden.bytes, number);
        }
        let mut hits = Vec::new();
        for place in places {
            for (number, at) in needles.search(&place.bytes) {
                let hidden = &self.hidden[number];
                if hidden.home != Some(place.kind) {
                    let context = &place.bytes[at.saturating_sub(120)..place.bytes.len().min(at + 60)];
                    let context = String::from_utf8_lossy(context);
                    hits.push(format!("{} is in {} at {at}: {context:?}", hidden.name, place.name));
                }
            }
        }
        hits
    }

    /// Which words about persons are in the places for data.
    pub(super) fn at_home(&self, places: &[Place]) -> Vec<(&str, usize)> {
        let personal = self.hidden.iter().filter(|hidden| hidden.home == Some(Kind::Data));
        let counts = personal.map(|hidden| {
            let mut needles = Needles::default();
            needles.add(&hidden.bytes, 0);
            let data = places.iter().filter(|place| place.kind == Kind::Data);
            let count = data.filter(|place| !needles.search(&place.bytes).is_empty()).count();
            (hidden.name.as_str(), count)
        });
        counts.collect()
    }
}

/// Letters and digits, so that most encodings leave it as it is.
fn fresh() -> String {
    random::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    SystemRandom::default().fill(&mut bytes);
    bytes
}
