//! How the secrets that this service issues begin, so that a reader or a scanner recognizes them.

pub const REFRESH_TOKEN_PREFIX: &str = "wrt_";
/// Of a login that waits for its second factor.
pub const CHALLENGE_PREFIX: &str = "wlc_";
/// Of a mailed code.
pub const CODE_PREFIX: &str = "wmc_";
pub const CLIENT_SECRET_PREFIX: &str = "wcs_";

pub const ALL: [&str; 4] = [
    REFRESH_TOKEN_PREFIX,
    CHALLENGE_PREFIX,
    CODE_PREFIX,
    CLIENT_SECRET_PREFIX,
];
