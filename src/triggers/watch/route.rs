//! The way that a path takes: through which directories and symlinks it leads, and where it ends.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// Symlinks that the kernel follows at most in one path.
const MOST_LINKS: usize = 40;

/// The way that a path takes at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Route {
    /// Directories in which something may happen that changes where it leads, or what is there.
    pub(super) directories: BTreeSet<PathBuf>,
    /// The names on the way: what happens to one of them matters.
    pub(super) names: BTreeSet<PathBuf>,
    /// What it ends at, all symlinks followed; none if something on the way is missing.
    pub(super) end: Option<PathBuf>,
}

/// Follows an absolute path.
pub(super) fn follow(path: &Path) -> Route {
    let mut route = Route::default();
    let mut here = PathBuf::from("/");
    let mut rest = parts(path);
    let mut links = 0;
    while let Some(part) = rest.pop() {
        let Some(name) = part else {
            here.pop();
            continue;
        };
        let next = here.join(name);
        let metadata = fs::symlink_metadata(&next).ok();
        route.names.insert(next.clone());
        match metadata {
            Some(it) if it.is_symlink() && links < MOST_LINKS => {
                links += 1;
                route.directories.insert(here.clone());
                let Ok(target) = fs::read_link(&next) else { return route };
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                rest.extend(parts(&target));
            }
            Some(it) if it.is_dir() => {
                if rest.is_empty() || can_be_renamed(&it) {
                    route.directories.insert(next.clone());
                }
                here = next;
            }
            Some(it) if it.is_file() && rest.is_empty() => {
                route.directories.insert(here);
                route.end = Some(next);
                return route;
            }
            _ => {
                // Missing, or no way through: it may become one.
                route.directories.insert(here);
                return route;
            }
        }
    }
    route.end = Some(here);
    route
}

/// The parts of a path, the first at the end; none is the way up.
fn parts(path: &Path) -> Vec<Option<OsString>> {
    let part = |component: Component<'_>| match component {
        Component::Normal(name) => Some(Some(name.to_owned())),
        Component::ParentDir => Some(None),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(part).collect()
}

/// Nobody renames /tmp; but everybody works there, and a watch on it would wake us at each file.
fn can_be_renamed(directory: &Metadata) -> bool {
    directory.permissions().mode() & 0o1002 != 0o1002
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A route with all that is above `place` left out, and `place` itself cut off.
    fn route(place: &Path, path: &str) -> (Vec<String>, Vec<String>, Option<String>) {
        let Route { directories, names, end } = follow(&place.join(path));
        let short = |path: &PathBuf| Some(path.strip_prefix(place).ok()?.display().to_string());
        (
            directories.iter().filter_map(short).collect(),
            names.iter().filter_map(short).collect(),
            end.as_ref().and_then(short),
        )
    }

    #[test]
    fn every_directory_on_the_way_is_watched_and_both_sides_of_a_symlink() {
        let place = tempfile::tempdir().expect("a directory");
        let at = place.path().canonicalize().expect("it is there");
        fs::create_dir_all(at.join("releases/1")).expect("directories");
        fs::write(at.join("releases/1/server"), "").expect("a file");
        symlink("releases/1", at.join("current")).expect("a symlink");
        symlink("../current/server", at.join("releases/link")).expect("a symlink");
        let (directories, names, end) = route(&at, "releases/link");
        assert_eq!(directories, ["", "releases", "releases/1"]);
        assert_eq!(names, ["", "current", "releases", "releases/1", "releases/1/server", "releases/link"]);
        assert_eq!(end.as_deref(), Some("releases/1/server"));
    }

    #[test]
    fn what_is_missing_is_waited_for_in_the_nearest_directory() {
        let place = tempfile::tempdir().expect("a directory");
        let at = place.path().canonicalize().expect("it is there");
        symlink("nowhere/at/all", at.join("current")).expect("a symlink");
        let Route { directories, names, end } = follow(&at.join("current/server"));
        assert!(directories.contains(&at) && names.contains(&at.join("nowhere")) && end.is_none());
    }

    #[test]
    fn a_symlink_to_itself_leads_nowhere() {
        let place = tempfile::tempdir().expect("a directory");
        symlink("loop", place.path().join("loop")).expect("a symlink");
        assert_eq!(follow(&place.path().join("loop")).end, None);
    }

    #[test]
    fn a_directory_that_everybody_uses_is_not_watched_for_being_renamed() {
        let place = tempfile::tempdir().expect("a directory");
        let shared = place.path().join("tmp");
        fs::create_dir_all(shared.join("mine")).expect("directories");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).expect("its mode");
        fs::write(shared.join("mine/file"), "").expect("a file");
        let route = follow(&shared.join("mine/file"));
        assert!(!route.directories.contains(&shared) && route.directories.contains(&shared.join("mine")));
        assert!(follow(&shared.join("missing")).directories.contains(&shared));
    }
}
