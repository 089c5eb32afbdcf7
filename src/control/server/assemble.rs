//! What the rules, the master, the history and /proc know, put together: the status. Reads files: not for the loop.

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::SystemTime;

use super::listeners;
use super::office::Office;
use super::proving;
use crate::control::model::{
    Attempt, AttemptOutcome, Generation, GenerationState, MasterState, Origin, ReadyBy, Release, Reloads, Status, Time,
    Worker, WorkerState,
};
use crate::master::Evidence;
use crate::master::snapshot::{Snapshot, WorkerFacts};
use crate::observe::{self, Fate, Ran, Totals};
use crate::supervision::{self, GenerationView, Stage, Uptime, View, WorkerStage, WorkerView};
use crate::sys::usage;

/// All that is.
pub(super) fn status(office: &Office, snapshot: &Snapshot) -> Status {
    let (attempts, totals) = {
        let told = office.chronicle.told();
        let living = |it: &&observe::Attempt| snapshot.view.generations.iter().any(|view| view.id == it.generation);
        (told.history.attempts().filter(living).cloned().collect::<Vec<_>>(), told.history.totals())
    };
    let generation = |view: &GenerationView| {
        let attempt = attempts.iter().find(|attempt| attempt.generation == view.id);
        generation(view, attempt, snapshot)
    };
    Status {
        name: office.name.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        pid: std::process::id(),
        started: Time(office.started),
        uptime_seconds: office.since.elapsed().as_secs_f64(),
        state: state(&snapshot.view, totals),
        serving: snapshot.view.serving.map(|id| id.0),
        rising: snapshot.view.rising.map(|id| id.0),
        rollout: proving::rollout(snapshot, &attempts),
        reload_waits: snapshot.view.reload_waits,
        reloads: Reloads {
            promoted: totals.promoted,
            rejected: totals.rejected,
            aborted: totals.aborted,
            rolled_back: totals.rolled_back,
        },
        generations: snapshot.view.generations.iter().rev().map(generation).collect(),
        listeners: listeners::all(snapshot),
        latest_event: snapshot.latest_report,
    }
}

fn state(view: &View, totals: Totals) -> MasterState {
    match (view.stopping, view.serving, view.rising) {
        (true, _, _) => MasterState::Stopping,
        (false, Some(_), None) => MasterState::Serving,
        (false, Some(_), Some(_)) => MasterState::Reloading,
        (false, None, Some(_)) if totals.promoted == 0 => MasterState::Starting,
        (false, None, Some(_)) => MasterState::Reloading,
        (false, None, None) => MasterState::Idle,
    }
}

fn generation(view: &GenerationView, attempt: Option<&observe::Attempt>, snapshot: &Snapshot) -> Generation {
    let workers: Vec<Worker> = view.workers.iter().map(|it| worker(it, attempt, snapshot)).collect();
    let release = snapshot.releases.get(&view.id);
    let started = attempt.map_or_else(SystemTime::now, |attempt| attempt.started);
    let is_ready = |worker: &&Worker| matches!(worker.state, WorkerState::Ready | WorkerState::LameDuck);
    let count = |workers: usize| u32::try_from(workers).unwrap_or(u32::MAX);
    Generation {
        id: view.id.0,
        state: generation_state(view.stage),
        waits_for: attempt.and_then(|attempt| attempt.waits_for.clone()),
        ready: count(workers.iter().filter(is_ready).count()),
        share_percent: view.share,
        total: view.wanted.unwrap_or(count(workers.len())),
        connections: sum(&workers, |worker| worker.connections),
        cpu_seconds: sum(&workers, |worker| worker.cpu_seconds),
        rss_bytes: sum(&workers, |worker| worker.rss_bytes),
        since: Time(started),
        age_seconds: ago(started),
        promoted: attempt.filter(|it| was_promoted(it.fate)).and_then(|it| it.finished).map(Time),
        origin: attempt.map_or_else(|| Origin { by: "unknown".into(), reason: None }, |it| origin(&it.origin)),
        release: release.map(|it| Release {
            program: it.program.clone(),
            command: it.arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect(),
            directory: it.directory.clone(),
        }),
        changed_on_disk: release.map(|release| release.changes()).unwrap_or_default(),
        until_seconds: left(view.until, snapshot.now),
        workers,
    }
}

/// Of all workers that live; none if one of them is silent about it.
fn sum<T: std::iter::Sum>(workers: &[Worker], of: impl Fn(&Worker) -> Option<T>) -> Option<T> {
    workers.iter().filter(|worker| worker.pid.is_some()).map(of).sum()
}

fn worker(view: &WorkerView, attempt: Option<&observe::Attempt>, snapshot: &Snapshot) -> Worker {
    let facts = view.worker.and_then(|id| snapshot.workers.get(&id));
    let usage = facts.and_then(|facts| usage::of(facts.pid, facts.handle.as_fd()));
    let said = |what: fn(&WorkerFacts) -> Option<u64>| facts.and_then(what);
    Worker {
        slot: view.slot.0,
        worker: view.worker.map(|id| id.0),
        pid: facts.map(|facts| facts.pid.cast_unsigned()),
        state: worker_state(view.stage),
        since: facts.map(|facts| Time(facts.since)),
        age_seconds: facts.map(|facts| ago(facts.since)),
        ready_by: ready_by(view, attempt),
        until_seconds: left(view.until, snapshot.now),
        connections: said(|facts| facts.status.connections),
        requests: said(|facts| facts.status.requests),
        errors: said(|facts| facts.status.errors),
        status: facts.and_then(|facts| facts.status.text.clone()),
        cpu_seconds: usage.map(|usage| usage.cpu.as_secs_f64()),
        rss_bytes: usage.map(|usage| usage.memory),
        restarts: attempt.and_then(|it| it.restarts.get(&view.slot)).copied().unwrap_or_default(),
    }
}

fn ready_by(view: &WorkerView, attempt: Option<&observe::Attempt>) -> Option<ReadyBy> {
    match view.stage {
        WorkerStage::Waiting | WorkerStage::Starting => return None,
        WorkerStage::Ready | WorkerStage::LameDuck | WorkerStage::Draining | WorkerStage::Killed => {}
    }
    let evidence = attempt?.evidence.get(&view.slot);
    Some(evidence.map_or(ReadyBy::Protocol, |evidence| match evidence {
        Evidence::Said => ReadyBy::Notified,
        Evidence::Confirmed => ReadyBy::Confirmed,
        Evidence::Accepted => ReadyBy::Accepted,
        Evidence::Uptime => ReadyBy::MinimumUptime,
    }))
}

/// A row of the history.
pub(super) fn attempt(attempt: &observe::Attempt) -> Attempt {
    let took = attempt.finished.and_then(|finished| finished.duration_since(attempt.started).ok());
    Attempt {
        generation: attempt.generation.0,
        origin: origin(&attempt.origin),
        release: attempt.release.as_ref().map(|Ran { program, command, directory }| Release {
            program: PathBuf::from(program),
            command: command.clone(),
            directory: PathBuf::from(directory),
        }),
        outcome: match attempt.fate {
            Fate::Rising => AttemptOutcome::Rising,
            Fate::Promoted => AttemptOutcome::Promoted,
            Fate::Rejected => AttemptOutcome::Rejected,
            Fate::Aborted => AttemptOutcome::Aborted,
            Fate::RolledBack => AttemptOutcome::RolledBack,
        },
        why: attempt.why.clone(),
        slot: attempt.slot.map(|slot| slot.0),
        last_lines: attempt.last_lines.clone(),
        started: Time(attempt.started),
        held: attempt.held.map(Time),
        steps: attempt.steps.iter().map(proving::step).collect(),
        finished: attempt.finished.map(Time),
        took_seconds: took.map(|took| took.as_secs_f64()),
        previous: attempt.previous.map(|id| id.0),
        gone: attempt.gone.map(Time),
    }
}

fn was_promoted(fate: Fate) -> bool {
    match fate {
        Fate::Promoted | Fate::RolledBack => true,
        Fate::Rising | Fate::Rejected | Fate::Aborted => false,
    }
}

fn origin(origin: &supervision::Origin) -> Origin {
    Origin { by: origin.by.clone(), reason: origin.reason.clone() }
}

fn ago(time: SystemTime) -> f64 {
    time.elapsed().unwrap_or_default().as_secs_f64()
}

pub(super) fn left(until: Option<Uptime>, now: Uptime) -> Option<f64> {
    until.map(|until| until.since(now).as_secs_f64())
}

pub(super) fn generation_state(stage: Stage) -> GenerationState {
    match stage {
        Stage::Resolving => GenerationState::Resolving,
        Stage::WaitingForLane => GenerationState::WaitingForLane,
        Stage::Starting => GenerationState::Starting,
        Stage::Checking => GenerationState::Checking,
        Stage::Held => GenerationState::Held,
        Stage::Sharing { .. } => GenerationState::Sharing,
        Stage::Steering => GenerationState::Steering,
        Stage::Serving => GenerationState::Serving,
        Stage::Unsteered => GenerationState::Unsteered,
        Stage::Settling => GenerationState::Settling,
        Stage::Standby => GenerationState::Standby,
        Stage::Draining => GenerationState::Draining,
        Stage::Sweeping => GenerationState::Sweeping,
    }
}

fn worker_state(stage: WorkerStage) -> WorkerState {
    match stage {
        WorkerStage::Waiting => WorkerState::Waiting,
        WorkerStage::Starting => WorkerState::Starting,
        WorkerStage::Ready => WorkerState::Ready,
        WorkerStage::LameDuck => WorkerState::LameDuck,
        WorkerStage::Draining => WorkerState::Draining,
        WorkerStage::Killed => WorkerState::Killed,
    }
}
