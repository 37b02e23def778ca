//! Lists users in pages, newest first.
//!
//! One query first finds and sorts up to [`MAX_COUNTED_USERS`] matches, which gives the page and
//! the count at once. If there are more, the count is capped and a second query walks the ids,
//! which meets a page of matches soon. Left to itself, `PostgreSQL` may walk the ids for a rare
//! match too, and read the whole table.

use std::fmt::Write as _;

use sea_orm::Value;

use crate::domain::ids::{UserId, UserSeq};
use crate::domain::user::account_type::AccountType;
use crate::domain::user::role::Role;
use crate::domain::user::{User, UserStatus};
use crate::store::entities::user;
use crate::store::users::search;
use crate::store::{Store, StoreError, convert};

/// The highest count, and the end of paging by page number.
pub const MAX_COUNTED_USERS: u64 = 10_000;

/// The searched text, in the form that the index of `m0004_people` has.
const SEARCHED_POSTGRES: &str = "coalesce(search_text, \
     email_canonical || ' ' || coalesce(username_canonical, '') || ' ' || lower(coalesce(name, '')))";
const SEARCHED_SQLITE: &str = "search_text";

/// All given conditions must match. Deleted users match only if `status` says so.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Part of the address, the username or a name; of one or two letters, the beginning of a word.
    /// Case does not count.
    pub search: Option<String>,
    pub role: Option<Role>,
    /// Any but deleted by default.
    pub status: Option<UserStatus>,
    pub account_type: Option<AccountType>,
}

/// A user, and how many events there are about them.
#[derive(Debug, Clone)]
pub struct ListedUser {
    pub user: User,
    /// The user sequence of the last event. It was committed with the user's state.
    pub last_event: UserSeq,
}

#[derive(Debug, Clone)]
pub struct UserPage {
    /// Newest first.
    pub users: Vec<ListedUser>,
    /// All matches; [`MAX_COUNTED_USERS`] plus one if there are more than that.
    pub count: u64,
}

impl Store {
    /// Return `limit` matches: those after `after`, without the first `skip` of them.
    pub async fn list_users(
        &self,
        filter: &UserFilter,
        after: Option<UserId>,
        skip: u64,
        limit: u64,
    ) -> Result<UserPage, StoreError> {
        let mut conditions = Conditions::of(filter, self.is_sqlite());
        let columns = user::COLUMNS;
        let counting = Conditions {
            text: conditions.text.clone(),
            values: conditions.values.clone(),
        };
        let behind = after.map(|after| conditions.parameter(after.as_uuid().into()));
        let all = &conditions.text;
        let few_behind = behind.as_ref().map_or_else(String::new, |id| format!(" WHERE id < {id}"));
        let few = format!(
            "WITH found AS MATERIALIZED (SELECT id FROM users WHERE {all} LIMIT {}), \
             page AS MATERIALIZED (SELECT id FROM found{few_behind} ORDER BY id DESC LIMIT {limit} OFFSET {skip}) \
             SELECT {columns}, (SELECT count(*) FROM found) AS found FROM users \
             WHERE id IN (SELECT id FROM page) ORDER BY id DESC",
            MAX_COUNTED_USERS + 1
        );
        let mut rows = self.fetch_planned(few, conditions.values.clone()).await?;
        // An empty page has no row to carry the count.
        let count = match rows.first() {
            Some(row) => row.get::<i64>("found")?.unsigned_abs(),
            None => self.count_users(&counting).await?,
        };
        if count > MAX_COUNTED_USERS {
            let behind = behind.map_or_else(String::new, |id| format!(" AND id < {id}"));
            let many =
                format!("SELECT {columns} FROM users WHERE {all}{behind} ORDER BY id DESC LIMIT {limit} OFFSET {skip}");
            rows = self.fetch_planned(many, conditions.values).await?;
        }
        let users = rows.iter().map(|row| {
            let row: user::Model = row.model()?;
            Ok(ListedUser { last_event: row.event_seq, user: convert::user(row)? })
        });
        Ok(UserPage { users: users.collect::<Result<_, StoreError>>()?, count })
    }

    async fn count_users(&self, conditions: &Conditions) -> Result<u64, StoreError> {
        let sql = format!(
            "SELECT count(*) AS found FROM (SELECT 1 AS one FROM users WHERE {} LIMIT {}) AS counted",
            conditions.text,
            MAX_COUNTED_USERS + 1
        );
        let rows = self.fetch_planned(sql, conditions.values.clone()).await?;
        let found: i64 = rows.first().map_or(Ok(0), |row| row.get("found"))?;
        Ok(found.unsigned_abs())
    }
}

/// The text after WHERE, with its values.
struct Conditions {
    text: String,
    values: Vec<Value>,
}

impl Conditions {
    fn of(filter: &UserFilter, sqlite: bool) -> Self {
        let mut sql = Self { text: String::new(), values: Vec::new() };
        // The status is written out, since the partial index needs it in the text.
        sql.text = filter
            .status
            .map_or_else(|| "status <> 'deleted'".to_owned(), |status| format!("status = '{status}'"));
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
        if let Some(text) = &filter.search {
            let value = sql.parameter(search::pattern(text).into());
            // A backslash escapes in PostgreSQL by default.
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
