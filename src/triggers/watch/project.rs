//! A directory with all that belongs to it: read once, and then only where something happened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ignore::overrides::Override;

use super::ledger::Print;
use super::route::{self, Route};
use super::rules::{Entry, Rules};
use super::survey::Findings;

/// A directory with all that belongs to it.
#[derive(Debug)]
pub(super) struct Project {
    root: PathBuf,
    rules: Rules,
    globs: Override,
    directories: BTreeSet<PathBuf>,
    /// Its symlinks to files, and where each leads.
    links: BTreeMap<PathBuf, Route>,
}

impl Project {
    /// This directory, by its real path.
    pub(super) fn new(root: PathBuf, rules: Rules) -> Project {
        let globs = rules.globs(&root);
        Project { root, rules, globs, directories: BTreeSet::new(), links: BTreeMap::new() }
    }

    pub(super) fn root(&self) -> &PathBuf {
        &self.root
    }

    pub(super) fn directories(&self) -> &BTreeSet<PathBuf> {
        &self.directories
    }

    /// Directories outside of it that its symlinks lead through.
    pub(super) fn beside(&self) -> impl Iterator<Item = &PathBuf> {
        self.links.values().flat_map(|route| &route.directories)
    }

    pub(super) fn links(&self) -> &BTreeMap<PathBuf, Route> {
        &self.links
    }

    /// Reads all of it.
    pub(super) fn read(&mut self, known: &BTreeMap<PathBuf, Print>, findings: &mut Findings) {
        self.directories = BTreeSet::from([self.root.clone()]);
        self.links.clear();
        let entries = self.rules.list(&self.globs, &self.root, None);
        let members = self.add(entries, findings);
        let lost = below(known, &self.root).filter(|path| !members.contains(*path));
        lose(lost, findings);
    }

    /// Reads what the hints point to.
    pub(super) fn look(
        &mut self,
        hints: &BTreeSet<PathBuf>,
        known: &BTreeMap<PathBuf, Print>,
        findings: &mut Findings,
    ) {
        if hints.iter().any(|hint| hint.starts_with(&self.root) && self.rules.are_in(hint)) {
            return self.read(known, findings);
        }
        let mut to_read = BTreeSet::new();
        for hint in hints {
            if known.contains_key(hint) && hint.starts_with(&self.root) {
                findings.add(hint.clone());
                if let Some(route) = self.links.get_mut(hint) {
                    *route = route::follow(hint);
                }
                if hint.is_file() {
                    continue;
                }
            }
            let parent = hint.parent().unwrap_or(hint);
            let both = [hint.as_path(), parent].into_iter().filter(|it| self.directories.contains(*it));
            to_read.extend(both.map(Path::to_owned));
        }
        for directory in to_read {
            self.read_one(&directory, known, findings);
        }
    }

    /// Reads one directory, and all below it that was not known.
    fn read_one(&mut self, directory: &Path, known: &BTreeMap<PathBuf, Print>, findings: &mut Findings) {
        if !directory.is_dir() {
            return self.lose_directory(directory, known, findings);
        }
        let entries = self.rules.list(&self.globs, directory, Some(1));
        let subdirectories: BTreeSet<PathBuf> =
            entries.iter().filter(|entry| entry.is_directory).map(|entry| entry.path.clone()).collect();
        let new: Vec<PathBuf> = subdirectories.difference(&self.directories).cloned().collect();
        let members = self.add(entries, findings);
        for new in new {
            let entries = self.rules.list(&self.globs, &new, None);
            self.add(entries, findings);
        }
        let is_child = |path: &&PathBuf| path.parent() == Some(directory);
        lose(below(known, directory).filter(is_child).filter(|path| !members.contains(*path)), findings);
        let children = self.directories.iter().filter(is_child);
        let gone: Vec<PathBuf> = children.filter(|path| !subdirectories.contains(*path)).cloned().collect();
        for gone in gone {
            self.lose_directory(&gone, known, findings);
        }
    }

    /// Notes what was read, and returns the files.
    fn add(&mut self, entries: Vec<Entry>, findings: &mut Findings) -> BTreeSet<PathBuf> {
        let mut members = BTreeSet::new();
        for Entry { path, is_directory, is_link } in entries {
            if is_directory {
                self.directories.insert(path);
                continue;
            }
            if is_link {
                if path.is_dir() {
                    continue; // what is in it belongs to where it is
                }
                self.links.insert(path.clone(), route::follow(&path));
            }
            findings.add(path.clone());
            members.insert(path);
        }
        members
    }

    fn lose_directory(&mut self, directory: &Path, known: &BTreeMap<PathBuf, Print>, findings: &mut Findings) {
        if directory == self.root {
            return; // it may come back
        }
        self.directories.retain(|it| !it.starts_with(directory));
        self.links.retain(|it, _| !it.starts_with(directory));
        lose(below(known, directory), findings);
    }
}

/// What is known below a directory.
fn below<'a>(known: &'a BTreeMap<PathBuf, Print>, directory: &'a Path) -> impl Iterator<Item = &'a PathBuf> {
    known.range(directory.to_owned()..).map(|(path, _)| path).take_while(move |path| path.starts_with(directory))
}

/// What is not listed any more is gone, or it is ignored by now.
fn lose<'a>(lost: impl Iterator<Item = &'a PathBuf>, findings: &mut Findings) {
    for path in lost {
        match path.exists() {
            true => findings.forget.push(path.clone()),
            false => findings.add(path.clone()),
        }
    }
}
