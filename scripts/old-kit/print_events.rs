//! Prints an example of every event as the service publishes it, one a line.

use std::error::Error;
use std::io::{Write as _, stdout};

use watchword_events::{CATALOGUE, example};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = stdout().lock();
    for event in CATALOGUE {
        out.write_all(&example::of(event.kind).to_json()?)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
