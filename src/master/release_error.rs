//! Why a release cannot be resolved.

use std::io;
use std::path::PathBuf;

use crate::errands::Hook;
use crate::sys::launch::CredentialsError;

/// Why a release cannot be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// What is to be run could not be read from where it stands, such as a config file.
    #[error("{why}")]
    Recipe {
        /// Why, in a sentence.
        why: String,
        /// All there is to say, as lines for a person.
        details: Vec<String>,
    },
    /// The command that makes it has failed.
    #[error("the build {why}")]
    Build {
        /// How it ended.
        why: String,
        /// What it wrote last.
        lines: Vec<String>,
    },
    /// A hook has failed.
    #[error("the hook {hook} {why}")]
    Hook {
        /// Which.
        hook: Hook,
        /// How it ended.
        why: String,
        /// What it wrote last.
        lines: Vec<String>,
    },
    /// What is run beside the workers is not there, or not fit to be run.
    #[error("`{setting}` cannot be run")]
    Errand {
        /// What names it.
        setting: &'static str,
        /// Why not.
        source: Box<ReleaseError>,
    },
    /// No program was named.
    #[error("there is no program to run")]
    NoProgram,
    /// The directory is not there.
    #[error("cannot enter the directory {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program is nowhere in PATH.
    #[error("there is no program {} in PATH ({path})", name.display())]
    NotInPath {
        /// What was looked for.
        name: PathBuf,
        /// Where.
        path: String,
    },
    /// The program cannot be opened.
    #[error("cannot open the program {}", path.display())]
    Program {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program is no file, or may not be executed.
    #[error("the program {} {what}", path.display())]
    NotExecutable {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An argument, a variable or a check asks for a listener that is not declared.
    #[error("{0}")]
    Placeholder(String),
    /// Node cannot run so, with several workers.
    #[error("{0}")]
    Node(String),
    /// Its workers cannot run as who they are to run.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The environment file cannot be read.
    #[error("cannot read the environment file {}: {why}", path.display())]
    EnvFile {
        /// Which.
        path: PathBuf,
        /// Why, and where.
        why: String,
    },
}
