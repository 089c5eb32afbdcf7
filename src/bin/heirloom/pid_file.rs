//! A file that names the master's PID, and that no second master can have at the same time.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// A PID file that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    /// The lock lives as long as the file is open: a stale file of a dead master is in nobody's way.
    file: File,
}

impl PidFile {
    pub(crate) fn take(path: &Path) -> anyhow::Result<PidFile> {
        let named = || format!("cannot write the PID file {}", path.display());
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).with_context(named)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid); // it only makes the sentence better
                bail!("the PID file {} belongs to a running master, pid {}", path.display(), pid.trim());
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(named),
        }
        file.set_len(0).with_context(named)?;
        writeln!(file, "{}", std::process::id()).with_context(named)?;
        Ok(PidFile { path: path.to_owned(), file })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        use std::os::unix::fs::MetadataExt;
        let ours = self.file.metadata().map(|file| (file.dev(), file.ino()));
        let there = self.path.metadata().map(|file| (file.dev(), file.ino()));
        if matches!((ours, there), (Ok(ours), Ok(there)) if ours == there) {
            let _ = std::fs::remove_file(&self.path); // a file that stays is stale, and known to be by its lock
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_master_is_told_who_has_the_file() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("web.pid");
        let first = PidFile::take(&path).expect("it is free");
        let error = PidFile::take(&path).expect_err("it is taken").to_string();
        assert!(error.ends_with(&format!("belongs to a running master, pid {}", std::process::id())), "{error}");
        drop(first);
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_file_is_taken_over() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("web.pid");
        std::fs::write(&path, "4194304999\n").expect("a stale file");
        let _mine = PidFile::take(&path).expect("nobody has it");
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), format!("{}\n", std::process::id()));
    }
}
