//! The example of an event that an application records.

use serde_json::{Map, json};

use super::{Example, USER};
use crate::event::{Actor, UserRef};
use crate::payload::Custom;

impl Example for Custom {
    const USER_SEQ: i64 = 0;

    fn example() -> Self {
        let attributes = [("playlist", json!("road-trip")), ("tracks", json!(12))];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
        Self {
            name: "playlist_shared".to_owned(),
            attributes: Some(Map::from_iter(attributes)),
        }
    }

    fn user() -> Option<UserRef> {
        Some(UserRef { id: USER, seq: None })
    }

    fn actor() -> Option<Actor> {
        Some(Actor::user(USER))
    }
}
