//! The preload: a few lines of JavaScript that every Node worker loads before its script. It is a file, since Node wants
//! a path; in a directory of our own, for as long as the master runs.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const TEXT: &str = include_str!("preload.cjs");
const NAME: &str = "heirloom.cjs";

/// Where it is, once it has been asked for.
#[derive(Debug, Default)]
pub(in crate::master) struct PreloadFile {
    directory: Option<PathBuf>,
}

impl PreloadFile {
    /// Its path; it is written if it is not there, or no more.
    pub(in crate::master) fn path(&mut self) -> io::Result<PathBuf> {
        if let Some(path) = self.directory.as_ref().map(|it| it.join(NAME)).filter(|path| path.is_file()) {
            return Ok(path);
        }
        let (mut places, mut last) = (places().into_iter(), io::Error::from(io::ErrorKind::NotFound));
        let directory = loop {
            let Some(place) = places.next() else { return Err(last) };
            match new_directory(&place) {
                Ok(directory) => break directory,
                Err(error) => last = error,
            }
        };
        let path = directory.join(NAME);
        self.directory = Some(directory);
        fs::write(&path, TEXT)?;
        Ok(path)
    }
}

impl Drop for PreloadFile {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            let _ = fs::remove_dir_all(directory); // somebody may have cleaned up before us
        }
    }
}

/// Where files of programs that run may be, the best place first. Workers may be other users than we are.
fn places() -> Vec<PathBuf> {
    let of_the_service = std::env::var_os("RUNTIME_DIRECTORY");
    let first = of_the_service.as_ref().and_then(|all| std::env::split_paths(all).next());
    first.into_iter().chain(["/run/heirloom".into(), "/run".into(), std::env::temp_dir()]).collect()
}

/// A directory that nobody had before, and where nobody else can write.
fn new_directory(place: &Path) -> io::Result<PathBuf> {
    for number in 0.. {
        let path = place.join(format!("heirloom-node-{}-{number}", std::process::id()));
        match fs::DirBuilder::new().mode(0o755).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| path),
        }
    }
    unreachable!("there are more numbers than directories")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_when_somebody_has_cleaned_up_and_goes_with_the_master() {
        let mut file = PreloadFile::default();
        let path = file.path().expect("there is a place for it");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), TEXT);
        fs::remove_dir_all(path.parent().expect("a directory")).expect("it is ours");
        let path = file.path().expect("there is a place for it");
        assert!(path.is_file());
        drop(file);
        assert!(!path.exists());
    }
}
