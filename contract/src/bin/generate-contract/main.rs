//! Writes the generated files of the event contract:
//! `cargo run -p watchword-contract --bin generate-contract -- docs/reference`.

mod published;

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use watchword_contract::{docs, typescript};
use watchword_events::{CATALOGUE, schema};

fn main() -> ExitCode {
    let directory = env::args_os().nth(1).map(PathBuf::from);
    let written = directory.map_or_else(|| Err("usage: generate-contract <directory>".into()), |path| write(&path));
    let Err(error) = written else {
        return ExitCode::SUCCESS;
    };
    // A closed standard error cannot be reported.
    let _ = writeln!(io::stderr(), "generate-contract: {error}");
    ExitCode::FAILURE
}

fn write(directory: &Path) -> Result<(), Box<dyn Error>> {
    for event in CATALOGUE {
        let folder = directory.join("schemas").join(event.subject);
        fs::create_dir_all(&folder)?;
        let document = schema::document(event, schema::BASE_URL);
        fs::write(folder.join(format!("{}.json", event.version)), format!("{document:#}\n"))?;
        published::keep(&directory.join("published"), event, &document)?;
    }
    fs::write(directory.join("events.md"), docs::page())?;
    fs::create_dir_all(directory.join("typescript"))?;
    fs::write(directory.join("typescript/auth-events.d.ts"), typescript::declarations())?;
    Ok(())
}
