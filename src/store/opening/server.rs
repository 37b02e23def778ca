//! What has to be true of a `PostgreSQL` server before anything is stored there.

use std::time::Duration;

use sea_orm::DbErr;

use crate::store::connect::Address;
use crate::store::database::Session;
use crate::store::{OpenError, Store, StoreError, sql};

/// How long the server may take to answer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Versions before this one lack what queries use.
const MIN_VERSION: i32 = 14_00_00;

const FACTS: &str = "SELECT current_setting('server_version_num')::int AS version, \
     current_setting('server_version') AS version_name, version() AS product, \
     current_setting('server_encoding') AS encoding, format('%I', current_database()) AS database";

/// Servers that speak the protocol, and have no advisory locks that hold.
const OTHER_SERVERS: [&str; 2] = ["CockroachDB", "Amazon Redshift"];

impl Store {
    /// Check that commits are durable, that the connections are sessions of the server, and that
    /// the server is one that can store everything.
    ///
    /// A pooler in transaction mode gives each transaction any session of the server. Settings and
    /// advisory locks are properties of a session: with it, limits would vanish, and two instances
    /// would lead.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn check_server(&self) -> Result<(), OpenError> {
        let Address::Postgres(server) = self.address() else {
            return Ok(());
        };
        let refused = |error: sqlx::Error| OpenError::of_connection(server, error);
        let mut first = server.connect().await.map_err(refused)?;
        let mut second = server.connect().await.map_err(refused)?;
        let shared = first.backend() == second.backend();
        // A pooler that takes turns gives the same connection different sessions.
        second.check_same(CHECK_TIMEOUT).await.map_err(refused)?;
        first.check_same(CHECK_TIMEOUT).await.map_err(refused)?;
        let facts = if shared {
            Err(OpenError::TransactionPooler)
        } else {
            check_facts(&mut first).await
        };
        Session::close(first).await;
        Session::close(second).await;
        facts
    }
}

async fn check_facts(session: &mut Session) -> Result<(), OpenError> {
    // A pooler gives a session that has statements of another client.
    let refused = |error: DbErr| match error.to_string().contains("prepared statement") {
        true => OpenError::TransactionPooler,
        false => StoreError::from(error).into(),
    };
    let row = session.query_one(sql::plain(FACTS.to_owned())).await.map_err(refused)?;
    let Some(row) = row else { return Ok(()) };
    let text = |column: &str| row.try_get::<String>("", column).map_err(StoreError::from);
    let product = text("product")?;
    if let Some(other) = OTHER_SERVERS.into_iter().find(|name| product.contains(name)) {
        return Err(OpenError::OtherServer(other));
    }
    if row.try_get::<i32>("", "version").map_err(StoreError::from)? < MIN_VERSION {
        return Err(OpenError::TooOld(text("version_name")?));
    }
    let encoding = text("encoding")?;
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { database: text("database")?, encoding });
    }
    Ok(())
}
