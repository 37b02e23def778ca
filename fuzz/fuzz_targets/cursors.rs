//! Cursors and other parameters: one that is read is the one that was written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;
use watchword::domain::ids::Cursor;
use watchword::http::cursor::{UserCursor, of_ledger, of_user};
use watchword::http::parameters::header::HeaderParameter as _;
use watchword::http::parameters::{Bounded, Parameter};

fuzz_target!(|text: &str| {
    if let Ok(cursor) = <Cursor as Parameter>::parse(text) {
        assert_eq!(of_ledger(cursor), text);
        assert!(UserCursor::parse(text).is_err());
    }
    if let Ok(cursor) = UserCursor::parse(text) {
        assert_eq!(of_user(cursor.0), text);
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let _ = Option::<Cursor>::parse(&lines);
    let _ = <OffsetDateTime as Parameter>::parse(text);
    if let Ok(Bounded(number)) = Bounded::<50, 200>::parse(text) {
        assert!((1..=200).contains(&number));
    }
});
