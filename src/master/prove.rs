//! Finding out that a worker can serve which does not say so in our protocol: the accept probe, and what it proves.

use std::time::Duration;

use super::listeners::ListenerId;
use super::machine::{Master, uptime};
use super::processes::Process;
use super::release::Release;
use super::report::Deed;
use crate::dialects::{Dialect, Evidence, Proof, Speaks};
use crate::supervision::{CohortId, Event, GenerationId, Slot, Uptime, WorkerId};
use crate::sys::files;
use crate::sys::lanes::Accepted;

/// How soon we look again whether a probe was taken: that somebody accepted is no event for the one who connected.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What was learnt of the program, for the generations to come.
#[derive(Default)]
pub(super) struct Experience {
    pub(super) speaks: Option<Speaks>,
    /// How long it took to prove the first worker of the generation.
    first_proved_after: Option<(GenerationId, Duration)>,
}

impl Experience {
    /// How long the worker that was proved last took, of those who were the first of their generation.
    pub(super) fn latest_start(&self) -> Option<Duration> {
        self.first_proved_after.map(|(_, after)| after)
    }
}

impl Master {
    /// How a worker that is about to be started will be proved.
    pub(super) fn proof_of(&self, cohort: CohortId, slot: Slot, dialect: Dialect) -> Proof {
        let generation = cohort.generation;
        let alone = self.is_first_of(cohort, slot) && self.supervisor.rising() == Some(generation);
        let probe = alone && self.listeners.can_be_probed(cohort);
        let like = self.experience.first_proved_after.filter(|(of, _)| *of == generation).map(|(_, after)| after);
        Proof::new(dialect, self.experience.speaks, probe, like, uptime().0)
    }

    /// Whether it is the first in its lane.
    fn is_first_of(&self, cohort: CohortId, slot: Slot) -> bool {
        let release = self.releases.get(&cohort.generation).filter(|_| cohort.number > 0);
        let size = release.map_or(u32::MAX, |release| release.plan.rollout.surge.max(1));
        slot.0.is_multiple_of(size)
    }

    /// Whether the first worker of a generation has to be proved before the others are started: unless the program
    /// says of each worker when it is ready.
    pub(super) fn first_must_prove(&self, release: &Release) -> bool {
        let says_when = matches!(self.experience.speaks, Some(Speaks::Query | Speaks::Notify));
        let always_says_when = matches!(release.dialect, Dialect::Query | Dialect::Node);
        self.behaviour.launcher && !always_says_when && !says_when
    }

    /// When to look again at those who are not proved yet.
    pub(super) fn next_look_at_proofs(&self) -> Option<Uptime> {
        let unproved = self.unproved.iter().filter_map(|worker| self.processes.all.get(worker));
        unproved.filter_map(next_look).min().map(Uptime)
    }

    /// Looks at all who are not proved yet.
    pub(super) fn prove(&mut self) {
        for worker in self.unproved.iter().copied().collect::<Vec<_>>() {
            self.probe(worker);
            let Some(process) = self.processes.all.get_mut(&worker) else { continue };
            let now = uptime().0;
            let looks: Vec<_> = process.probes.iter().map(|(id, probe)| (*id, probe.look())).collect();
            let waiting: Vec<_> =
                looks.iter().filter(|(_, look)| !matches!(look, Ok(Accepted::Yes))).map(|(id, _)| *id).collect();
            let taken = !looks.is_empty() && waiting.is_empty();
            let broken = looks.iter().any(|(_, look)| matches!(look, Ok(Accepted::Broken(_)) | Err(_)));
            process.next_look = now + LOOK_AGAIN;
            let evidence = if taken { process.proof.accepted(now) } else { process.proof.pass_time(now) };
            if taken || broken {
                self.end_probes(worker);
            }
            self.lacks(worker, &waiting);
            self.proved(worker, evidence);
        }
    }

    /// Says where nobody accepts though the worker says that it is ready, whenever that has changed.
    fn lacks(&mut self, worker: WorkerId, waiting: &[ListenerId]) {
        let Some(process) = self.processes.all.get_mut(&worker) else { return };
        let names = waiting.iter().filter_map(|id| Some(self.listeners.listener(*id)?.declaration.name.as_str()));
        let names: Vec<&str> = names.collect();
        if names.is_empty() || !process.proof.is_unconfirmed() {
            return;
        }
        let what = format!("it said READY=1, but nobody accepts on {}", names.join(", "));
        if process.lacking.as_ref() != Some(&what) {
            process.lacking = Some(what.clone());
            self.feed(Event::Lacking { worker, what });
        }
    }

    /// Connects to the worker's lanes, if that can tell us something.
    fn probe(&mut self, worker: WorkerId) {
        let Some(process) = self.processes.all.get_mut(&worker) else { return };
        let now = uptime().0;
        let due = process.proof.probe_at().is_some_and(|at| at <= now);
        if process.launcher.is_some() || !process.probes.is_empty() || !due {
            return;
        }
        process.probes = self.listeners.probe(process.cohort);
        process.next_look = now + LOOK_AGAIN;
    }

    fn end_probes(&mut self, worker: WorkerId) {
        if let Some(process) = self.processes.all.get_mut(&worker) {
            self.listeners.end_probes(std::mem::take(&mut process.probes));
        }
    }

    /// The worker is ready, if there is evidence for it.
    pub(super) fn proved(&mut self, worker: WorkerId, evidence: Option<Evidence>) {
        let (Some(evidence), Some(process)) = (evidence, self.processes.all.get(&worker)) else { return };
        let (generation, slot, speaks) = (process.generation, process.slot, process.proof.speaks());
        let cohort = process.cohort;
        let took = uptime().0.saturating_sub(process.proof.started());
        let inherited: Vec<_> = process.inherited.keys().copied().collect();
        self.unproved.remove(&worker);
        self.end_probes(worker);
        self.experience.speaks = speaks.or(self.experience.speaks);
        if self.experience.first_proved_after.is_none_or(|(of, _)| of != generation) {
            self.experience.first_proved_after = Some((generation, took));
        }
        if !matches!(speaks, Some(Speaks::Query | Speaks::Node)) {
            inherited.into_iter().for_each(|id| self.listeners.take(id, cohort));
            self.report(Deed::Proved { generation, slot, evidence });
        }
        if let Some(process) = self.processes.all.get_mut(&worker) {
            process.watch.ready(files::awake());
        }
        self.feed(Event::Ready { worker });
    }

    /// Nobody of the generation accepts any more: who takes our connections from now on is the one who rescues them.
    pub(super) fn stop_proving_all(&mut self, cohort: CohortId) {
        let is_its = |worker: &WorkerId| self.processes.all.get(worker).is_some_and(|it| it.cohort == cohort);
        let workers: Vec<WorkerId> = self.unproved.iter().copied().filter(is_its).collect();
        workers.into_iter().for_each(|worker| self.stop_proving(worker));
    }

    /// A worker is gone, or needs no proof any more.
    pub(super) fn stop_proving(&mut self, worker: WorkerId) {
        self.unproved.remove(&worker);
        self.end_probes(worker);
    }
}

fn next_look(process: &Process) -> Option<Duration> {
    let look = match process.probes.is_empty() {
        true => process.proof.probe_at().map(|at| at.max(process.next_look)),
        false => Some(process.next_look),
    };
    look.into_iter().chain(process.proof.deadline()).min()
}
