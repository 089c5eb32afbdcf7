//! Which files below a directory belong to it: by git's rules, `.heirloomignore`, extensions, and globs of the user's.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};

use super::watcher::WatchError;

/// What editors put beside the files that they edit, and what network file systems do.
const LEFTOVERS: [&str; 14] = [
    "*.tmp",
    "*.swp",
    "*.swo",
    "*.swx",
    "*~",
    ".#*",
    "#*#",
    ".*.kate-swp",
    ".goutputstream-*",
    "___jb_*___",
    ".nfs*",
    ".DS_Store",
    "*.orig.tmp",
    ".~lock.*#",
];

/// Where a repository keeps what is its own.
const REPOSITORIES: [&str; 5] = [".git", ".hg", ".svn", ".jj", ".bzr"];

/// Files that say what is ignored.
pub(super) const OWN: &str = ".heirloomignore";
const OF_GIT: [&str; 2] = [".gitignore", ".ignore"];

/// Which files belong to a directory.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Of a project; else everything below belongs to it.
    of_project: bool,
    extensions: HashSet<OsString>,
    globs: Vec<String>,
}

/// Something below a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) is_directory: bool,
    pub(super) is_link: bool,
}

impl Rules {
    /// Everything below belongs to it, but for what editors leave behind and what Kubernetes hides (`..data`).
    pub(super) fn everything() -> Rules {
        Rules { of_project: false, extensions: HashSet::new(), globs: Vec::new() }
    }

    /// The rules of a project.
    pub(super) fn of_project(extensions: &[String], globs: &[String]) -> Result<Rules, WatchError> {
        let extensions = extensions.iter().map(|it| it.trim_start_matches('.').into()).collect();
        let rules = Rules { of_project: true, extensions, globs: globs.to_vec() };
        for glob in globs {
            let wrong = |error: ignore::Error| WatchError::Glob { glob: glob.clone(), why: error.to_string() };
            OverrideBuilder::new("/").add(&unwanted(glob)).map_err(wrong)?;
        }
        Ok(rules)
    }

    /// Whether the file says what is ignored.
    pub(super) fn are_in(&self, path: &Path) -> bool {
        let is = |name: &str| path.file_name().is_some_and(|it| it == name);
        self.of_project && (is(OWN) || OF_GIT.into_iter().any(is))
    }

    /// What belongs to it in `directory`, and so deep below.
    pub(super) fn list(&self, globs: &Override, directory: &Path, depth: Option<usize>) -> Vec<Entry> {
        let mut walk = WalkBuilder::new(directory);
        walk.standard_filters(self.of_project).hidden(false).require_git(false).max_depth(depth);
        walk.overrides(globs.clone());
        if self.of_project {
            walk.add_custom_ignore_filename(OWN);
        }
        walk.filter_entry(|entry| {
            let name = entry.file_name();
            let hidden = REPOSITORIES.iter().any(|it| name == *it) || name.as_encoded_bytes().starts_with(b"..");
            entry.depth() == 0 || !hidden
        });
        let entries = walk.build().flatten().filter(|entry| entry.depth() > 0);
        entries.filter_map(|entry| self.entry(entry)).collect()
    }

    fn entry(&self, entry: ignore::DirEntry) -> Option<Entry> {
        let sort = entry.file_type()?;
        let path = entry.into_path();
        let belongs = sort.is_dir() || (sort.is_file() || sort.is_symlink()) && self.has_extension(&path);
        belongs.then(|| Entry { path, is_directory: sort.is_dir(), is_link: sort.is_symlink() })
    }

    fn has_extension(&self, path: &Path) -> bool {
        self.extensions.is_empty() || path.extension().is_some_and(|it| self.extensions.contains(it))
    }

    /// The user's globs, and those of editors, for a project at `root`.
    pub(super) fn globs(&self, root: &Path) -> Override {
        let mut overrides = OverrideBuilder::new(root);
        for glob in LEFTOVERS.into_iter().chain(self.globs.iter().map(String::as_str)) {
            let _ = overrides.add(&unwanted(glob)); // they were tried when the rules were made
        }
        overrides.build().unwrap_or_else(|_| Override::empty())
    }
}

/// An override says what is wanted, unless it begins like this.
fn unwanted(glob: &str) -> String {
    match glob.strip_prefix('!') {
        Some(wanted) => wanted.to_owned(),
        None => format!("!{glob}"),
    }
}
