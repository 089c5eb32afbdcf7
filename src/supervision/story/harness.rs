//! The harness: a core that is told what happens, and a world that answers what it orders.

use std::collections::VecDeque;
use std::time::Duration;

use super::lines::{diff, goes_without_saying, line};
use crate::supervision::{
    Action, CohortId, Command, Event, Exit, GenerationId, Origin, Plan, Policy, RequestId, Supervisor, Uptime, WorkerId,
};

pub(in crate::supervision) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(in crate::supervision) fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A generation, by its number.
pub(in crate::supervision) fn generation(n: u32) -> GenerationId {
    GenerationId(n)
}

/// All of a generation, by its number.
pub(in crate::supervision) fn cohort(n: u32) -> CohortId {
    CohortId::whole(generation(n))
}

/// What becomes of an action that is answered by an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::supervision) enum Goes {
    Well,
    /// It fails for good.
    Wrong,
    /// There is no lane yet, the queue is not empty, something was left behind.
    NotYet,
    /// The story answers it itself, or never.
    Unanswered,
}

/// How each kind of action goes.
pub(in crate::supervision) struct World {
    pub(in crate::supervision) resolve: Goes,
    pub(in crate::supervision) allot: Goes,
    pub(in crate::supervision) spawn: Goes,
    pub(in crate::supervision) steer: Goes,
    pub(in crate::supervision) check: Goes,
    pub(in crate::supervision) look: Goes,
    pub(in crate::supervision) sweep: Goes,
}

impl World {
    const FINE: World = World {
        resolve: Goes::Well,
        allot: Goes::Well,
        spawn: Goes::Well,
        steer: Goes::Well,
        check: Goes::Well,
        look: Goes::Well,
        sweep: Goes::Well,
    };

    fn answer(&self, action: &Action, plan: &Plan) -> Option<Event> {
        let goes = match action {
            Action::Resolve { .. } | Action::Recall { .. } => self.resolve,
            Action::Allot { .. } => self.allot,
            Action::Spawn { .. } => self.spawn,
            Action::Steer { .. } => self.steer,
            Action::Check { .. } => self.check,
            Action::Look { .. } => self.look,
            Action::Sweep { .. } => self.sweep,
            _ => return None,
        };
        answer(action, goes, plan)
    }
}

/// The event that answers an action, when it goes like that.
pub(in crate::supervision) fn answer(action: &Action, goes: Goes, plan: &Plan) -> Option<Event> {
    let well = match goes {
        Goes::Well => true,
        Goes::Wrong | Goes::NotYet => false,
        Goes::Unanswered => return None,
    };
    Some(match *action {
        Action::Resolve { generation } if well => Event::Resolved { generation, plan: plan.clone() },
        Action::Resolve { generation } => Event::Unresolved { generation, why: "no such program".into() },
        Action::Recall { generation, .. } if well => Event::Resolved { generation, plan: plan.clone() },
        Action::Recall { generation, .. } => Event::Unresolved { generation, why: "not kept".into() },
        Action::Check { generation } => {
            Event::Checked { generation, failure: (!well).then(|| "GET /healthz: status 500".into()) }
        }
        Action::Allot { cohort } if well => Event::Allotted { cohort },
        Action::Allot { cohort } if goes == Goes::NotYet => {
            Event::NoLaneYet { cohort, why: "all lanes are in use".into() }
        }
        Action::Allot { cohort } => Event::NotAllotted { cohort, why: "a stranger holds the lanes".into() },
        Action::Spawn { worker, .. } if well => Event::Started { worker },
        Action::Spawn { worker, .. } => Event::Exited { worker, exit: Exit::NotStarted("permission denied".into()) },
        Action::Steer { generation, .. } if well => Event::Steered { generation },
        Action::Steer { generation, .. } => Event::NotSteered { generation, why: "the kernel refused".into() },
        Action::Look { cohort } => Event::Looked { cohort, settled: well },
        Action::Sweep { cohort } => Event::Swept { cohort, survivors: u32::from(!well) },
        _ => return None,
    })
}

/// A core, what happened to it, and what it said to do.
pub(in crate::supervision) struct Story {
    pub(in crate::supervision) plan: Plan,
    pub(in crate::supervision) world: World,
    core: Supervisor,
    now: Uptime,
    requests: u64,
    workers: Vec<WorkerId>,
    lines: Vec<String>,
    in_full: bool,
}

impl Story {
    /// Nothing has happened yet.
    pub(in crate::supervision) fn new(policy: Policy, plan: Plan) -> Story {
        let (core, now) = (Supervisor::new(policy), Uptime(seconds(1000)));
        Story {
            plan,
            world: World::FINE,
            core,
            now,
            requests: 0,
            workers: Vec::new(),
            lines: Vec::new(),
            in_full: false,
        }
    }

    /// Nothing has happened yet; a generation will have two workers.
    pub(in crate::supervision) fn beginning() -> Story {
        Story::new(Policy::default(), Plan { workers: 2, ..Plan::default() })
    }

    /// Generation 1 serves, with so many workers, numbered from 1; that was request 1.
    pub(in crate::supervision) fn serving_with(workers: u32) -> Story {
        let mut story = Story::beginning();
        story.plan.workers = workers;
        story.promote();
        story.lines.clear();
        story
    }

    /// Generation 1 serves, with workers 1 and 2; that was request 1.
    pub(in crate::supervision) fn serving() -> Story {
        Story::serving_with(2)
    }

    /// Asks for something; requests are numbered from 1.
    pub(in crate::supervision) fn ask(&mut self, command: Command) {
        self.requests += 1;
        self.happen(Event::Asked { request: RequestId(self.requests), command, origin: Origin::new("a test") });
    }

    pub(in crate::supervision) fn reload(&mut self) {
        self.ask(Command::RELOAD);
    }

    /// A reload whose workers all become ready.
    pub(in crate::supervision) fn promote(&mut self) {
        self.reload();
        for worker in self.workers.clone() {
            self.happen(Event::Ready { worker });
        }
    }

    pub(in crate::supervision) fn ready(&mut self, worker: u64) {
        self.happen(Event::Ready { worker: WorkerId(worker) });
    }

    pub(in crate::supervision) fn misbehave(&mut self, worker: u64) {
        self.happen(Event::Misbehaved { worker: WorkerId(worker), what: "not JSON".into() });
    }

    /// The worker has answered so many requests, so many of them wrongly.
    pub(in crate::supervision) fn report(&mut self, worker: u64, requests: u64, errors: u64) {
        self.happen(Event::Reported { worker: WorkerId(worker), requests, errors });
    }

    /// The worker exits with this status.
    pub(in crate::supervision) fn exit(&mut self, worker: u64, status: i32) {
        self.happen(Event::Exited { worker: WorkerId(worker), exit: Exit::Status(status) });
    }

    /// The worker becomes ready, and dies.
    pub(in crate::supervision) fn crash(&mut self, worker: u64) {
        self.ready(worker);
        self.happen(Event::Exited { worker: WorkerId(worker), exit: Exit::Signal("SIGSEGV".into()) });
    }

    /// Something happens, and all that follows from it at this moment.
    pub(in crate::supervision) fn happen(&mut self, event: Event) {
        let (mut events, mut patience) = (VecDeque::from([event]), 1000);
        while let Some(event) = events.pop_front() {
            patience -= 1;
            assert!(patience > 0, "one thing leads to another, and time stands still");
            for action in self.core.handle(event, self.now) {
                events.extend(self.world.answer(&action, &self.plan));
                if let Action::Spawn { worker, .. } = action {
                    self.workers.push(worker);
                }
                if self.in_full || !goes_without_saying(&action) {
                    self.lines.push(line(&action));
                }
            }
            let due = self.core.deadline().filter(|&deadline| deadline <= self.now);
            assert_eq!(due, None, "a deadline that has passed would make the master spin");
        }
    }

    /// Time passes; what falls due meanwhile happens in its order, at its time.
    pub(in crate::supervision) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.core.deadline().filter(|&deadline| deadline <= end) {
            self.now = deadline;
            self.happen(Event::Tick);
        }
        self.now = end;
    }

    /// What was done since the story began, or since this was last asked.
    #[track_caller]
    pub(in crate::supervision) fn so_far(&mut self, expected: &str) {
        let told = std::mem::take(&mut self.lines);
        let expected: Vec<String> =
            expected.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        assert!(told == expected, "the story went otherwise (- as expected, + as told):\n{}", diff(&expected, &told));
    }

    /// The last of it.
    #[track_caller]
    pub(in crate::supervision) fn so_far_ends_with(&mut self, last: &str) {
        let told = std::mem::take(&mut self.lines);
        assert_eq!(told.last().map(String::as_str), Some(last), "in the end of {told:#?}");
    }

    /// The first of it.
    #[track_caller]
    pub(in crate::supervision) fn so_far_begins_with(&mut self, expected: &str) {
        self.lines.truncate(expected.lines().count());
        self.so_far(expected);
    }

    /// What was done since then does not matter here.
    pub(in crate::supervision) fn forget(&mut self) {
        self.lines.clear();
    }

    pub(in crate::supervision) fn told_so_far(&self) -> &[String] {
        &self.lines
    }

    /// Nothing was done since then.
    #[track_caller]
    pub(in crate::supervision) fn nothing_so_far(&mut self) {
        self.so_far("");
    }

    pub(in crate::supervision) fn core(&self) -> &Supervisor {
        &self.core
    }

    /// From here on, every action has its line.
    pub(in crate::supervision) fn in_full(&mut self) {
        self.in_full = true;
    }

    /// How long until the core wants to be asked again.
    pub(in crate::supervision) fn next(&self) -> Option<Duration> {
        self.core.deadline().map(|deadline| deadline - self.now)
    }
}
