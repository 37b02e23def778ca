//! The tables of second factors, recovery codes and login challenges.

mod challenges;
mod factors;
mod recovery_codes;

pub use self::challenges::LoginChallenge;
