//! A report as a line that a person reads.

use std::fmt;

use crate::master::{Deed, Evidence, Report, Stream, What};
use crate::supervision::{Ending, GenerationId, Notice, Reason, SharedBy};

/// How much a line matters: what colour a terminal gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// What a worker wrote, to this stream.
    Line(Stream),
    /// A step on the way.
    Step,
    /// It has come to a good end.
    Good,
    /// Somebody should look at it.
    Bad,
}

/// A report, to be shown to a person.
#[derive(Debug)]
pub struct Human<'a>(pub &'a Report);

impl Human<'_> {
    /// How much it matters.
    pub fn weight(&self) -> Weight {
        match &self.0.what {
            What::Deeds(Deed::Line { stream, .. }) => Weight::Line(*stream),
            What::Deeds(Deed::BuildLine { .. }) => Weight::Line(Stream::Error),
            What::Deeds(Deed::HookLine { .. }) => Weight::Line(Stream::Error),
            What::Deeds(
                Deed::Mended { .. }
                | Deed::Spoiled { .. }
                | Deed::Trouble { .. }
                | Deed::Refused { .. }
                | Deed::HookEnded { failure: Some(_), .. },
            ) => Weight::Bad,
            What::Deeds(_) => Weight::Step,
            What::Rules(notice) => weight_of(notice),
        }
    }
}

fn weight_of(notice: &Notice) -> Weight {
    match notice {
        Notice::Promoted { .. } => Weight::Good,
        Notice::GivenUp { reason: Reason::Stopping | Reason::Superseded | Reason::Aborted { .. }, .. } => Weight::Step,
        Notice::GivenUp { .. }
        | Notice::RolledBack { .. }
        | Notice::Unhealthy { .. }
        | Notice::NotSteered { .. }
        | Notice::Misbehaved { .. }
        | Notice::Killing { .. }
        | Notice::LeftBehind { .. }
        | Notice::Exited { wanted: false, .. }
        | Notice::Ended { ending: Ending::Failed(_) } => Weight::Bad,
        _ => Weight::Step,
    }
}

impl fmt::Display for Human<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pid = self.0.pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
        match &self.0.what {
            What::Rules(notice) => rules(notice, &pid, f)?,
            What::Deeds(deed) => deeds(deed, f)?,
        }
        if let What::Rules(Notice::GivenUp { .. }) = &self.0.what {
            for line in &self.0.last_lines {
                write!(f, "\n    | {line}")?;
            }
        }
        Ok(())
    }
}

fn rules(notice: &Notice, pid: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match notice {
        Notice::Rising { generation, origin } => write!(f, "generation {generation} rises ({origin})"),
        Notice::Remembered { generation, origin } => {
            write!(f, "another reload waits for the outcome of generation {generation} ({origin})")
        }
        Notice::WaitingForLane { generation, why } => write!(f, "generation {generation} waits: {why}"),
        Notice::Started { generation, slot, .. } => write!(f, "worker {generation}.{slot} started{pid}"),
        Notice::Ready { generation, slot, .. } => write!(f, "worker {generation}.{slot} is ready{pid}"),
        Notice::Checking { .. }
        | Notice::Held { .. }
        | Notice::Sharing { .. }
        | Notice::Paused { .. }
        | Notice::Resumed { .. }
        | Notice::Unhealthy { .. } => proving(notice, f),
        Notice::Promoted { generation, .. } => write!(f, "generation {generation} serves"),
        Notice::GivenUp { generation, reason, serving } => {
            write!(f, "generation {generation} is given up: {reason}{}", NeverStopped(*serving))
        }
        Notice::RolledBack { generation, to, why } => {
            write!(f, "generation {generation} is rolled back, generation {to} serves again: {why}")
        }
        Notice::NotSteered { generation, why } => {
            write!(f, "connections do not go to generation {generation} yet: {why}")
        }
        Notice::StandingBy { generation, warm } => {
            write!(f, "generation {generation} stands by for {} s", warm.as_secs_f64())
        }
        Notice::Draining { generation, grace } => {
            write!(f, "generation {generation} drains, for {} s at most", grace.as_secs_f64())
        }
        Notice::Gone { generation } => write!(f, "generation {generation} is gone"),
        Notice::Scaled { generation, workers, origin } => {
            write!(f, "generation {generation} is to have {workers} workers ({origin})")
        }
        Notice::Stopping { fast: false, origin } => write!(f, "stopping: workers finish what they hold ({origin})"),
        Notice::Stopping { fast: true, origin } => write!(f, "stopping at once ({origin})"),
        Notice::Ended { ending: Ending::Stopped } => f.write_str("stopped"),
        Notice::Ended { ending: Ending::Failed(why) } => write!(f, "the first generation failed: {why}"),
        Notice::Exited { .. }
        | Notice::Respawning { .. }
        | Notice::Misbehaved { .. }
        | Notice::Killing { .. }
        | Notice::LeftBehind { .. } => endings(notice, pid, f),
    }
}

/// Between ready and promoted.
fn proving(notice: &Notice, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match notice {
        Notice::Checking { generation } => {
            write!(f, "generation {generation} is ready; before any client meets it, its health is checked")
        }
        Notice::Held { generation, most: None } => {
            write!(f, "generation {generation} has proved itself and is held until somebody promotes it")
        }
        Notice::Held { generation, most: Some(most) } => {
            let seconds = most.as_secs_f64();
            write!(
                f,
                "generation {generation} has proved itself and is held for {seconds} s, or until somebody promotes it"
            )
        }
        Notice::Sharing { generation, percent, step, steps, hold, by } => {
            let of = match by {
                SharedBy::Connections => "new connections",
                SharedBy::Workers => "the workers",
            };
            write!(f, "generation {generation} has {percent} % of {of} (step {step} of {steps}")?;
            match hold {
                Some(hold) => write!(f, ", for {} s)", hold.as_secs_f64()),
                None => f.write_str(", until somebody promotes it)"),
            }
        }
        Notice::Paused { generation, origin } => {
            write!(f, "the rollout of generation {generation} is paused: it stays where it is ({origin})")
        }
        Notice::Resumed { generation, origin } => {
            write!(f, "the rollout of generation {generation} goes on ({origin})")
        }
        Notice::Unhealthy { generation, why } => write!(f, "generation {generation} failed a health check: {why}"),
        _ => Ok(()),
    }
}

fn endings(notice: &Notice, pid: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match notice {
        Notice::Exited { generation, slot, exit, wanted, .. } => {
            let how = if *wanted { "" } else { ", unasked" };
            write!(f, "worker {generation}.{slot} {exit}{how}{pid}")
        }
        Notice::Respawning { generation, slot, after } if after.is_zero() => {
            write!(f, "worker {generation}.{slot} is started again")
        }
        Notice::Respawning { generation, slot, after } => {
            write!(f, "worker {generation}.{slot} is started again in {} s", after.as_secs_f64())
        }
        Notice::Misbehaved { generation, slot, what, .. } => {
            write!(f, "worker {generation}.{slot} is replaced: {what}{pid}")
        }
        Notice::Killing { generation, slot, why, .. } => write!(f, "worker {generation}.{slot} is killed: {why}{pid}"),
        Notice::LeftBehind { generation, survivors } => {
            write!(f, "generation {generation} left {survivors} processes behind: they are killed")
        }
        _ => Ok(()),
    }
}

fn deeds(deed: &Deed, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match deed {
        Deed::Listening { listener, address, way, lanes } => {
            f.write_str("listening on ")?;
            if listener != address {
                write!(f, "{listener}, ")?;
            }
            write!(f, "{address} ({way}, {lanes} {})", if *lanes == 1 { "lane" } else { "lanes" })
        }
        Deed::Resolved { generation, program, directory, .. } => {
            write!(f, "generation {generation} is {program}, in {directory}")
        }
        Deed::Building { generation, command } => write!(f, "generation {generation} is built by {command}"),
        Deed::BuildLine { line, .. } => f.write_str(line),
        Deed::Built { generation, seconds } => write!(f, "generation {generation} is built, in {seconds:.1} s"),
        Deed::HookStarted { generation, hook, command } => {
            write!(f, "generation {generation}: the hook {hook} runs {}", command.join(" "))
        }
        Deed::HookLine { hook, line, .. } => write!(f, "{hook} | {line}"),
        Deed::HookEnded { generation, hook, seconds, failure: None } => {
            write!(f, "generation {generation}: the hook {hook} has ended well, in {seconds:.1} s")
        }
        Deed::HookEnded { generation, hook, failure: Some(why), .. } => {
            write!(f, "generation {generation}: the hook {hook} {why}")
        }
        Deed::Closed { listener } => write!(f, "{listener} is closed: nobody listens there any more"),
        Deed::Line { generation, slot, line, .. } => write!(f, "{generation}.{slot} | {line}"),
        Deed::Status { generation, slot, text } => write!(f, "worker {generation}.{slot} says: {text}"),
        Deed::Message { generation, slot, text } => write!(f, "worker {generation}.{slot} sent: {text}"),
        Deed::WorkerReloads { generation, slot } => write!(f, "worker {generation}.{slot} reloads by itself"),
        Deed::WorkerReloaded { generation, slot } => write!(f, "worker {generation}.{slot} has reloaded"),
        Deed::WorkerStops { generation, slot } => write!(f, "worker {generation}.{slot} says that it stops"),
        Deed::Proved { generation, slot, evidence } => {
            let why = match evidence {
                Evidence::Said => "it notified us (READY=1)",
                Evidence::Confirmed => "it notified us (READY=1), and accepts connections",
                Evidence::Accepted => "it accepts connections",
                Evidence::Uptime => "it stayed up; it says nothing, and a probe cannot tell",
            };
            write!(f, "worker {generation}.{slot} counts as ready: {why}")
        }
        Deed::Guessed { generation, slot, asked, listener } => {
            write!(f, "worker {generation}.{slot} asked for {asked} and got {listener}, the only one of its kind")
        }
        Deed::Refused { generation, slot, asked, why } => {
            write!(f, "worker {generation}.{slot} asked for {asked} and got nothing: {why}")
        }
        Deed::Mended { listener, what } => write!(f, "{listener} was shut by a worker: {what}"),
        Deed::Spoiled { listener, why } => write!(f, "a lane of {listener} is not used again: {why}"),
        Deed::Rescued { listener, connections, passed, relayed } => {
            let what = if *connections == 1 { "late connection" } else { "late connections" };
            write!(f, "{connections} {what} on {listener} served elsewhere ({passed} passed on, {relayed} relayed)")
        }
        Deed::Changed { generation, what } => write!(f, "generation {generation}: {what}"),
        Deed::Door { generation, listener, address } => {
            write!(f, "generation {generation} alone can be looked at: {address} leads to its {listener}")
        }
        Deed::Limited { listener, what } => write!(f, "{listener}: {what}"),
        Deed::Trouble { what } => f.write_str(what),
    }
}

struct NeverStopped(Option<GenerationId>);

impl fmt::Display for NeverStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(generation) => write!(f, "; generation {generation} never stopped serving"),
            None => Ok(()),
        }
    }
}
