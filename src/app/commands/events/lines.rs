//! Lines to standard output, or to a file that is complete or absent.

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
    /// A file, compressed if its name ends in `.gz`.
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

/// A file that is written under a temporary name. Dropping it removes the file.
struct Part {
    path: PathBuf,
    becomes: PathBuf,
}

impl Lines {
    /// Open a destination. [`finish`](Self::finish) gives a file its name.
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

    /// Whether the reader of standard output has gone away.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Write one line.
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

    /// Write the remaining lines, sync the file and give it its name.
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

    /// A reader that has gone away is not an error.
    fn settle(&mut self, result: io::Result<()>) -> Result<(), AppError> {
        let Err(source) = result else { return Ok(()) };
        match &self.out {
            Out::Stdout(_) if source.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Out::Stdout(_) => Err(AppError::File { path: "standard output".into(), source }),
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
        // The finished file replaces what has its name, which must not be a device or a pipe.
        if fs::metadata(&part.becomes).is_ok_and(|there| !there.is_file()) {
            return Err(part.failed(io::Error::other("it exists and is not a file; use - for standard output")));
        }
        // Events contain personal data: only the owner may read the file.
        let opened = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part.path);
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
        AppError::File { path: self.becomes.clone(), source }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // A renamed file no longer has this path.
        let _ = fs::remove_file(&self.path);
    }
}
