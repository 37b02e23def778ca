//! What other people's programs rely on, committed and compared.

mod openapi;
