//! A watcher on a directory of its own, and what it tells.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use heirloom::triggers::watch::{Change, Extent, Files, News, Notice, Pace, Polling, Selection, Tree, Watcher};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use super::support::LIMIT;

/// The file beside: it is changed when a test wants to know what was told before.
const MARKER: &str = "marker.txt";

/// Told soon, and as often as there is anything to tell.
pub(crate) const AT_ONCE: Pace =
    Pace { quiet: Duration::from_millis(40), at_most_every: Duration::ZERO, polling: Polling::Never };

/// A watcher on a directory of its own.
pub(crate) struct Watched {
    pub(crate) place: TempDir,
    watcher: Option<Watcher>,
    news: UnboundedReceiver<News>,
    marks: u32,
    pub(crate) notices: Vec<Notice>,
}

/// Where the files of a test are.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.at(name).parent().expect("it has one")).expect("directories");
        fs::write(self.at(name), text).expect("a file");
    }

    pub(crate) fn program(&self, name: &str, text: &str) {
        self.write(name, text);
        self.mode(name, 0o755);
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(mode)).expect("its mode");
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.at(from), self.at(to)).expect("a rename");
    }

    pub(crate) fn link(&self, target: &str, name: &str) {
        symlink(target, self.at(name)).expect("a symlink");
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.at(name)).expect("it is there");
    }

    /// As `ln -sfn` does: beside, and then over it.
    pub(crate) fn swap(&self, target: &str, name: &str) {
        self.link(target, ".swap");
        self.rename(".swap", name);
    }
}

impl Watched {
    /// These programs and files, after `prepare` has made them.
    pub(crate) fn files(programs: &[&str], named: &[&str], prepare: impl FnOnce(&Place)) -> Watched {
        Watched::with(AT_ONCE, prepare, |place| Selection::Files(place.files(programs, named)))
    }

    /// A project, after `prepare` has made it.
    pub(crate) fn tree(extensions: &[&str], ignore: &[&str], prepare: impl FnOnce(&Place)) -> Watched {
        Watched::with(AT_ONCE, prepare, |place| Selection::Tree(place.tree(extensions, ignore)))
    }

    pub(crate) fn with(
        pace: Pace,
        prepare: impl FnOnce(&Place),
        selection: impl FnOnce(&Place) -> Selection,
    ) -> Watched {
        let directory = tempfile::tempdir().expect("a directory");
        let place = Place(directory.path().canonicalize().expect("it is there"));
        place.write(MARKER, "0");
        prepare(&place);
        let (watcher, news) = Watcher::start(selection(&place), pace).expect("it starts");
        Watched { place: directory, watcher: Some(watcher), news, marks: 0, notices: Vec::new() }
    }

    pub(crate) fn place(&self) -> Place {
        Place(self.place.path().canonicalize().expect("it is there"))
    }

    pub(crate) fn extent(&self) -> Extent {
        self.watcher.as_ref().expect("it watches").extent()
    }

    pub(crate) fn select(&self, selection: &Selection) {
        self.watcher.as_ref().expect("it watches").select(selection, AT_ONCE).expect("its globs are fine");
    }

    /// What was told before a change of the file beside that is made now.
    pub(crate) fn told(&mut self) -> Vec<Vec<String>> {
        self.marks += 1;
        let place = self.place();
        // A name that nobody watches, on the same file system.
        let beside = tempfile::NamedTempFile::new_in(place.0.parent().expect("it has one")).expect("a file");
        fs::write(beside.path(), format!("mark {}", self.marks)).expect("a file");
        beside.persist(place.at(MARKER)).expect("a rename");
        let mut told = Vec::new();
        loop {
            let mut names = self.next();
            let before = names.len();
            names.retain(|name| name != MARKER);
            let is_last = names.len() < before;
            if !names.is_empty() {
                told.push(names);
            }
            if is_last {
                return told;
            }
        }
    }

    /// The next change.
    pub(crate) fn next(&mut self) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let place = self.place();
        loop {
            let news = runtime.block_on(async { tokio::time::timeout(LIMIT, self.news.recv()).await });
            match news.expect("in time").expect("it watches") {
                News::Changed(Change { paths }) => return paths.iter().map(|path| short(&place.0, path)).collect(),
                News::Noticed(notice) => self.notices.push(notice),
            }
        }
    }
}

impl Place {
    pub(crate) fn files(&self, programs: &[&str], named: &[&str]) -> Files {
        let at = |names: &[&str]| names.iter().map(|name| self.at(name)).collect::<Vec<_>>();
        let mut named = at(named);
        named.push(self.at(MARKER));
        Files { programs: at(programs), named }
    }

    pub(crate) fn tree(&self, extensions: &[&str], ignore: &[&str]) -> Tree {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let roots = vec![self.0.clone(), self.at(MARKER)];
        Tree { roots, extensions: owned(extensions), ignore: owned(ignore) }
    }
}

fn short(place: &Path, path: &Path) -> String {
    path.strip_prefix(place).unwrap_or(path).display().to_string()
}
