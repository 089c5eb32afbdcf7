//! Where the config file is looked for, and reading it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::values::join;
use crate::sys::files::where_we_were_started;

/// A config file is no larger than that.
const LARGEST: u64 = 256 << 10;
/// What it is called.
const NAME: &str = "heirloom.toml";

/// What of our surroundings has a say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Where we were started, symlinks kept.
    pub here: PathBuf,
    /// How many CPUs we may use.
    pub cpus: u32,
    /// `$HEIRLOOM_CONFIG`.
    pub named: Option<OsString>,
    /// `$XDG_CONFIG_HOME`.
    pub config_home: Option<OsString>,
    /// `$HOME`.
    pub home: Option<OsString>,
}

/// A config file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What to call it.
    pub path: PathBuf,
    /// What relative paths in it are relative to.
    pub directory: PathBuf,
    /// What it says.
    pub text: String,
}

/// Why a config file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the config file {}", path.display())]
pub struct ReadError {
    /// Which.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process() -> Surroundings {
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(1));
        let variable = |name| std::env::var_os(name);
        Surroundings {
            here: where_we_were_started(),
            cpus,
            named: variable("HEIRLOOM_CONFIG"),
            config_home: variable("XDG_CONFIG_HOME"),
            home: variable("HOME"),
        }
    }

    /// Reads the config file: the one that the flag names, else the one that `$HEIRLOOM_CONFIG` names, else the first
    /// that there is of `./heirloom.toml`, `$XDG_CONFIG_HOME/heirloom/heirloom.toml`, `/etc/heirloom/heirloom.toml`.
    ///
    /// # Errors
    /// When one that is named is not there, or one that is there cannot be read.
    pub fn read(&self, flag: Option<&Path>) -> Result<Option<Source>, ReadError> {
        if let Some(path) = self.named(flag) {
            return self.open(path).map(Some);
        }
        for path in self.places() {
            match self.open(&path) {
                Ok(source) => return Ok(Some(source)),
                Err(error) if self.is_there(&path) => return Err(error),
                Err(_) => {}
            }
        }
        Ok(None)
    }

    fn named<'a>(&'a self, flag: Option<&'a Path>) -> Option<&'a Path> {
        flag.or(self.named.as_deref().filter(|path| !path.is_empty()).map(Path::new))
    }

    /// Where a file is looked for that nobody names.
    pub(super) fn places(&self) -> Vec<PathBuf> {
        let absolute = |path: &Option<OsString>| path.as_ref().map(PathBuf::from).filter(|path| path.is_absolute());
        let home = absolute(&self.config_home).or_else(|| absolute(&self.home).map(|home| home.join(".config")));
        let homes = home.into_iter().chain([PathBuf::from("/etc")]);
        std::iter::once(PathBuf::from(NAME)).chain(homes.map(|home| home.join("heirloom").join(NAME))).collect()
    }

    /// A directory that we may not look into, like another user's home, holds nothing for us.
    fn is_there(&self, path: &Path) -> bool {
        join(&self.here, path).symlink_metadata().is_ok()
    }

    fn open(&self, path: &Path) -> Result<Source, ReadError> {
        let whole = join(&self.here, path);
        let directory = whole.parent().unwrap_or(&whole).to_owned();
        match text(&whole) {
            Ok(text) => Ok(Source { path: path.to_owned(), directory, text }),
            Err(source) => Err(ReadError { path: path.to_owned(), source }),
        }
    }
}

fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 256 KiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is no UTF-8 text"))
    })
}
