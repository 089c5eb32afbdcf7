//! What a watcher tells.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What a watcher tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Files are other than before.
    Changed(Change),
    /// Something that the user should know about how we watch.
    Noticed(Notice),
}

/// Files are other than before; all of them are whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which ones, in order, as they were selected.
    pub paths: Vec<PathBuf>,
}

/// Something that the user should know about how we watch; its text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// So much happened that the kernel dropped some of it: everything was compared.
    Overflow,
    /// Nobody is told what happens in this directory: it is looked at, this often.
    Polling {
        /// The first of them.
        directory: PathBuf,
        /// Why.
        why: String,
        /// How often.
        every: Duration,
    },
    /// Nobody is told what happens there, and it is not to be looked at: changes may be missed.
    Blind {
        /// The first of them.
        directory: PathBuf,
        /// Why.
        why: String,
    },
}

impl fmt::Display for Change {
    /// `a change of ./server`, `a change of a.rs and 3 more`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.paths[..] {
            [] => write!(f, "a change"),
            [one] => write!(f, "a change of {}", one.display()),
            [one, two] => write!(f, "a change of {} and {}", one.display(), two.display()),
            [one, rest @ ..] => write!(f, "a change of {} and {} more", one.display(), rest.len()),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Overflow => {
                write!(f, "more files changed at once than the kernel could tell: all that is watched was compared")
            }
            Notice::Polling { directory, why, every } => {
                let every = humantime::format_duration(*every);
                write!(f, "{}: {why}; it is looked at every {every}", directory.display())
            }
            Notice::Blind { directory, why } => {
                write!(f, "{}: {why}; changes there may be missed", directory.display())
            }
        }
    }
}
