//! The harness of the stories: it plays the master, with no process and no clock.
//!
//! What the core orders becomes plain lines. What a master would do without a thought is answered at once, and well,
//! unless the story's [`World`] says otherwise.

use std::collections::VecDeque;
use std::time::Duration;

use super::{
    Action, Command, Ending, Event, Exit, GenerationId, Notice, Origin, Plan, Policy, RequestId, Supervisor, Uptime,
    WorkerId,
};

pub(super) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(super) fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A generation, by its number.
pub(super) fn generation(n: u32) -> GenerationId {
    GenerationId(n)
}

/// What becomes of an action that is answered by an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goes {
    Well,
    /// It fails for good.
    Wrong,
    /// There is no lane yet, the queue is not empty, something was left behind.
    NotYet,
    /// The story answers it itself, or never.
    Unanswered,
}

/// How each kind of action goes.
pub(super) struct World {
    pub(super) resolve: Goes,
    pub(super) allot: Goes,
    pub(super) spawn: Goes,
    pub(super) steer: Goes,
    pub(super) look: Goes,
    pub(super) sweep: Goes,
}

impl World {
    const FINE: World = World {
        resolve: Goes::Well,
        allot: Goes::Well,
        spawn: Goes::Well,
        steer: Goes::Well,
        look: Goes::Well,
        sweep: Goes::Well,
    };

    fn answer(&self, action: &Action, plan: &Plan) -> Option<Event> {
        let goes = match action {
            Action::Resolve { .. } => self.resolve,
            Action::Allot { .. } => self.allot,
            Action::Spawn { .. } => self.spawn,
            Action::Steer { .. } => self.steer,
            Action::Look { .. } => self.look,
            Action::Sweep { .. } => self.sweep,
            _ => return None,
        };
        answer(action, goes, plan)
    }
}

/// The event that answers an action, when it goes like that.
pub(super) fn answer(action: &Action, goes: Goes, plan: &Plan) -> Option<Event> {
    let well = match goes {
        Goes::Well => true,
        Goes::Wrong | Goes::NotYet => false,
        Goes::Unanswered => return None,
    };
    Some(match *action {
        Action::Resolve { generation } if well => Event::Resolved { generation, plan: plan.clone() },
        Action::Resolve { generation } => Event::Unresolved { generation, why: "no such program".into() },
        Action::Allot { generation } if well => Event::Allotted { generation },
        Action::Allot { generation } if goes == Goes::NotYet => {
            Event::NoLaneYet { generation, why: "all lanes are in use".into() }
        }
        Action::Allot { generation } => Event::NotAllotted { generation, why: "a stranger holds the lanes".into() },
        Action::Spawn { worker, .. } if well => Event::Started { worker },
        Action::Spawn { worker, .. } => Event::Exited { worker, exit: Exit::NotStarted("permission denied".into()) },
        Action::Steer { generation } if well => Event::Steered { generation },
        Action::Steer { generation } => Event::NotSteered { generation, why: "the kernel refused".into() },
        Action::Look { generation } => Event::Looked { generation, settled: well },
        Action::Sweep { generation } => Event::Swept { generation, survivors: u32::from(!well) },
        _ => return None,
    })
}

/// A core, what happened to it, and what it said to do.
pub(super) struct Story {
    pub(super) plan: Plan,
    pub(super) world: World,
    core: Supervisor,
    now: Uptime,
    requests: u64,
    workers: Vec<WorkerId>,
    lines: Vec<String>,
}

impl Story {
    /// Nothing has happened yet.
    pub(super) fn new(policy: Policy, plan: Plan) -> Story {
        let (core, now) = (Supervisor::new(policy), Uptime(seconds(1000)));
        Story { plan, world: World::FINE, core, now, requests: 0, workers: Vec::new(), lines: Vec::new() }
    }

    /// Nothing has happened yet; a generation will have two workers.
    pub(super) fn beginning() -> Story {
        Story::new(Policy::default(), Plan { workers: 2, ..Plan::default() })
    }

    /// Generation 1 serves, with so many workers, numbered from 1; that was request 1.
    pub(super) fn serving_with(workers: u32) -> Story {
        let mut story = Story::beginning();
        story.plan.workers = workers;
        story.promote();
        story.lines.clear();
        story
    }

    /// Generation 1 serves, with workers 1 and 2; that was request 1.
    pub(super) fn serving() -> Story {
        Story::serving_with(2)
    }

    /// Asks for something; requests are numbered from 1.
    pub(super) fn ask(&mut self, command: Command) {
        self.requests += 1;
        self.happen(Event::Asked { request: RequestId(self.requests), command, origin: Origin("a test".into()) });
    }

    pub(super) fn reload(&mut self) {
        self.ask(Command::Reload);
    }

    /// A reload whose workers all become ready.
    pub(super) fn promote(&mut self) {
        self.reload();
        for worker in self.workers.clone() {
            self.happen(Event::Ready { worker });
        }
    }

    pub(super) fn ready(&mut self, worker: u64) {
        self.happen(Event::Ready { worker: WorkerId(worker) });
    }

    pub(super) fn misbehave(&mut self, worker: u64) {
        self.happen(Event::Misbehaved { worker: WorkerId(worker), what: "not JSON".into() });
    }

    /// The worker exits with this status.
    pub(super) fn exit(&mut self, worker: u64, status: i32) {
        self.happen(Event::Exited { worker: WorkerId(worker), exit: Exit::Status(status) });
    }

    /// The worker becomes ready, and dies.
    pub(super) fn crash(&mut self, worker: u64) {
        self.ready(worker);
        self.happen(Event::Exited { worker: WorkerId(worker), exit: Exit::Signal("SIGSEGV".into()) });
    }

    /// Something happens, and all that follows from it at this moment.
    pub(super) fn happen(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.core.handle(event, self.now) {
                events.extend(self.world.answer(&action, &self.plan));
                if let Action::Spawn { worker, .. } = action {
                    self.workers.push(worker);
                }
                if !goes_without_saying(&action) {
                    self.lines.push(line(&action));
                }
            }
            let due = self.core.deadline().filter(|&deadline| deadline <= self.now);
            assert_eq!(due, None, "a deadline that has passed would make the master spin");
        }
    }

    /// Time passes; what falls due meanwhile happens in its order, at its time.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.core.deadline().filter(|&deadline| deadline <= end) {
            self.now = deadline;
            self.happen(Event::Tick);
        }
        self.now = end;
    }

    /// What was done since the story began, or since this was last asked.
    #[track_caller]
    pub(super) fn so_far(&mut self, expected: &str) {
        let told = std::mem::take(&mut self.lines);
        let expected: Vec<String> =
            expected.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        assert!(told == expected, "the story went otherwise (- as expected, + as told):\n{}", diff(&expected, &told));
    }

    /// Nothing was done since then.
    #[track_caller]
    pub(super) fn nothing_so_far(&mut self) {
        self.so_far("");
    }

    pub(super) fn core(&self) -> &Supervisor {
        &self.core
    }

    /// How long until the core wants to be asked again.
    pub(super) fn next(&self) -> Option<Duration> {
        self.core.deadline().map(|deadline| deadline - self.now)
    }
}

/// Both texts in one: common lines once, the others marked by whose they are.
fn diff(expected: &[String], told: &[String]) -> String {
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

/// What is not worth a line in a story: the story itself made it happen, or the line beside it says as much.
fn goes_without_saying(action: &Action) -> bool {
    match action {
        Action::Resolve { .. }
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
pub(super) fn line(action: &Action) -> String {
    match action {
        Action::Resolve { generation } => format!("resolve generation {generation}"),
        Action::CancelResolve { generation } => format!("stop resolving generation {generation}"),
        Action::Allot { generation } => format!("allot lanes to generation {generation}"),
        Action::Spawn { worker, generation, slot } => {
            format!("spawn worker {worker} for generation {generation} in slot {slot}")
        }
        Action::Steer { generation } => format!("steer to generation {generation}"),
        Action::Promote { worker } => format!("promote worker {worker}"),
        Action::LameDuck { worker, .. } => format!("lame duck worker {worker}"),
        Action::Resume { worker } => format!("resume worker {worker}"),
        Action::Drain { worker, .. } => format!("drain worker {worker}"),
        Action::Kill { worker } => format!("kill worker {worker}"),
        Action::Look { generation } => format!("look at the queue of generation {generation}"),
        Action::Rescue { generation } => format!("rescue who still comes to generation {generation}"),
        Action::Sweep { generation } => format!("sweep behind generation {generation}"),
        Action::KillSurvivors { generation } => format!("kill what generation {generation} left behind"),
        Action::Forget { generation } => format!("forget generation {generation}"),
        Action::Answer { request, outcome } => format!("answer request {request}: {outcome}"),
        Action::Tell(notice) => told(notice),
        Action::End(Ending::Stopped) => "end".into(),
        Action::End(Ending::Failed(why)) => format!("end with a failure: {why}"),
    }
}

fn told(notice: &Notice) -> String {
    match notice {
        Notice::Rising { generation, .. } => format!("generation {generation} rising"),
        Notice::Remembered { generation, .. } => format!("a reload waits for the outcome of generation {generation}"),
        Notice::WaitingForLane { generation, why } => format!("generation {generation} waits for a lane: {why}"),
        Notice::Started { worker, .. } => format!("worker {worker} started"),
        Notice::Ready { worker, .. } => format!("worker {worker} ready"),
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
