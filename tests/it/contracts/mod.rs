//! What other people's programs rely on, committed and compared.
#![expect(clippy::indexing_slicing, reason = "a missing field of a document is a failed test")]

mod openapi;
