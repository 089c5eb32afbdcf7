//! Hooks: running what a release wants to be run before and after a reload, and telling it about that reload. Must not
//! know why a newcomer failed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::PipeReader;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::machine::Master;
use super::output::{LastLines, Lines};
use super::programs::locate;
use super::release_error::ReleaseError;
use super::report::Deed;
use super::wording::{in_full, shown};
use crate::errands::{Errand, Fault, Hook, Hooks, Scenery};
use crate::supervision::{GenerationId, Notice, Origin, Reason};

/// A hook that is asked to end may take so long.
const GRACE: Duration = Duration::from_secs(1);
/// So many lines of a hook are told.
const MOST_LINES: usize = 1000;

/// What is run around the reloads of a release, and where.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) hooks: Hooks,
    /// That of the workers, but for what is only theirs.
    pub(super) environment: BTreeMap<OsString, OsString>,
    pub(super) directory: PathBuf,
}

/// What a hook is told about the reload.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) generation: GenerationId,
    /// Who served when it was asked for, or serves again.
    pub(super) previous: Option<GenerationId>,
    pub(super) origin: Option<Origin>,
    /// What became of it, and why, if that is known by then.
    pub(super) outcome: Option<(&'static str, Option<String>)>,
}

impl Facts {
    fn variables(&self, hook: Hook) -> BTreeMap<OsString, OsString> {
        let Facts { generation, previous, origin, outcome } = self;
        let (outcome, reason) = outcome.clone().unzip();
        let all = [
            ("HEIRLOOM_HOOK", Some(hook.to_string())),
            ("HEIRLOOM_GENERATION", Some(generation.to_string())),
            ("HEIRLOOM_PREVIOUS", previous.map(|previous| previous.to_string())),
            ("HEIRLOOM_ORIGIN", origin.as_ref().map(|origin| origin.by.clone())),
            ("HEIRLOOM_ORIGIN_REASON", origin.as_ref().and_then(|origin| origin.reason.clone())),
            ("HEIRLOOM_OUTCOME", outcome.map(str::to_owned)),
            ("HEIRLOOM_REASON", reason.flatten()),
        ];
        let fit = |text: String| OsString::from(text.replace('\0', " "));
        all.into_iter().filter_map(|(name, value)| Some((name.into(), fit(value?)))).collect()
    }
}

impl Around {
    /// Runs a hook to its end, if there is one; its last lines come back with its failure.
    pub(super) fn run(
        &self,
        hook: Hook,
        facts: &Facts,
        scenery: Scenery,
        cancelled: &PipeReader,
        tell: &mut dyn FnMut(Deed),
    ) -> Result<(), ReleaseError> {
        let Some(command) = self.hooks.command(hook) else { return Ok(()) };
        let generation = facts.generation;
        let words: Vec<String> = command.iter().map(|word| shown(&word.to_string_lossy())).collect();
        tell(Deed::HookStarted { generation, hook, command: words });
        let began = Instant::now();
        let (mut lines, mut kept, mut told) = (Lines::default(), LastLines::default(), 0);
        let mut say = |said: Vec<String>| {
            for line in said {
                kept.keep(&line);
                told += 1;
                // Its last lines are kept all the same.
                if told <= MOST_LINES {
                    tell(Deed::HookLine { generation, hook, line });
                }
            }
        };
        let name = self.hooks.name.iter().map(|name| ("HEIRLOOM_NAME".into(), name.into()));
        let variables = facts.variables(hook).into_iter().chain(name).collect();
        let ended = self.errand(command, variables, scenery);
        let ended = ended.and_then(|errand| errand.run(cancelled.as_fd(), &mut |bytes| say(lines.split(bytes))));
        say(lines.rest().into_iter().collect());
        let why = ended.err().map(|fault| fault.to_string());
        tell(Deed::HookEnded { generation, hook, seconds: began.elapsed().as_secs_f64(), failure: why.clone() });
        why.map_or(Ok(()), |why| Err(ReleaseError::Hook { hook, why, lines: kept.all() }))
    }

    fn errand(
        &self,
        command: &[OsString],
        variables: BTreeMap<OsString, OsString>,
        scenery: Scenery,
    ) -> Result<Errand, Fault> {
        let name = command.first().map(OsString::as_os_str).unwrap_or_default();
        let program = locate(name, &self.directory, self.environment.get(OsStr::new("PATH")));
        let program = program.map_err(|error| Fault::NotStarted(in_full(&error)))?;
        let mut environment = self.environment.clone();
        environment.extend(variables);
        // Whoever asks heirloom from a hook asks this one.
        environment.extend(std::env::var_os("HEIRLOOM_SOCKET").map(|socket| ("HEIRLOOM_SOCKET".into(), socket)));
        let (arguments, directory) = (command.to_vec(), self.directory.clone());
        Ok(Errand { program, arguments, environment, directory, scenery, time: self.hooks.timeout, grace: GRACE })
    }
}

impl Master {
    /// How hooks are run: as whoever the master is.
    pub(super) fn scenery(&self) -> Scenery {
        let (launcher, descriptor_limit) = (self.behaviour.launcher, self.behaviour.descriptor_limit);
        Scenery { launcher, descriptor_limit, ..Scenery::default() }
    }

    /// What is known of a reload that begins.
    pub(super) fn facts_of(&self, generation: GenerationId) -> Facts {
        let origin = self.errands.origins.get(&generation).cloned();
        Facts { generation, previous: self.supervisor.serving(), origin, outcome: None }
    }

    /// What a notice means for hooks. They are about reloads: the first generation has none.
    pub(super) fn mind_hooks(&mut self, notice: &Notice) {
        match notice {
            Notice::Rising { generation, origin } => {
                self.errands.origins.insert(*generation, origin.clone());
            }
            Notice::Promoted { generation, previous: Some(previous) } => {
                self.run_hook(Hook::PostReload, *generation, *previous, ("promoted", None));
            }
            Notice::GivenUp { reason: Reason::Stopping, .. } => {} // nobody has time for it
            Notice::GivenUp { generation, reason, serving: Some(serving) } => {
                self.run_hook(Hook::OnFailure, *generation, *serving, ("given_up", Some(reason.to_string())));
            }
            Notice::RolledBack { generation, to, why } => {
                self.run_hook(Hook::OnFailure, *generation, *to, ("rolled_back", Some(why.clone())));
            }
            Notice::Gone { generation } => {
                self.errands.origins.remove(generation);
            }
            _ => {}
        }
    }

    /// The hook of the release that it is about; of the one that serves, if there is none.
    fn run_hook(
        &mut self,
        hook: Hook,
        generation: GenerationId,
        previous: GenerationId,
        outcome: (&'static str, Option<String>),
    ) {
        let release = self.releases.get(&generation).or_else(|| self.releases.get(&previous));
        let Some(around) = release.map(|release| release.around.clone()) else { return };
        if around.hooks.command(hook).is_none() {
            return;
        }
        let facts = Facts { previous: Some(previous), outcome: Some(outcome), ..self.facts_of(generation) };
        let scenery = self.scenery();
        self.errands.latest += 1;
        let run = move |cancelled: &PipeReader, tell: &mut dyn FnMut(Deed)| {
            let _ = around.run(hook, &facts, scenery, cancelled, tell); // it is told how it ended
        };
        match self.lookups.errand(self.errands.latest, run) {
            Ok(ends_it) => drop(self.errands.hooks.insert(self.errands.latest, ends_it)),
            Err(error) => self.report(Deed::Trouble { what: format!("the hook {hook} cannot be run: {error}") }),
        }
    }
}
