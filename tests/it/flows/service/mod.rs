//! The service as a whole: crashes, shutdown, migrations, refusals.

mod crashes;
mod disk_full;
mod hang_up;
mod migrations;
mod problems;
mod shutdown;
mod storm;
mod whole;
