//! The store alone, for states that are hard to reach through HTTP.

mod dropped;
