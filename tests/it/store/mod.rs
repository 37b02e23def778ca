//! The store by itself, where the way to a state through HTTP would be a matter of luck.

mod dropped;
