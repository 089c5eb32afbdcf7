//! All that is wrong with a recipe at once, for whoever checks it before it is needed.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::open::Declaration;
use super::release::Recipe;
use super::release_error::ReleaseError;
use crate::dialects::{Filling, Place};

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
                | ReleaseError::Credentials(_)
                | ReleaseError::NoProgram
                | ReleaseError::Placeholder(_)
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

    fn program_depends_on_directory(&self) -> bool {
        use std::os::unix::ffi::OsStrExt;
        let program = self.command.first().map(|program| program.as_bytes()).unwrap_or_default();
        program.contains(&b'/') && !program.starts_with(b"/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_depends_on_a_missing_directory_is_not_guessed_at() {
        let recipe = Recipe { directory: Some("/nowhere".into()), ..Recipe::new(["./server"]) };
        assert!(matches!(recipe.faults()[..], [ReleaseError::Directory { .. }]));
        let recipe = Recipe { env_file: Some("/nowhere/env".into()), ..recipe };
        assert!(matches!(recipe.faults()[..], [ReleaseError::Directory { .. }, ReleaseError::EnvFile { .. }]));
        assert!(Recipe::new(["sh"]).faults().is_empty());
    }
}
