//! Conversions between rows and domain types.

use time::OffsetDateTime;

use super::entities::{session, user};
use super::error::StoreError;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::email::Email;
use crate::domain::user::profile::Profile;
use crate::domain::user::role::Role;
use crate::domain::user::username::Username;

/// Whole milliseconds since the Unix epoch.
pub(super) fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// `at` rounded up to a whole millisecond: a bound for stored times.
pub(super) fn millis_from(at: OffsetDateTime) -> i64 {
    let nanos = at.unix_timestamp_nanos();
    let up = i128::from(nanos.rem_euclid(1_000_000) > 0);
    i64::try_from(nanos.div_euclid(1_000_000) + up).unwrap_or(i64::MAX)
}

pub(super) fn time(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

pub(super) fn roles_text(roles: &[Role]) -> String {
    roles.iter().map(Role::as_str).collect::<Vec<_>>().join(" ")
}

pub(super) fn user(row: user::Model) -> Result<User, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "users", column };
    Ok(User {
        id: row.id.into(),
        email: Email::stored(row.email, row.email_canonical),
        email_verified: row.email_verified,
        username: match (row.username, row.username_canonical) {
            (Some(name), Some(canonical)) => Some(Username::stored(name, canonical)),
            (Some(_), None) => return Err(corrupt("username_canonical")),
            (None, _) => None,
        },
        name: row.name.map(DisplayName::stored),
        profile: serde_json::from_str(&row.profile).map(Profile::stored).map_err(|_| corrupt("profile"))?,
        account_type: row.account_type.parse().map_err(|_| corrupt("account_type"))?,
        roles: row
            .roles
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| corrupt("roles"))?,
        status: row.status.parse().map_err(|_| corrupt("status"))?,
        second_factor: row.second_factor,
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
    })
}

pub(super) fn session(row: session::Model) -> Session {
    Session {
        id: row.id.into(),
        user_id: row.user_id.into(),
        generation: row.generation,
        rotated_at: time(row.rotated_at),
        created_at: time(row.created_at),
        last_used_at: time(row.last_used_at),
        expires_at: time(row.expires_at),
        revoked_at: row.revoked_at.map(time),
        ip: row.ip.and_then(|ip| ip.parse().ok()),
        user_agent: row.user_agent,
        // A newer instance may know more methods: one that is unknown here is not claimed.
        amr: row.amr.split_whitespace().filter_map(|name| name.parse().ok()).collect(),
    }
}
