//! What is watched, and how patiently.

use std::path::PathBuf;
use std::time::Duration;

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Files that are named: for production.
    Files(Files),
    /// A project: for development.
    Tree(Tree),
}

/// Files that are named, by absolute paths. A file that is gone is waited for: its absence is no change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Programs: they must be executable before they count.
    pub programs: Vec<PathBuf>,
    /// Other files; of a directory, all that is in it.
    pub named: Vec<PathBuf>,
}

/// What belongs to a project: all files below its roots but those that are ignored. A file that is gone is a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Directories, or single files: those count whatever they are called. Absolute paths.
    pub roots: Vec<PathBuf>,
    /// Only files with one of these extensions (`rs`); none: all files.
    pub extensions: Vec<String>,
    /// What else is ignored, by globs of `.gitignore`: beside git's rules, `.heirloomignore`, and what editors leave behind.
    pub ignore: Vec<String>,
}

/// When a change is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// When nothing has happened for so long; a little longer, when many files change at once.
    pub quiet: Duration,
    /// Not sooner after the last one.
    pub at_most_every: Duration,
    /// Whether we look by ourselves.
    pub polling: Polling,
}

/// Whether we look by ourselves, besides being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polling {
    /// Every two seconds, where the file system does not tell what others do to it.
    WhereNeeded,
    /// This often, wherever the files are.
    Every(Duration),
    /// Never.
    Never,
}

impl Pace {
    /// For development: as soon as an editor has finished its save.
    pub const DEVELOPMENT: Pace = Pace {
        quiet: Duration::from_millis(15),
        at_most_every: Duration::from_millis(100),
        polling: Polling::WhereNeeded,
    };
}
