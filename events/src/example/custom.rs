//! The example of an event that an application records.

use serde_json::{Map, json};

use super::{Example, USER};
use crate::event::Actor;
use crate::payload::Custom;

impl Example for Custom {
    const USER_SEQ: i64 = 6;

    fn example() -> Self {
        let attributes = [("playlist", json!("road-trip")), ("tracks", json!(12))];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
        Self {
            name: "playlist_shared".to_owned(),
            attributes: Some(Map::from_iter(attributes)),
        }
    }

    fn actor() -> Option<Actor> {
        Some(Actor::User { id: USER })
    }
}
