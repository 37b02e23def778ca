//! Users in pages, newest first, chosen by what they are and by parts of their address and names.
//!
//! Up to [`MAX_COUNTED_USERS`] of them are looked for first, and sorted: that gives the page and the count at once. When there are more, a count
//! of them all is of no use to anybody, and a page of them is met soon enough on the way through the ids. Left to itself, `PostgreSQL` may take the second way for something rare, and read everything.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait as _, FromQueryResult as _, QueryResult, Statement, Value};

use crate::domain::ids::UserId;
use crate::domain::user::account::{AccountType, Role};
use crate::domain::user::email::canonical;
use crate::domain::user::{User, UserStatus};
use crate::store::entities::user;
use crate::store::{Store, StoreError, convert};

/// How far users are counted, and how far a list can be paged by numbers.
pub const MAX_COUNTED_USERS: u64 = 10_000;

/// What is searched, as the index of `m0004_people` has it.
const SEARCHED_POSTGRES: &str = "coalesce(search_text, email_canonical || ' ' || coalesce(username_canonical, '') || ' ' || lower(coalesce(name, '')))";
const SEARCHED_SQLITE: &str = "search_text";

/// Which users: those that match everything that is given. Deleted ones only when they are asked for.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Part of the address, the username or a name, regardless of case.
    pub search: Option<String>,
    /// With this role.
    pub role: Option<Role>,
    /// In this state; in any but deleted when there is none.
    pub status: Option<UserStatus>,
    /// Of this type.
    pub account_type: Option<AccountType>,
}

/// A part of a list of users.
#[derive(Debug, Clone)]
pub struct UserPage {
    /// Newest first.
    pub users: Vec<User>,
    /// How many there are in all; [`MAX_COUNTED_USERS`] and one more when there are more than that.
    pub count: u64,
}

impl Store {
    /// Users of a filter: `limit` of them, behind `after`, and behind `skip` more.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn list_users(
        &self,
        filter: &UserFilter,
        after: Option<UserId>,
        skip: u64,
        limit: u64,
    ) -> Result<UserPage, StoreError> {
        let mut sql = Conditions::of(filter, self.is_sqlite());
        let columns = user::COLUMNS;
        let counting = Conditions {
            text: sql.text.clone(),
            values: sql.values.clone(),
        };
        let behind = after.map(|after| sql.parameter(after.as_uuid().into()));
        let all = &sql.text;
        let few_behind = behind
            .as_ref()
            .map_or_else(String::new, |id| format!(" WHERE id < {id}"));
        let few = format!(
            "WITH found AS MATERIALIZED (SELECT id FROM users WHERE {all} LIMIT {}), \
             page AS MATERIALIZED (SELECT id FROM found{few_behind} ORDER BY id DESC LIMIT {limit} OFFSET {skip}) \
             SELECT {columns}, (SELECT count(*) FROM found) AS found FROM users \
             WHERE id IN (SELECT id FROM page) ORDER BY id DESC",
            MAX_COUNTED_USERS + 1
        );
        let mut rows = self.planned(few, sql.values.clone()).await?;
        // An empty page has no row to carry the count.
        let count = match rows.first() {
            Some(row) => row.try_get::<i64>("", "found")?.unsigned_abs(),
            None => self.count_people(&counting).await?,
        };
        if count > MAX_COUNTED_USERS {
            let behind = behind.map_or_else(String::new, |id| format!(" AND id < {id}"));
            let many =
                format!("SELECT {columns} FROM users WHERE {all}{behind} ORDER BY id DESC LIMIT {limit} OFFSET {skip}");
            rows = self.planned(many, sql.values).await?;
        }
        let users = rows
            .iter()
            .map(|row| convert::user(user::Model::from_query_result(row, "")?));
        Ok(UserPage {
            users: users.collect::<Result<_, _>>()?,
            count,
        })
    }

    /// Runs a statement that is planned for its values.
    async fn planned(&self, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>, StoreError> {
        let statement = Statement::from_sql_and_values(self.db().get_database_backend(), sql, values);
        Ok(self.db().query_all_planned(statement).await?)
    }

    async fn count_people(&self, conditions: &Conditions) -> Result<u64, StoreError> {
        let sql = format!(
            "SELECT count(*) AS found FROM (SELECT 1 AS one FROM users WHERE {} LIMIT {}) AS counted",
            conditions.text,
            MAX_COUNTED_USERS + 1
        );
        let rows = self.planned(sql, conditions.values.clone()).await?;
        let found: i64 = rows.first().map_or(Ok(0), |row| row.try_get("", "found"))?;
        Ok(found.unsigned_abs())
    }

    /// A user, deleted or not.
    ///
    /// # Errors
    /// [`StoreError`] of the database; `None` when there never was one.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let sql = format!("SELECT {} FROM users WHERE id = $1", user::COLUMNS);
        let backend = self.db().get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, [id.as_uuid().into()]);
        let row = user::Model::find_by_statement(statement).one(self.db()).await?;
        row.map(convert::user).transpose()
    }
}

/// What stands behind WHERE.
struct Conditions {
    text: String,
    values: Vec<Value>,
}

impl Conditions {
    fn of(filter: &UserFilter, sqlite: bool) -> Self {
        let mut sql = Self {
            text: String::new(),
            values: Vec::new(),
        };
        // One of three words: it may stand in the text, where the partial index needs it.
        sql.text = filter.status.map_or_else(
            || "status <> 'deleted'".to_owned(),
            |status| format!("status = '{status}'"),
        );
        if let Some(account_type) = &filter.account_type {
            let value = sql.parameter(account_type.as_str().into());
            let _ = write!(sql.text, " AND account_type = {value}");
        }
        if let Some(role) = &filter.role {
            let value = sql.parameter(role.as_str().into());
            let condition = if sqlite {
                format!(" AND instr(' ' || roles || ' ', ' ' || {value} || ' ') > 0")
            } else {
                format!(" AND string_to_array(roles, ' ') @> ARRAY[{value}]::text[]")
            };
            sql.text.push_str(&condition);
        }
        if let Some(search) = &filter.search {
            let value = sql.parameter(contains(search).into());
            // The backslash is what PostgreSQL takes anyhow.
            let condition = if sqlite {
                format!(" AND {SEARCHED_SQLITE} LIKE {value} ESCAPE '\\'")
            } else {
                format!(" AND {SEARCHED_POSTGRES} LIKE {value}")
            };
            sql.text.push_str(&condition);
        }
        sql
    }

    fn parameter(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }
}

/// The pattern of texts that contain `part`.
fn contains(part: &str) -> String {
    let mut pattern = String::from("%");
    for c in canonical(part).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_pattern_means_what_was_typed() {
        assert_eq!(contains("Ada_L%"), "%ada\\_l\\%%");
        assert_eq!(contains("a\\b"), "%a\\\\b%");
    }
}
