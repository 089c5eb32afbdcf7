//! What the user wants to run, and how that becomes one value: program, arguments, environment, directory.
//!
//! Resolving reads the file system, so it happens on a thread that may block.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::hooks::Around;
use super::identity::Identity;
use super::open::Declaration;
use super::programs::{beginning_of, locate, open_to_hold};
use super::release::Release;
use super::release_error::ReleaseError;
use crate::dialects::node::NodeOptions;
use crate::dialects::{Dialect, StopSignal};
use crate::errands::Hooks;
use crate::health::Checks;
use crate::supervision::Plan;
use crate::sys::files::where_we_were_started;
use crate::sys::launch::{Credentials, World};

/// Variables of ours, of whoever supervises us, and of the sockets that were handed to us: not a worker's business.
const NOT_INHERITED: [&str; 18] = [
    "HEIRLOOM_CHANNEL",
    "HEIRLOOM_WORKER",
    "HEIRLOOM_GENERATION",
    "HEIRLOOM_COHORT",
    "HEIRLOOM_SLOT",
    "HEIRLOOM_SOCKET",
    "HEIRLOOM_ERRAND",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "FDSTORE",
    "NODE_CHANNEL_FD",
    "NODE_CHANNEL_SERIALIZATION_MODE",
    "NODE_UNIQUE_ID",
];

/// What the user wants to run, as he wrote it: resolved anew for each generation.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Where it runs; symlinks in it are followed anew for each generation. Without it: where the master was started.
    pub directory: Option<PathBuf>,
    /// A file of `NAME=VALUE` lines, read anew for each generation.
    pub env_file: Option<PathBuf>,
    /// Further variables; they win over the file's.
    pub environment: BTreeMap<OsString, OsString>,
    /// How it is given its handles, and says that it is ready.
    pub dialect: Dialect,
    /// What ends a worker that does not speak our protocol.
    pub stop_signal: StopSignal,
    /// How often a worker must say that it lives, if it has a socket to notify us by: only the program gives it one.
    pub watchdog: Option<Duration>,
    /// How a Node program is treated.
    pub node: NodeOptions,
    /// How many workers, and how long we wait for what.
    pub plan: Plan,
    /// Where it listens; without any, the addresses that workers ask for.
    pub listeners: Vec<Declaration>,
    /// What a generation has to stand; how often and how it is judged is the plan's.
    pub health: Option<Checks>,
    /// What is run before and after a reload.
    pub hooks: Hooks,
    /// Whose rights its workers have, and how the system treats them.
    pub world: World,
    /// The worker in slot 0 has the master's terminal as its standard input and writes to where the master does, as a
    /// debugger needs it: only the program can give it that.
    pub foreground: bool,
    /// Which variables of the master they find in their environment; without it, all but those that are meant for it.
    pub inherit: Option<BTreeSet<OsString>>,
}

impl Recipe {
    /// A recipe for a command, with defaults for all else.
    pub fn new(command: impl IntoIterator<Item = impl Into<OsString>>) -> Recipe {
        Recipe {
            command: command.into_iter().map(Into::into).collect(),
            directory: None,
            env_file: None,
            environment: BTreeMap::new(),
            dialect: Dialect::default(),
            stop_signal: StopSignal::default(),
            watchdog: None,
            node: NodeOptions::default(),
            plan: Plan::default(),
            listeners: Vec::new(),
            health: None,
            hooks: Hooks::default(),
            world: World::default(),
            foreground: false,
            inherit: None,
        }
    }

    /// Follows symlinks, looks through PATH, reads the environment file.
    ///
    /// # Errors
    /// When anything that it names is not there, or not fit to be run.
    pub fn resolve(&self) -> Result<Release, ReleaseError> {
        let name = self.command.first().ok_or(ReleaseError::NoProgram)?;
        let directory = self.resolve_directory()?;
        let credentials = self.world.credentials()?;
        let environment = self.resolve_environment(&directory, credentials.as_ref())?;
        let path = locate(name, &directory, environment.get(OsStr::new("PATH")))?;
        let unreadable = |source| ReleaseError::Program { path: path.clone(), source };
        let program = path.canonicalize().map_err(unreadable)?;
        let metadata = fs::metadata(&program).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(ReleaseError::NotExecutable { path: program, what: "is no file" });
        }
        if metadata.permissions().mode() & 0o111 == 0 {
            return Err(ReleaseError::NotExecutable { path: program, what: "is not executable: chmod +x it" });
        }
        let mut held = open_to_hold(&program).map_err(unreadable)?;
        let identity = Identity::of(&held.metadata().map_err(unreadable)?);
        let beginning = beginning_of(&mut held);
        let is_elf = beginning.starts_with(b"\x7fELF");
        let (dialect, node) = self.dialect_of(&program, &beginning, &environment, &directory)?;
        self.check_placeholders(&environment)?;
        self.check_errands(&directory, &environment)?;
        let read = self.files_among_arguments(&directory);
        Ok(Release {
            program,
            arguments: self.command.clone(),
            environment,
            directory,
            dialect,
            stop_signal: self.stop_signal,
            watchdog: self.watchdog,
            plan: self.plan.clone(),
            listeners: self.listeners_for(node.as_ref()),
            health: self.health.clone(),
            around: Arc::new(self.around()?),
            world: self.world.clone(),
            foreground: self.foreground,
            credentials,
            node,
            held,
            identity,
            is_elf,
            read,
        })
    }

    /// What is run around a reload, as it stands before anything else of it is looked at.
    pub(super) fn around(&self) -> Result<Around, ReleaseError> {
        let directory = self.resolve_directory()?;
        let environment = match self.hooks.is_empty() {
            true => BTreeMap::new(),
            false => self.resolve_environment(&directory, None)?,
        };
        Ok(Around { hooks: self.hooks.clone(), environment, directory })
    }

    /// Fixes the directory by its path, symlinks and all: once they have moved, nobody can tell any more that `$PWD` was
    /// where we were started.
    pub(super) fn remember_where_we_are(&mut self) {
        self.directory.get_or_insert_with(where_we_were_started);
    }

    fn resolve_directory(&self) -> Result<PathBuf, ReleaseError> {
        let path = self.directory.clone().unwrap_or_else(where_we_were_started);
        let unreachable = |source| ReleaseError::Directory { path: path.clone(), source };
        let directory = path.canonicalize().map_err(unreachable)?;
        match fs::metadata(&directory).map_err(unreachable)?.is_dir() {
            true => Ok(directory),
            false => Err(unreachable(io::Error::from(io::ErrorKind::NotADirectory))),
        }
    }

    fn files_among_arguments(&self, directory: &Path) -> Vec<(PathBuf, Identity)> {
        let paths = self.command.iter().skip(1).map(|argument| directory.join(argument));
        paths
            .filter_map(|path| {
                fs::metadata(&path).ok().filter(Metadata::is_file).map(|file| (path, Identity::of(&file)))
            })
            .collect()
    }

    pub(super) fn resolve_environment(
        &self,
        directory: &Path,
        credentials: Option<&Credentials>,
    ) -> Result<BTreeMap<OsString, OsString>, ReleaseError> {
        let is_meant = |name: &OsString| {
            let is_ours = NOT_INHERITED.iter().any(|not| name == not);
            !is_ours && self.inherit.as_ref().is_none_or(|only| name == "PATH" || only.contains(name))
        };
        let mut environment: BTreeMap<OsString, OsString> =
            std::env::vars_os().filter(|(name, _)| is_meant(name)).collect();
        let of_user = credentials.into_iter().flat_map(|credentials| credentials.variables.iter().cloned());
        environment.extend(of_user.map(|(name, value)| (OsString::from(name), value)));
        if let Some(file) = &self.env_file {
            let path = directory.join(file);
            let fault = |error: dotenvy::Error| ReleaseError::EnvFile { path: path.clone(), why: error.to_string() };
            for entry in dotenvy::from_path_iter(&path).map_err(fault)? {
                let (name, value) = entry.map_err(fault)?;
                environment.insert(name.into(), value.into());
            }
        }
        environment.extend(self.environment.clone());
        environment.insert("PWD".into(), directory.into());
        Ok(environment)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::master) fn program(directory: &Path, name: &str, mode: u32) -> PathBuf {
        let path = directory.join(name);
        fs::write(&path, "#!/bin/sh\n").expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        path
    }

    pub(in crate::master) fn recipe(directory: &Path, command: &[&str]) -> Recipe {
        Recipe { directory: Some(directory.to_owned()), ..Recipe::new(command) }
    }

    #[test]
    fn symlinks_are_followed_anew_for_each_generation() {
        let place = tempfile::tempdir().expect("a directory");
        for release in ["1", "2"] {
            fs::create_dir(place.path().join(release)).expect("a directory");
            program(&place.path().join(release), "web", 0o755);
        }
        let current = place.path().join("current");
        std::os::unix::fs::symlink("1", &current).expect("a symlink");
        let recipe = recipe(&current, &["./web"]);
        let first = recipe.resolve().expect("it resolves");
        fs::remove_file(&current).and_then(|()| std::os::unix::fs::symlink("2", &current)).expect("another symlink");
        let second = recipe.resolve().expect("it resolves");
        assert!(first.program.ends_with("1/web") && first.directory.ends_with("1"));
        assert!(second.program.ends_with("2/web") && second.directory.ends_with("2"));
        assert_eq!(second.arguments, ["./web"]);
    }

    #[test]
    fn a_program_without_a_slash_is_looked_up_in_path() {
        let place = tempfile::tempdir().expect("a directory");
        let path = program(place.path(), "web", 0o755);
        let mut recipe = recipe(Path::new("/"), &["web"]);
        recipe.environment.insert("PATH".into(), place.path().into());
        assert_eq!(recipe.resolve().expect("it resolves").program, path.canonicalize().expect("a path"));
        recipe.environment.insert("PATH".into(), "/nowhere".into());
        let error = recipe.resolve().expect_err("it is not there");
        assert_eq!(error.to_string(), "there is no program web in PATH (/nowhere)");
    }

    #[test]
    fn what_cannot_be_run_is_named() {
        let place = tempfile::tempdir().expect("a directory");
        program(place.path(), "plain", 0o644);
        let error = |command: &str| recipe(place.path(), &[command]).resolve().expect_err("no").to_string();
        assert!(error("./plain").ends_with("plain is not executable: chmod +x it"));
        assert!(error("./missing").starts_with("cannot open the program "));
        assert!(error("/").ends_with("is no file"));
        let error = recipe(&place.path().join("gone"), &["./web"]).resolve().expect_err("no").to_string();
        assert!(error.starts_with("cannot enter the directory "));
    }

    #[test]
    fn the_environment_file_is_read_and_its_faults_are_named() {
        let place = tempfile::tempdir().expect("a directory");
        program(place.path(), "web", 0o755);
        let mut recipe = recipe(place.path(), &["./web"]);
        recipe.env_file = Some("web.env".into());
        fs::write(place.path().join("web.env"), "# of today\nCOLOUR=blue\nWORDS=\"two words\"\n").expect("a file");
        let release = recipe.resolve().expect("it resolves");
        assert_eq!(release.environment[OsStr::new("COLOUR")], "blue");
        assert_eq!(release.environment[OsStr::new("WORDS")], "two words");
        fs::write(place.path().join("web.env"), "COLOUR=blue\nnonsense here\n").expect("a file");
        let error = recipe.resolve().expect_err("it is broken").to_string();
        assert!(error.contains("web.env") && error.contains("nonsense"), "{error}");
    }
}
