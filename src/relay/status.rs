//! What is known about the publication of the ledger, for `/readyz`.

use std::time::Duration;

/// Events that wait longer than this do not flow.
const MAX_FLOWING_AGE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayStatus {
    /// Whether this instance publishes the ledger.
    pub leading: bool,
    /// Why the instance that leads publishes nothing now.
    pub trouble: Option<String>,
    /// What the ledger lacks that the stream has: nothing is published then, however little waits.
    pub behind: Option<String>,
    /// How long the oldest unpublished event has waited.
    pub oldest: Option<Duration>,
}

impl RelayStatus {
    /// Why events wait; `None` while they flow.
    #[must_use]
    pub fn waiting(&self) -> Option<String> {
        if self.behind.is_some() {
            return self.behind.clone();
        }
        let waits = self.oldest.filter(|age| *age > MAX_FLOWING_AGE)?;
        Some(match &self.trouble {
            Some(trouble) => trouble.clone(),
            None => format!("the oldest unpublished event has waited for {} seconds", waits.as_secs()),
        })
    }
}
