//! What a generation runs, resolved once: it stays the same for all its workers, and tells what has become of its files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::hooks::Around;
use super::identity::{Became, Identity};
use super::node::NodeRelease;
use super::open::Declaration;
use crate::dialects::{Dialect, StopSignal};
use crate::health::Checks;
use crate::supervision::Plan;
use crate::sys::launch::{Credentials, World};

/// A resolved release.
#[derive(Debug)]
pub struct Release {
    /// The program's file, all symlinks followed.
    pub program: PathBuf,
    /// The arguments, the first as the user wrote it.
    pub arguments: Vec<OsString>,
    /// All that a worker finds in its environment, but for what tells it who it is.
    pub environment: BTreeMap<OsString, OsString>,
    /// Where it runs, all symlinks followed.
    pub directory: PathBuf,
    /// How it is given its handles.
    pub dialect: Dialect,
    /// What ends its workers.
    pub stop_signal: StopSignal,
    /// How often its workers must say that they live.
    pub watchdog: Option<Duration>,
    /// The numbers.
    pub plan: Plan,
    /// Where it listens.
    pub listeners: Vec<Declaration>,
    /// What it has to stand.
    pub health: Option<Checks>,
    /// What is run before and after its reload.
    pub(super) around: Arc<Around>,
    /// How the system treats its workers.
    pub world: World,
    /// Whether the worker in slot 0 has the terminal.
    pub foreground: bool,
    /// Whose rights they have.
    pub(crate) credentials: Option<Credentials>,
    /// Where it speaks Node's protocol.
    pub(super) node: Option<NodeRelease>,
    /// Held open: what ran keeps running, though the path may lead elsewhere by then.
    pub(super) held: File,
    pub(super) identity: Identity,
    pub(super) is_elf: bool,
    /// Files among the arguments, such as a script: an interpreter reads them anew at each start.
    pub(super) read: Vec<(PathBuf, Identity)>,
}

impl Release {
    /// The held file.
    pub(crate) fn held(&self) -> &File {
        &self.held
    }

    /// What is not as it was when the release was resolved, and what that means for a worker that is started now.
    pub(crate) fn changes(&self) -> Vec<String> {
        let program = match (self.identity.now_at(&self.program), self.is_elf) {
            (Became::TheSame, _) => None,
            (Became::Gone, true) => Some("is gone: workers go on with the former one"),
            (Became::Gone, false) => Some("is gone: no worker can start before it is back"),
            (Became::Another, true) => Some("is another file now: workers go on with the former one"),
            (Became::Rewritten, true) => Some("was rewritten in place: a worker that starts now runs the new one"),
            (Became::Another | Became::Rewritten, false) => {
                Some("has changed: a worker that starts now runs the new text")
            }
        };
        let read = self.read.iter().map(|(path, identity)| match identity.now_at(path) {
            Became::TheSame => (path, None),
            Became::Gone => (path, Some("is gone: a worker that starts now cannot read it")),
            Became::Another | Became::Rewritten => {
                (path, Some("has changed: a worker that starts now reads the new one"))
            }
        });
        let all = std::iter::once((&self.program, program)).chain(read);
        all.filter_map(|(path, what)| Some(format!("{} {}", path.display(), what?))).collect()
    }

    /// Whether it can be executed by its descriptor: a script cannot, its interpreter wants a path.
    pub(crate) fn is_elf(&self) -> bool {
        self.is_elf
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::Release;
    use crate::master::recipe::tests::{program, recipe};

    fn says(release: &Release, wanted: &[&str]) {
        let said = release.changes();
        assert_eq!(said.len(), wanted.len(), "{said:?}");
        assert!(said.iter().zip(wanted).all(|(said, wanted)| said.contains(wanted)), "{said:?}");
    }

    #[test]
    fn it_is_told_what_became_of_a_program() {
        let place = tempfile::tempdir().expect("a directory");
        for (magic, rewritten, another, gone) in [
            ("\x7fELF", "runs the new one", "the former one", "the former one"),
            ("#!/bin/sh", "runs the new text", "runs the new text", "no worker can start"),
        ] {
            let path = program(place.path(), "web", 0o755);
            fs::write(&path, magic).expect("a file");
            let release = recipe(place.path(), &["./web"]).resolve().expect("it resolves");
            says(&release, &[]);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("its mode");
            says(&release, &[]);
            fs::write(&path, magic.repeat(2)).expect("a file");
            says(&release, &[rewritten]);
            fs::rename(program(place.path(), "newer", 0o755), &path).expect("a rename");
            says(&release, &[another]);
            fs::remove_file(&path).expect("it is there");
            says(&release, &[gone]);
        }
    }

    #[test]
    fn it_is_told_what_became_of_a_file_among_the_arguments() {
        let place = tempfile::tempdir().expect("a directory");
        program(place.path(), "web", 0o755);
        let script = program(place.path(), "app.py", 0o644);
        let release = recipe(place.path(), &["./web", "app.py", "--no-file"]).resolve().expect("it resolves");
        says(&release, &[]);
        fs::rename(program(place.path(), "newer.py", 0o644), &script).expect("a rename");
        says(&release, &["app.py has changed"]);
        fs::remove_file(&script).expect("it is there");
        says(&release, &["app.py is gone"]);
    }
}
