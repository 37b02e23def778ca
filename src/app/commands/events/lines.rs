//! Lines to a file, which is there whole or not at all, or to standard output.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::app::AppError;

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file; compressed when its name ends in `.gz`.
    File(PathBuf),
}

/// An open destination.
pub(super) struct Lines {
    out: Out,
    /// The reader of standard output has gone away.
    closed: bool,
}

enum Out {
    Stdout(BufWriter<io::Stdout>),
    Plain(BufWriter<File>, Part),
    Gzip(GzEncoder<BufWriter<File>>, Part),
}

/// A file that is being written under another name. Dropped, it is removed.
struct Part {
    path: PathBuf,
    becomes: PathBuf,
}

impl Lines {
    /// Opens a destination. A file appears under its name in [`finish`](Self::finish).
    ///
    /// # Errors
    /// [`AppError::File`].
    pub(super) fn create(destination: Destination) -> Result<Self, AppError> {
        let out = match destination {
            Destination::Stdout => Out::Stdout(BufWriter::new(io::stdout())),
            Destination::File(becomes) => {
                let gzip = becomes.extension().is_some_and(|extension| extension == "gz");
                let (file, part) = Part::create(becomes)?;
                let file = BufWriter::with_capacity(64 * 1024, file);
                if gzip {
                    Out::Gzip(GzEncoder::new(file, Compression::default()), part)
                } else {
                    Out::Plain(file, part)
                }
            }
        };
        Ok(Self { out, closed: false })
    }

    /// Whether nobody reads any more.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes one line.
    ///
    /// # Errors
    /// [`AppError::File`].
    pub(super) fn write(&mut self, line: &[u8]) -> Result<(), AppError> {
        let written = match &mut self.out {
            Out::Stdout(out) => write_line(out, line),
            Out::Plain(out, _) => write_line(out, line),
            Out::Gzip(out, _) => write_line(out, line),
        };
        self.settle(written)
    }

    /// Writes what is left, makes it durable and gives the file its name.
    ///
    /// # Errors
    /// [`AppError::File`].
    pub(super) fn finish(mut self) -> Result<(), AppError> {
        if let Out::Stdout(out) = &mut self.out {
            let flushed = out.flush();
            return self.settle(flushed);
        }
        match self.out {
            Out::Stdout(_) => Ok(()),
            Out::Plain(out, part) => part.keep(out),
            Out::Gzip(out, part) => {
                let out = out.finish().map_err(|source| part.failed(source))?;
                part.keep(out)
            }
        }
    }

    /// A reader that has had enough is no error.
    fn settle(&mut self, result: io::Result<()>) -> Result<(), AppError> {
        let Err(source) = result else { return Ok(()) };
        match &self.out {
            Out::Stdout(_) if source.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Out::Stdout(_) => Err(AppError::File {
                path: "standard output".into(),
                source,
            }),
            Out::Plain(_, part) | Out::Gzip(_, part) => Err(part.failed(source)),
        }
    }
}

fn write_line(out: &mut impl Write, line: &[u8]) -> io::Result<()> {
    out.write_all(line)?;
    out.write_all(b"\n")
}

impl Part {
    fn create(becomes: PathBuf) -> Result<(File, Self), AppError> {
        let mut name = becomes.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = becomes.with_file_name(name);
        let part = Self { path, becomes };
        // The finished file takes the name's place: a device or a pipe would be gone.
        if fs::metadata(&part.becomes).is_ok_and(|there| !there.is_file()) {
            return Err(part.failed(io::Error::other("it is there and is no file; - is standard output")));
        }
        // Events name people: the file is for whoever made it.
        let opened = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part.path);
        match opened {
            Ok(file) => Ok((file, part)),
            Err(source) => Err(part.failed(source)),
        }
    }

    fn keep(self, out: BufWriter<File>) -> Result<(), AppError> {
        let kept = || {
            let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            fs::rename(&self.path, &self.becomes)?;
            let folder = self.becomes.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
        };
        kept().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> AppError {
        AppError::File {
            path: self.becomes.clone(),
            source,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Renamed, it is not there any more.
        let _ = fs::remove_file(&self.path);
    }
}
