//! What a storm is made of.

use std::fmt;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::world::World;
use crate::supervision::story::{Goes, millis, seconds};
use crate::supervision::{
    CanaryStep, Coalescing, Command, ErrorBudget, Event, Exit, FirstStart, GenerationId, Health, Plan, Policy, Rollout,
    Strategy as Way,
};

/// A whole storm: how the master behaves, what its releases want, and what happens to it.
#[derive(Clone)]
pub(super) struct Storm {
    pub(super) policy: Policy,
    /// A generation serves before the storm begins.
    serving: bool,
    /// The generations take turns with these.
    pub(super) plans: Vec<Plan>,
    steps: Vec<Step>,
}

/// Something happens. A number picks one of those to whom it can happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(Command),
    /// One of the actions that are under way comes to its end, like that.
    Finish(u8, Goes),
    /// The next time that the master steers, the kernel refuses.
    NextSteerFails,
    Ready(u8),
    Misbehave(u8),
    Exit {
        worker: u8,
        how: Death,
        leaves_behind: u32,
    },
    /// A worker of the serving generation, and then each that replaces it, ends at once.
    CrashAgainAndAgain(u8),
    /// All goes well for the generation that rises, and nothing else moves.
    RisesWell,
    /// A worker tells how many of the next hundred requests went wrong.
    Report {
        worker: u8,
        errors: u64,
    },
    SurvivorEnds(u8),
    StrangerReaped,
    /// So much time passes, and what falls due meanwhile happens in time.
    Wait(Duration),
    /// Time passes until something falls due.
    UntilDeadline,
    /// The master is busy for so long: it comes late to what falls due.
    Hang(Duration),
}

#[derive(Clone, Copy, Debug)]
enum Death {
    Done,
    Failed,
    Killed,
}

/// A line for each plan and each step, whether pretty or not.
impl fmt::Debug for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}, {}", self.policy, if self.serving { "serving" } else { "from the beginning" })?;
        self.plans.iter().try_for_each(|plan| writeln!(f, "    {plan:?}"))?;
        self.steps.iter().try_for_each(|step| writeln!(f, "    {step:?}"))
    }
}

impl Storm {
    pub(super) fn any() -> impl Strategy<Value = Storm> {
        let steps = vec(step(), 0..200);
        (policy(), any::<bool>(), plans(), steps).prop_map(|(policy, serving, plans, steps)| Storm {
            policy,
            serving,
            plans,
            steps,
        })
    }

    /// Goes through the storm and the calm after it; the error is the promise that was broken, and the story up to there.
    pub(super) fn rage(&self) -> Result<(), String> {
        let mut world = World::new(self);
        world.go_through(self).map_err(|broken| format!("{broken}\n\n{}", world.story()))
    }
}

impl World {
    pub(super) fn go_through(&mut self, storm: &Storm) -> Result<(), String> {
        if storm.serving {
            self.ask(Command::RELOAD)?;
            self.calm_down()?;
        }
        for &step in &storm.steps {
            self.take(step)?;
        }
        self.calm_down()?;
        self.everything_has_found_its_end()
    }

    fn take(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Ask(command) => self.ask(command),
            Step::Finish(which, goes) => self.finish(which, goes),
            Step::NextSteerFails => {
                self.next_steer_fails = true;
                Ok(())
            }
            Step::Ready(which) => self.ready(which),
            Step::Misbehave(which) => self.misbehave(which),
            Step::Exit { worker, how, leaves_behind } => match self.pick_process(worker) {
                Some(worker) => self.exit(worker, how.exit(), leaves_behind),
                None => Ok(()),
            },
            Step::CrashAgainAndAgain(which) => self.crash_again_and_again(which),
            Step::RisesWell => self.rise_well(),
            Step::Report { worker, errors } => self.report(worker, errors),
            Step::SurvivorEnds(which) => self.survivor_ends(which),
            Step::StrangerReaped => self.happen(Event::StrangerReaped),
            Step::Wait(time) => self.wait(time),
            Step::UntilDeadline => self.until_deadline(),
            Step::Hang(time) => {
                self.now = self.now + time;
                Ok(())
            }
        }
    }
}

impl Death {
    fn exit(self) -> Exit {
        match self {
            Death::Done => Exit::Status(0),
            Death::Failed => Exit::Status(1),
            Death::Killed => Exit::Signal("SIGKILL".into()),
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<u8>;
    let command = prop_oneof![
        70 => Just(Command::RELOAD),
        30 => (option::of(select(Way::ALL.to_vec())), any::<bool>())
            .prop_map(|(strategy, hold)| Command::Reload { strategy, hold }),
        12 => Just(Command::Abort),
        40 => Just(Command::Promote),
        40 => Just(Command::Rollback { to: None }),
        8 => (0..9u32).prop_map(|to| Command::Rollback { to: Some(GenerationId(to)) }),
        10 => Just(Command::Pause),
        10 => Just(Command::Resume),
        30 => (-2..=2).prop_map(Command::Scale),
        10 => (0..=4u32).prop_map(Command::ScaleTo),
        4 => Just(Command::Dismiss),
        2 => Just(Command::Stop { fast: false }),
        1 => Just(Command::Stop { fast: true }),
    ];
    let goes = prop_oneof![9 => Just(Goes::Well), 1 => Just(Goes::NotYet)];
    let how = select(vec![Death::Done, Death::Failed, Death::Killed]);
    let leaves_behind = prop_oneof![3 => Just(0u32), 1 => 1..3u32];
    prop_oneof![
        30 => command.prop_map(Step::Ask),
        120 => (which(), goes).prop_map(|(which, goes)| Step::Finish(which, goes)),
        4 => which().prop_map(|which| Step::Finish(which, Goes::Wrong)),
        8 => Just(Step::NextSteerFails),
        90 => which().prop_map(Step::Ready),
        5 => which().prop_map(Step::Misbehave),
        25 => (which(), how, leaves_behind)
            .prop_map(|(worker, how, leaves_behind)| Step::Exit { worker, how, leaves_behind }),
        12 => which().prop_map(Step::CrashAgainAndAgain),
        12 => Just(Step::RisesWell),
        8 => (which(), 0..4u64).prop_map(|(worker, errors)| Step::Report { worker, errors }),
        6 => which().prop_map(Step::SurvivorEnds),
        3 => Just(Step::StrangerReaped),
        30 => (0..3000u64).prop_map(|time| Step::Wait(millis(time))),
        30 => Just(Step::UntilDeadline),
        6 => (0..40_000u64).prop_map(|time| Step::Hang(millis(time))),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let coalescing = select(vec![Coalescing::Remember, Coalescing::NewestWins]);
    let first_start = select(vec![FirstStart::Fail, FirstStart::Wait]);
    (coalescing, first_start).prop_map(|(coalescing, first_start)| Policy { coalescing, first_start })
}

/// One to three plans that settle alike.
fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let patience = |most: u64| prop_oneof![1 => Just(Duration::ZERO), 5 => Just(seconds(most))];
    let workers = (0..4u32, any::<bool>());
    let plan = (workers, patience(10), prop_oneof![1 => Just(0), 20 => Just(30u64)], patience(30));
    (patience(1), patience(5), vec((plan, rollout()), 1..=3)).prop_map(|(settle, settle_most, plans)| {
        let plan = |(((workers, first_alone), warm, ready_grace, drain_grace), rollout)| Plan {
            workers,
            first_alone,
            settle,
            settle_most,
            warm,
            linger: seconds(5),
            ready_grace: seconds(ready_grace),
            drain_grace,
            rollout,
        };
        plans.into_iter().map(plan).collect()
    })
}

fn rollout() -> impl Strategy<Value = Rollout> {
    let patience = || option::of((0..20u64).prop_map(seconds));
    let step = (1..=100u8, patience()).prop_map(|(percent, hold)| CanaryStep { percent, hold });
    let health = (1..3u32, 1..4u32, 0..5u64).prop_map(|(rise, fall, healthy)| Health {
        interval: seconds(1),
        rise,
        fall,
        min_healthy: seconds(healthy),
    });
    let budget = option::of((0..3u8).prop_map(|percent| ErrorBudget::percent(percent.into()).expect("it is one")));
    let flags = (any::<bool>(), prop_oneof![4 => Just(false), 1 => Just(true)]);
    let deadline = option::weighted(0.3, (5..60u64).prop_map(seconds));
    let way = select(Way::ALL.to_vec());
    let shares = (way, patience(), vec(step, 0..4), flags, Just(0));
    (shares, option::of(health), deadline, budget).prop_map(
        |((strategy, auto_promote, steps, (sticky, by_workers), surge), health, progress_deadline, error_budget)| {
            Rollout {
                strategy,
                auto_promote,
                steps,
                sticky,
                surge,
                by_workers,
                health,
                progress_deadline,
                error_budget,
            }
        },
    )
}
