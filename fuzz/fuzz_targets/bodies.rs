//! JSON bodies, parsed into the largest requests: what is accepted is JSON, and is accepted however
//! the same value is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use watchword::http::dto::account::RegisterRequest;
use watchword::http::dto::replay::{self, CreateReplayRequest};
use watchword::http::dto::user_changes::{CreateUserRequest, ReplaceUserRequest, UpdateMeRequest, UpdateUserRequest};
use watchword::http::payload::parse_strict;
use watchword::http::problem::Problem;
use watchword::http::routes::events::create::{self, CreateEventRequest};

/// For each request, whether the body is one.
fn accepted(body: &[u8]) -> [bool; 7] {
    let replay = |body: CreateReplayRequest| replay::parse(body).map(|_| ());
    let event = |body: CreateEventRequest| create::parse(body, None).map(|_| ());
    let register = |body: RegisterRequest| body.parse().map(|_| ());
    let new_user = |body: CreateUserRequest| body.parse().map(|_| ());
    let user = |body: ReplaceUserRequest| body.parse().map(|_| ());
    let change = |body: UpdateUserRequest| body.parse().map(|_| ());
    let own_change = |body: UpdateMeRequest| body.parse().map(|_| ());
    let is_ok = |result: Result<(), Problem>| result.is_ok();
    [
        is_ok(parse_strict(body).and_then(register)),
        is_ok(parse_strict(body).and_then(new_user)),
        is_ok(parse_strict(body).and_then(user)),
        is_ok(parse_strict(body).and_then(change)),
        is_ok(parse_strict(body).and_then(own_change)),
        is_ok(parse_strict(body).and_then(replay)),
        is_ok(parse_strict(body).and_then(event)),
    ]
}

fuzz_target!(|data: &[u8]| {
    let requests = accepted(data);
    if requests.contains(&true) {
        let value: Value = serde_json::from_slice(data).expect("what is accepted is JSON");
        let written = serde_json::to_vec(&value).expect("JSON");
        assert_eq!(accepted(&written), requests, "the same value, written otherwise");
    }
});
