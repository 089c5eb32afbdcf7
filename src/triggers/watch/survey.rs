//! Where the selected files are: the ways that lead to them, the directories to watch, what is in them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::ledger::{Kind, Print};
use super::project::Project;
use super::route::{self, Route};
use super::rules::Rules;
use super::selection::{Files, Selection, Tree};
use super::watcher::WatchError;

/// What was selected, and where it is.
#[derive(Debug)]
pub(super) struct Survey {
    subjects: Vec<Subject>,
}

/// One path that was selected.
#[derive(Debug)]
struct Subject {
    path: PathBuf,
    kind: Kind,
    rules: Rules,
    route: Route,
    /// What is in it, if it is a directory.
    project: Option<Project>,
}

/// What to look at.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) examine: BTreeMap<PathBuf, Kind>,
    /// It is there, but watched no longer.
    pub(super) forget: Vec<PathBuf>,
}

/// What happens where is of interest.
#[derive(Debug, Default)]
pub(super) struct Concern {
    /// Names on the way to something, and to what: what happens to them is a hint at it.
    pub(super) names: HashMap<PathBuf, BTreeSet<PathBuf>>,
    /// Directories of which everything matters.
    pub(super) inside: HashSet<PathBuf>,
}

impl Survey {
    pub(super) fn of(selection: &Selection) -> Result<Survey, WatchError> {
        let subject = |path: &PathBuf, kind, rules: &Rules| {
            let (path, rules) = (path.clone(), rules.clone());
            Subject { path, kind, rules, route: Route::default(), project: None }
        };
        let subjects = match selection {
            Selection::Files(Files { programs, named }) => {
                let all = Rules::everything();
                let programs = programs.iter().map(|path| subject(path, Kind::Program, &all));
                let named = named.iter().filter(|path| !programs.clone().any(|it| it.path == **path));
                let named: Vec<Subject> = named.map(|path| subject(path, Kind::Named, &all)).collect();
                programs.chain(named).collect()
            }
            Selection::Tree(Tree { roots, extensions, ignore }) => {
                let rules = Rules::of_project(extensions, ignore)?;
                roots.iter().map(|path| subject(path, Kind::Member, &rules)).collect()
            }
        };
        Ok(Survey { subjects })
    }

    /// Follows all ways anew, and reads the directories that the hints point to; all of them, without hints.
    pub(super) fn look(&mut self, hints: Option<&BTreeSet<PathBuf>>, known: &BTreeMap<PathBuf, Print>) -> Findings {
        let mut findings = Findings::default();
        for subject in &mut self.subjects {
            subject.look(hints, known, &mut findings);
        }
        findings
    }

    /// All directories that are to be watched.
    pub(super) fn directories(&self) -> BTreeSet<PathBuf> {
        let routes = self.subjects.iter().flat_map(|subject| &subject.route.directories);
        let projects = self.projects().flat_map(|project| project.directories().iter().chain(project.beside()));
        routes.chain(projects).cloned().collect()
    }

    pub(super) fn concern(&self) -> Concern {
        let mut concern = Concern::default();
        for subject in &self.subjects {
            for name in &subject.route.names {
                concern.names.entry(name.clone()).or_default().insert(subject.path.clone());
            }
        }
        for project in self.projects() {
            concern.inside.extend(project.directories().iter().cloned());
            for (member, route) in project.links() {
                for name in &route.names {
                    concern.names.entry(name.clone()).or_default().insert(member.clone());
                }
            }
        }
        concern
    }

    /// The selected paths themselves.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.subjects.iter().map(|subject| &subject.path)
    }

    /// A path as the user knows it: below what he selected, and not below what that leads to.
    pub(super) fn as_selected(&self, path: &Path) -> PathBuf {
        let below = |subject: &Subject| {
            let real = &subject.project.as_ref()?.root();
            Some(subject.path.join(path.strip_prefix(real).ok()?))
        };
        self.subjects.iter().find_map(below).unwrap_or_else(|| path.to_owned())
    }

    fn projects(&self) -> impl Iterator<Item = &Project> {
        self.subjects.iter().filter_map(|subject| subject.project.as_ref())
    }
}

impl Subject {
    fn look(&mut self, hints: Option<&BTreeSet<PathBuf>>, known: &BTreeMap<PathBuf, Print>, findings: &mut Findings) {
        self.route = route::follow(&self.path);
        let directory = self.route.end.as_ref().filter(|end| end.is_dir());
        let Some(directory) = directory else {
            // What was in a directory that is away is not gone: it may come back.
            self.project = None;
            findings.examine.insert(self.path.clone(), self.kind);
            return;
        };
        match (&mut self.project, hints) {
            (Some(project), Some(hints)) if project.root() == directory => {
                project.look(hints, known, findings);
            }
            (project, _) => {
                let project = project.insert(Project::new(directory.clone(), self.rules.clone()));
                project.read(known, findings);
            }
        }
    }
}

impl Findings {
    pub(super) fn add(&mut self, member: PathBuf) {
        self.examine.entry(member).or_insert(Kind::Member);
    }
}
