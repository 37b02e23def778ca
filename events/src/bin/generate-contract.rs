//! Writes the generated part of the event contract: `cargo run -p watchword-events --bin generate-contract -- docs/reference`.

use std::path::PathBuf;
use std::{env, fs, io};

use watchword_events::{CATALOGUE, docs, schema};

fn main() -> io::Result<()> {
    let Some(directory) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "usage: generate-contract <directory>",
        ));
    };
    for event in CATALOGUE {
        let folder = directory.join("schemas").join(event.subject);
        fs::create_dir_all(&folder)?;
        let document = schema::document(event, schema::DEFAULT_BASE_URL);
        fs::write(
            folder.join(format!("{}.json", event.version)),
            format!("{document:#}\n"),
        )?;
    }
    fs::write(directory.join("events.md"), docs::page())
}
