//! What is deployed: the release that the next generation runs. It stands in an environment file that has no name, so
//! that nothing stays behind, however the demo ends.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

/// The variable that tells a worker what it is.
pub(super) const CONDUCT: &str = "HEIRLOOM_DEMO";

/// How a release behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Conduct {
    /// It serves.
    #[default]
    Good,
    /// It exits before it is ready.
    Crashes,
    /// It never gets ready, and does not listen to anybody.
    Hangs,
}

impl Conduct {
    fn name(self) -> &'static str {
        match self {
            Conduct::Good => "good",
            Conduct::Crashes => "crashes",
            Conduct::Hangs => "hangs",
        }
    }

    pub(super) fn named(name: &str) -> Option<Conduct> {
        [Conduct::Good, Conduct::Crashes, Conduct::Hangs].into_iter().find(|conduct| conduct.name() == name)
    }
}

/// Where releases are deployed.
#[derive(Debug)]
pub(super) struct Place {
    file: File,
}

impl Place {
    /// A place with a good release.
    pub(super) fn new() -> io::Result<Place> {
        let path = std::env::temp_dir().join(format!("heirloom-demo-{}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        fs::remove_file(path)?;
        let mut place = Place { file };
        place.deploy(Conduct::Good)?;
        Ok(place)
    }

    /// The next generation will run this one.
    pub(super) fn deploy(&mut self, conduct: Conduct) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{CONDUCT}={}", conduct.name())
    }

    /// The environment file, for this process.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_deployed_last() {
        let mut place = Place::new().expect("a file");
        for conduct in [Conduct::Crashes, Conduct::Hangs, Conduct::Good] {
            place.deploy(conduct).expect("it is written");
            let read = fs::read_to_string(place.path()).expect("it is read");
            let name = read.strip_prefix("HEIRLOOM_DEMO=").map(str::trim_end).expect("a variable");
            assert_eq!(Conduct::named(name), Some(conduct));
        }
    }
}
