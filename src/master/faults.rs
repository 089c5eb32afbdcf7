//! All that is wrong with a recipe at once, for whoever checks it before it is needed.

use super::release::Recipe;
use super::release_error::ReleaseError;

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
                | ReleaseError::Credentials(_)
                | ReleaseError::NoProgram
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
        faults
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
    fn what_depends_on_a_missing_directory_is_not_guessed_at() {
        let recipe = Recipe { directory: Some("/nowhere".into()), ..Recipe::new(["./server"]) };
        assert!(matches!(recipe.faults()[..], [ReleaseError::Directory { .. }]));
        let recipe = Recipe { env_file: Some("/nowhere/env".into()), ..recipe };
        assert!(matches!(recipe.faults()[..], [ReleaseError::Directory { .. }, ReleaseError::EnvFile { .. }]));
        assert!(Recipe::new(["sh"]).faults().is_empty());
    }
}
