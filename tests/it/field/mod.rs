//! What people who run such systems have reported, one file for each kind of fault.

mod text;
