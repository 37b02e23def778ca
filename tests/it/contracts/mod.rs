//! What other people's programs rely on, committed and compared.

mod asyncapi;
mod openapi;
