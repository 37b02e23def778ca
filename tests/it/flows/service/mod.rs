//! The service as a whole: crashes, shutdown, migrations, malformed requests.

mod clocks;
mod crashes;
mod disk_full;
mod hang_up;
mod lifecycle;
mod migrations;
mod open_files;
mod outages;
mod parameters;
mod problems;
mod shutdown;
mod silence;
mod slow_queries;
mod startup;
mod storm;
mod vanished_database;
