//! Computes the canonical columns and the searched text of rows that were written by other rules
//! for texts than this version's.

use std::time::{Duration, Instant};

use sea_orm::Value;

use super::search;
use crate::domain::user::identifier::canonical;
use crate::store::database::Transaction;
use crate::store::entities::user;
use crate::store::{Store, StoreError, convert, sql};

/// The rules of this version.
pub(super) const TEXT_RULES: i16 = 1;
/// How many rows are locked at a time.
const BATCH: usize = 500;
/// How often the log says how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

impl Store {
    /// Whether there are rows of other rules.
    pub(in crate::store) async fn has_old_texts(&self) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 AS one FROM users WHERE text_rules < {TEXT_RULES} LIMIT 1");
        Ok(sql::fetch_one(self.db(), sql, []).await?.is_some())
    }

    /// Compute the rows of other rules again.
    pub(in crate::store) async fn apply_text_rules(&self) -> Result<(), StoreError> {
        let (mut rows, mut told) = (0, Instant::now());
        loop {
            let batch = self.apply_to_batch().await?;
            rows += batch;
            if batch < BATCH {
                tracing::info!(rows, "identifiers and searched texts of users computed by the rules of this version");
                return Ok(());
            }
            if told.elapsed() >= PROGRESS_INTERVAL {
                tracing::info!(rows, "computing identifiers and searched texts of users");
                told = Instant::now();
            }
        }
    }

    /// Compute some rows again, and return how many.
    async fn apply_to_batch(&self) -> Result<usize, StoreError> {
        let _writer = self.writer().await?;
        let tx = self.db().begin().await?;
        let lock = if self.is_sqlite() { "" } else { " FOR UPDATE" };
        let old = format!(
            "SELECT {} FROM users WHERE text_rules < {TEXT_RULES} ORDER BY id LIMIT {BATCH}{lock}",
            user::COLUMNS
        );
        let rows = sql::fetch_all(&tx, old, []).await?;
        for row in &rows {
            apply(&tx, row.model()?).await?;
        }
        tx.commit().await?;
        Ok(rows.len())
    }
}

async fn apply(tx: &Transaction, mut row: user::Model) -> Result<(), StoreError> {
    if row.deleted_at.is_none() {
        let email = canonical(&row.email);
        if email != row.email_canonical && is_free(tx, &row, "email", &email).await? {
            row.email_canonical = email;
        }
        if let (Some(text), Some(before)) = (&row.username, &row.username_canonical) {
            let username = canonical(text);
            if username != *before && is_free(tx, &row, "username", &username).await? {
                row.username_canonical = Some(username);
            }
        }
        match convert::user(row.clone()) {
            Ok(user) => row.search_text = Some(search::text(&user)),
            // Whoever reads this account gets the same error; the others do not wait for it.
            Err(error) => tracing::warn!(user.id = %row.id, %error, "searched text of a user not computed"),
        }
    }
    let update = "UPDATE users SET email_canonical = $1, username_canonical = $2, search_text = $3, text_rules = $4 \
                  WHERE id = $5";
    let values: [Value; 5] = [
        row.email_canonical.into(),
        row.username_canonical.into(),
        row.search_text.into(),
        TEXT_RULES.into(),
        row.id.into(),
    ];
    sql::execute(tx, update, values).await.map(drop)
}

/// Whether no other account has the identifier. The one that has it keeps it: this one logs in with
/// its other identifier, if it has one.
async fn is_free(tx: &Transaction, row: &user::Model, column: &str, canonical: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT id FROM users WHERE {column}_canonical = $1 AND deleted_at IS NULL AND id <> $2");
    let Some(other) = sql::fetch_one(tx, sql, [canonical.into(), row.id.into()]).await? else {
        return Ok(true);
    };
    let other: uuid::Uuid = other.get("id")?;
    tracing::warn!(
        user.id = %row.id,
        other.id = %other,
        column,
        "two accounts have the same identifier by the rules of this version; the second one cannot log in with it \
         until an administrator changes one of them"
    );
    Ok(false)
}
