//! All that is wrong with a recipe at once, for whoever checks it before it is needed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::open::Declaration;
use super::programs::locate;
use super::recipe::Recipe;
use super::release_error::ReleaseError;
use crate::dialects::{Filling, Place};
use crate::errands::Hook;

impl Recipe {
    /// What [`Recipe::resolve`] would stumble over, one thing after the other.
    pub fn faults(&self) -> Vec<ReleaseError> {
        let mut recipe = self.clone();
        let mut faults = Vec::new();
        while let Err(fault) = recipe.resolve() {
            let mended = match &fault {
                ReleaseError::EnvFile { .. } => recipe.env_file.take().is_some(),
                ReleaseError::Directory { .. } => recipe.directory.replace("/".into()) != Some("/".into()),
                ReleaseError::Recipe { .. }
                | ReleaseError::Build { .. }
                | ReleaseError::Hook { .. }
                | ReleaseError::Errand { .. }
                | ReleaseError::Credentials(_)
                | ReleaseError::NoProgram
                | ReleaseError::Placeholder(_)
                | ReleaseError::Node(_)
                | ReleaseError::NotInPath { .. }
                | ReleaseError::Program { .. }
                | ReleaseError::NotExecutable { .. } => false,
            };
            // Whether a program is in a directory that is not there, nobody can tell.
            let guessed = !mended && recipe.directory != self.directory && self.program_depends_on_directory();
            if !guessed {
                faults.push(fault);
            }
            if !mended {
                break;
            }
        }
        if !faults.iter().any(|fault| matches!(fault, ReleaseError::Placeholder(_))) {
            faults.extend(self.check_placeholders(&self.environment).err());
        }
        faults
    }

    /// Fills all placeholders, as if for a worker: whether each names a listener that is declared.
    pub(super) fn check_placeholders(&self, environment: &BTreeMap<OsString, OsString>) -> Result<(), ReleaseError> {
        let place = |Declaration { name, address, .. }: &Declaration| Place {
            name: name.clone(),
            address: address.to_string(),
            port: address.port(),
        };
        let places = self.listeners.iter().map(place).collect();
        let filling = Filling { places, first_descriptor: 3, generation: 0, slot: 0 };
        let texts = self.command.iter().chain(environment.values());
        texts.map(|text| filling.fill(text)).try_for_each(|filled| filled.map(drop).map_err(ReleaseError::Placeholder))
    }

    /// Whether what is run beside the workers is there, and each check asks a listener that is declared.
    pub(super) fn check_errands(
        &self,
        directory: &Path,
        environment: &BTreeMap<OsString, OsString>,
    ) -> Result<(), ReleaseError> {
        let checks = self.health.iter();
        let commands = [
            ("hooks.pre_reload", self.hooks.command(Hook::PreReload)),
            ("hooks.post_reload", self.hooks.command(Hook::PostReload)),
            ("hooks.on_failure", self.hooks.command(Hook::OnFailure)),
            ("health.command", checks.clone().find_map(|checks| checks.command.as_deref())),
        ];
        for (setting, command) in commands.into_iter().filter_map(|(setting, command)| Some((setting, command?))) {
            let name = command.first().ok_or(ReleaseError::NoProgram)?;
            let found = locate(name, directory, environment.get(OsStr::new("PATH"))).and_then(executable);
            found.map_err(|source| ReleaseError::Errand { setting, source: Box::new(source) })?;
        }
        let names = || self.listeners.iter().map(|it| it.name.as_str()).collect::<Vec<_>>();
        let asked = checks.flat_map(|checks| &checks.requests).filter_map(|it| it.listeners.as_ref()).flatten();
        let unknown = asked.into_iter().find(|name| !names().contains(&name.as_str()));
        match unknown.filter(|_| !self.listeners.is_empty()) {
            Some(name) => Err(ReleaseError::Placeholder(format!(
                "a check asks the listener {name}, but there is {}",
                names().join(", ")
            ))),
            None => Ok(()),
        }
    }

    fn program_depends_on_directory(&self) -> bool {
        use std::os::unix::ffi::OsStrExt;
        let program = self.command.first().map(|program| program.as_bytes()).unwrap_or_default();
        program.contains(&b'/') && !program.starts_with(b"/")
    }
}

fn executable(path: PathBuf) -> Result<(), ReleaseError> {
    let file = std::fs::metadata(&path).map_err(|source| ReleaseError::Program { path: path.clone(), source })?;
    match (file.is_file(), file.permissions().mode() & 0o111) {
        (false, _) => Err(ReleaseError::NotExecutable { path, what: "is no file" }),
        (true, 0) => Err(ReleaseError::NotExecutable { path, what: "is not executable: chmod +x it" }),
        (true, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errands::Hooks;
    use crate::health::{Checks, HttpCheck, Scheme};

    #[test]
    fn all_faults_are_found_at_once() {
        let recipe = Recipe {
            directory: Some("/nowhere".into()),
            env_file: Some("/nowhere/env".into()),
            ..Recipe::new(["no-such-program-anywhere"])
        };
        let faults = recipe.faults();
        assert!(
            matches!(
                faults[..],
                [ReleaseError::Directory { .. }, ReleaseError::EnvFile { .. }, ReleaseError::NotInPath { .. }]
            ),
            "{faults:?}"
        );
    }

    #[test]
    fn a_placeholder_for_a_listener_that_is_not_declared_is_a_fault() {
        let http = Declaration::new("http", crate::protocol::Address::from(8000));
        let recipe = Recipe { listeners: vec![http], ..Recipe::new(["sh", "{fd:http}", "{port:web}", "{other}"]) };
        let faults: Vec<String> = recipe.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults, ["no listener is called web; there is http"]);
        let recipe = Recipe { command: vec!["no-such-program-anywhere".into(), "{fd:web}".into()], ..recipe };
        assert!(matches!(recipe.faults()[..], [ReleaseError::NotInPath { .. }, ReleaseError::Placeholder(_)]));
    }

    #[test]
    fn what_is_run_beside_the_workers_has_to_be_there() {
        let command = |program: &str| Some(vec![OsString::from(program)]);
        let hooks = Hooks { pre_reload: command("true"), on_failure: command("/no/such/hook"), ..Hooks::default() };
        let faults = Recipe { hooks, ..Recipe::new(["sh"]) }.faults();
        assert!(matches!(&faults[..], [ReleaseError::Errand { setting: "hooks.on_failure", .. }]), "{faults:?}");
        let checks = Checks { requests: Vec::new(), command: command("/"), timeout: Checks::TIMEOUT };
        let faults = Recipe { health: Some(checks), ..Recipe::new(["sh"]) }.faults();
        assert!(matches!(&faults[..], [ReleaseError::Errand { setting: "health.command", .. }]), "{faults:?}");
    }

    #[test]
    fn a_check_asks_a_listener_that_is_declared() {
        let request = HttpCheck { listeners: Some(["web".into()].into()), ..HttpCheck::new(Scheme::Http, "/") };
        let checks = Checks { requests: vec![request], command: None, timeout: Checks::TIMEOUT };
        let http = Declaration::new("http", crate::protocol::Address::from(8000));
        let recipe = Recipe { health: Some(checks), listeners: vec![http], ..Recipe::new(["sh"]) };
        let faults: Vec<String> = recipe.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults, ["a check asks the listener web, but there is http"]);
    }

    #[test]
    fn what_depends_on_a_missing_directory_is_not_guessed_at() {
        let recipe = Recipe { directory: Some("/nowhere".into()), ..Recipe::new(["./server"]) };
        assert!(matches!(recipe.faults()[..], [ReleaseError::Directory { .. }]));
        let recipe = Recipe { env_file: Some("/nowhere/env".into()), ..recipe };
        assert!(matches!(recipe.faults()[..], [ReleaseError::Directory { .. }, ReleaseError::EnvFile { .. }]));
        assert!(Recipe::new(["sh"]).faults().is_empty());
    }
}
