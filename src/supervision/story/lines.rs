//! Actions as plain lines, and how two stories differ.

use crate::supervision::{Action, Ending, Notice, Share};

/// What is not worth a line in a story: the story itself made it happen, or the line beside it says as much.
pub(super) fn goes_without_saying(action: &Action) -> bool {
    match action {
        Action::Resolve { .. }
        | Action::Check { .. }
        | Action::Allot { .. }
        | Action::Promote { .. }
        | Action::Look { .. }
        | Action::Rescue { .. }
        | Action::Sweep { .. }
        | Action::Forget { .. } => true,
        Action::Tell(notice) => matches!(
            notice,
            Notice::Remembered { .. }
                | Notice::Started { .. }
                | Notice::Ready { .. }
                | Notice::Draining { .. }
                | Notice::Exited { .. }
                | Notice::Misbehaved { .. }
                | Notice::Scaled { .. }
                | Notice::Ended { .. }
        ),
        _ => false,
    }
}

/// An action, in words.
pub(in crate::supervision) fn line(action: &Action) -> String {
    match action {
        Action::Resolve { generation } => format!("resolve generation {generation}"),
        Action::CancelResolve { generation } => format!("stop resolving generation {generation}"),
        Action::Allot { cohort } => format!("allot lanes to generation {cohort}"),
        Action::Vacate { cohort } => format!("vacate generation {cohort}"),
        Action::Spawn { worker, cohort, slot } => {
            format!("spawn worker {worker} for generation {cohort} in slot {slot}")
        }
        Action::Recall { generation, of } => format!("recall generation {of} as generation {generation}"),
        Action::Steer { shares, sticky, .. } => steered(shares, *sticky),
        Action::Check { generation } => format!("check generation {generation}"),
        Action::Promote { worker } => format!("promote worker {worker}"),
        Action::LameDuck { worker, .. } => format!("lame duck worker {worker}"),
        Action::Resume { worker } => format!("resume worker {worker}"),
        Action::Drain { worker, .. } => format!("drain worker {worker}"),
        Action::Kill { worker } => format!("kill worker {worker}"),
        Action::Look { cohort } => format!("look at the queue of generation {cohort}"),
        Action::Rescue { cohort } => format!("rescue who still comes to generation {cohort}"),
        Action::Sweep { cohort } => format!("sweep behind generation {cohort}"),
        Action::KillSurvivors { cohort } => format!("kill what generation {cohort} left behind"),
        Action::Forget { generation } => format!("forget generation {generation}"),
        Action::Answer { request, outcome } => format!("answer request {request}: {outcome}"),
        Action::Tell(notice) => told(notice),
        Action::End(Ending::Stopped) => "end".into(),
        Action::End(Ending::Failed(why)) => format!("end with a failure: {why}"),
    }
}

fn steered(shares: &[Share], sticky: bool) -> String {
    match shares {
        [all] => format!("steer to generation {}", all.cohort),
        shares => {
            let parts: Vec<String> =
                shares.iter().map(|share| format!("{} to generation {}", share.weight, share.cohort)).collect();
            format!("steer {}{}", parts.join(", "), if sticky { ", by their addresses" } else { "" })
        }
    }
}

fn told(notice: &Notice) -> String {
    match notice {
        Notice::Rising { generation, .. } => format!("generation {generation} rising"),
        Notice::Remembered { generation, .. } => format!("a reload waits for the outcome of generation {generation}"),
        Notice::WaitingForLane { generation, why } => format!("generation {generation} waits for a lane: {why}"),
        Notice::Started { worker, .. } => format!("worker {worker} started"),
        Notice::Ready { worker, .. } => format!("worker {worker} ready"),
        Notice::Checking { generation } => format!("generation {generation} checked"),
        Notice::Held { generation, most: None } => format!("generation {generation} held"),
        Notice::Held { generation, most: Some(most) } => format!("generation {generation} held for {most:?}"),
        Notice::Sharing { generation, percent, step, steps, hold, .. } => {
            let hold = hold.map(|hold| format!(" for {hold:?}")).unwrap_or_default();
            format!("generation {generation} has {percent} %{hold}, step {step} of {steps}")
        }
        Notice::Paused { generation, .. } => format!("generation {generation} paused"),
        Notice::Resumed { generation, .. } => format!("generation {generation} resumed"),
        Notice::Unhealthy { generation, why } => format!("generation {generation} is unhealthy: {why}"),
        Notice::Promoted { generation, .. } => format!("generation {generation} promoted"),
        Notice::GivenUp { generation, reason, .. } => format!("generation {generation} given up: {reason}"),
        Notice::RolledBack { generation, to, why } => {
            format!("generation {generation} rolled back to generation {to}: {why}")
        }
        Notice::NotSteered { generation, why } => format!("not steered to generation {generation}: {why}"),
        Notice::StandingBy { generation, .. } => format!("generation {generation} standing by"),
        Notice::Draining { generation, .. } => format!("generation {generation} draining"),
        Notice::Exited { worker, exit, .. } => format!("worker {worker} {exit}"),
        Notice::Respawning { slot, after, .. } if after.is_zero() => format!("slot {slot} is filled again at once"),
        Notice::Respawning { slot, after, .. } => format!("slot {slot} is filled again in {after:?}"),
        Notice::Misbehaved { worker, what, .. } => format!("worker {worker} broke the protocol: {what}"),
        Notice::Killing { worker, why, .. } => format!("worker {worker} is out of grace: {why}"),
        Notice::LeftBehind { generation, survivors } => format!("generation {generation} left {survivors} behind"),
        Notice::Gone { generation } => format!("generation {generation} gone"),
        Notice::Scaled { generation, workers, .. } => format!("generation {generation} scaled to {workers}"),
        Notice::Stopping { fast: false, .. } => "stopping".into(),
        Notice::Stopping { fast: true, .. } => "stopping fast".into(),
        Notice::Ended { .. } => "ended".into(),
    }
}

/// Both texts in one: common lines once, the others marked by whose they are.
pub(super) fn diff(expected: &[String], told: &[String]) -> String {
    let common = |e: usize, t: usize| expected.get(e).is_some_and(|line| told.get(t) == Some(line));
    let mut longest = vec![vec![0; told.len() + 1]; expected.len() + 1];
    for (e, t) in (0..expected.len()).rev().flat_map(|e| (0..told.len()).rev().map(move |t| (e, t))) {
        longest[e][t] = if common(e, t) { longest[e + 1][t + 1] + 1 } else { longest[e + 1][t].max(longest[e][t + 1]) };
    }
    let (mut e, mut t, mut text) = (0, 0, String::new());
    while e < expected.len() || t < told.len() {
        if common(e, t) {
            text += &format!("    {}\n", told[t]);
            (e, t) = (e + 1, t + 1);
        } else if t == told.len() || e < expected.len() && longest[e + 1][t] >= longest[e][t + 1] {
            text += &format!("  - {}\n", expected[e]);
            e += 1;
        } else {
            text += &format!("  + {}\n", told[t]);
            t += 1;
        }
    }
    text
}
