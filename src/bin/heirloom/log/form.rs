//! Which form the log has.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;

use clap::ValueEnum;

/// As it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogForm {
    /// Entries of the journal if standard error leads there, else lines for people
    #[default]
    Auto,
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
    /// Entries of the journal
    Journald,
}

impl LogForm {
    /// What `auto` means here.
    pub(crate) fn settled(self) -> LogForm {
        match self {
            LogForm::Auto if leads_to_journal(io::stderr().as_fd()) => LogForm::Journald,
            LogForm::Auto => LogForm::Text,
            settled => settled,
        }
    }
}

/// Whether a stream is the one that systemd connected to the journal (`$JOURNAL_STREAM`, systemd.exec(5)).
pub(super) fn leads_to_journal(stream: BorrowedFd<'_>) -> bool {
    let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    identity(stream).is_ok_and(|identity| identity == named)
}

/// `DEVICE:INODE`.
fn identity(stream: BorrowedFd<'_>) -> io::Result<String> {
    let file = File::from(stream.try_clone_to_owned()?).metadata()?;
    Ok(format!("{}:{}", file.dev(), file.ino()))
}
