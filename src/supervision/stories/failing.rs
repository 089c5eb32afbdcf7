//! The table of failures: in each phase of a rollout, whatever goes wrong.

use super::sharing::at_five_percent;
use crate::supervision::story::{Goes, Story, generation, millis, seconds};
use crate::supervision::{Command, ErrorBudget, Event, Health, Stage, Strategy, WorkerId};

/// What a newcomer is up to when it happens.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Checked,
    Held,
    Shared,
}

const PHASES: [Phase; 3] = [Phase::Checked, Phase::Held, Phase::Shared];

/// Generation 1 serves with worker 1; generation 2 has come that far with worker 2. That was request 2.
fn at(phase: Phase) -> Story {
    let mut story = match phase {
        Phase::Shared => at_five_percent_and_checked(),
        Phase::Held | Phase::Checked => {
            let mut story = Story::serving_with(1);
            story.plan.rollout.health = Some(Health { min_healthy: seconds(5), ..Health::default() });
            story.plan.rollout.strategy = Strategy::BlueGreen;
            story.promote();
            story.wait(if phase == Phase::Held { seconds(10) } else { seconds(1) });
            story
        }
    };
    let stage = match phase {
        Phase::Checked => Stage::Checking,
        Phase::Held => Stage::Held,
        Phase::Shared => Stage::Sharing { step: 1, steps: 3 },
    };
    assert_eq!(story.core().view().generations[1].stage, stage);
    story.forget();
    story
}

fn at_five_percent_and_checked() -> Story {
    let mut story = Story::serving_with(1);
    story.plan.rollout.health = Some(Health::default());
    story.plan.rollout.error_budget = ErrorBudget::percent(1.0);
    story.plan.rollout.strategy = Strategy::Canary;
    story.promote();
    story
}

#[test]
fn a_newcomer_that_crashes_before_it_serves_is_given_up() {
    for phase in PHASES {
        let mut story = at(phase);
        story.exit(2, 1);
        let back = if phase == Phase::Shared { "steer to generation 1" } else { "" };
        story.so_far(&format!(
            "generation 2 given up: the worker in slot 0 exited with status 1 before it was promoted
             answer request 2: rejected: the worker in slot 0 exited with status 1 before it was promoted
             {back}
             generation 2 gone"
        ));
        story.wait(seconds(3600));
        assert_eq!(story.core().view().generations.len(), 1, "{phase:?}");
    }
}

#[test]
fn a_newcomer_that_crashes_after_its_promotion_is_replaced_and_rolled_back_when_it_loops() {
    let mut story = at(Phase::Held);
    story.ask(Command::Promote);
    for worker in 2..=4 {
        story.crash(worker);
        story.wait(millis(100));
    }
    story.so_far(
        "steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         answer request 3: generation 2 serves
         lame duck worker 1
         slot 0 is filled again at once
         spawn worker 3 for generation 2 in slot 0
         slot 0 is filled again in 100ms
         spawn worker 4 for generation 2 in slot 0
         slot 0 is filled again in 200ms
         generation 2 rolled back to generation 1: the worker in slot 0 crashes again and again: it was killed by SIGSEGV
         steer to generation 1
         resume worker 1
         generation 2 gone",
    );
}

#[test]
fn a_newcomer_that_hangs_is_given_up_by_its_checks() {
    for phase in PHASES {
        let mut story = at(phase);
        story.world.check = Goes::Wrong;
        story.wait(seconds(4));
        story.so_far_begins_with(
            "generation 2 is unhealthy: GET /healthz: status 500
             generation 2 given up: its health check failed 3 times in a row: GET /healthz: status 500
             answer request 2: rejected: its health check failed 3 times in a row: GET /healthz: status 500",
        );
        assert_eq!(story.core().serving(), Some(generation(1)), "{phase:?}");
    }
}

#[test]
fn a_canary_that_answers_with_errors_is_steered_back_by_what_it_reports() {
    let mut story = at(Phase::Shared);
    story.report(2, 50, 1);
    story.nothing_so_far();
    story.report(2, 60, 7);
    story.so_far(
        "generation 2 given up: 7 of 60 requests went wrong, more than 1 % (error_budget)
         answer request 2: rejected: 7 of 60 requests went wrong, more than 1 % (error_budget)
         steer to generation 1
         lame duck worker 2",
    );
}

#[test]
fn a_lane_that_a_worker_shuts_is_the_end_of_a_canary() {
    for phase in PHASES {
        let mut story = at(phase);
        story.happen(Event::LostHandle { worker: WorkerId(2), what: "http was shut".into() });
        let why = "the worker in slot 0 misbehaved: http was shut";
        story.so_far_begins_with(&format!("generation 2 given up: {why}\nanswer request 2: rejected: {why}"));
        story.exit(2, 0);
        story.wait(seconds(60));
        story.so_far_ends_with("generation 2 gone");
    }
}

#[test]
fn a_lane_that_a_worker_of_the_old_generation_shuts_costs_that_worker_alone() {
    for phase in PHASES {
        let mut story = at(phase);
        story.happen(Event::LostHandle { worker: WorkerId(1), what: "http was shut".into() });
        story.happen(Event::Exited { worker: WorkerId(1), exit: crate::supervision::Exit::Signal("SIGKILL".into()) });
        story.so_far(
            "kill worker 1
             slot 0 is filled again at once
             spawn worker 3 for generation 1 in slot 0",
        );
        assert_eq!(story.core().rising(), Some(generation(2)));
    }
}

#[test]
fn term_in_any_phase_ends_all_and_whoever_met_clients_finishes_what_it_holds() {
    for phase in PHASES {
        let mut story = at(phase);
        story.in_full();
        story.ask(Command::Stop { fast: false });
        story.exit(1, 0);
        story.exit(2, 0);
        story.so_far_ends_with("end");
        let mut story = at(phase);
        story.ask(Command::Stop { fast: false });
        story.exit(1, 0);
        let patience = if phase == Phase::Shared { seconds(30) } else { seconds(1) };
        assert_eq!(story.next(), Some(patience), "{phase:?}");
    }
}

#[test]
fn a_reload_in_any_phase_is_remembered_and_so_is_the_hundredth() {
    for phase in PHASES {
        let mut story = at(phase);
        for _ in 0..100 {
            story.reload();
        }
        story.nothing_so_far();
        story.ask(Command::Abort);
        story.forget();
        story.exit(2, 0);
        story.ready(3);
        story.wait(seconds(5));
        story.ask(Command::Promote);
        let generations: Vec<u32> = story.core().view().generations.iter().map(|it| it.id.0).collect();
        assert_eq!(generations, [1, 3], "{phase:?}");
        story.wait(seconds(3600));
        story.exit(1, 0);
        let answered = story.told_so_far().iter().filter(|line| line.starts_with("answer request")).count();
        assert_eq!(answered, 101, "{phase:?}");
        assert_eq!(story.core().serving(), Some(generation(3)), "{phase:?}");
    }
}

#[test]
fn a_half_written_release_is_rejected_before_anything_starts() {
    let mut story = at_five_percent();
    story.ask(Command::Abort);
    story.exit(2, 0);
    story.forget();
    story.world.resolve = Goes::Wrong;
    story.reload();
    story.so_far(
        "generation 3 rising
         generation 3 given up: no such program
         answer request 4: rejected: no such program",
    );
}

#[test]
fn a_newcomer_of_which_nothing_was_met_leaves_at_once() {
    for phase in [Phase::Checked, Phase::Held] {
        let mut story = at(phase);
        story.ask(Command::Abort);
        let why = "aborted (a test)";
        story.so_far(&format!(
            "generation 2 given up: {why}
             answer request 2: rejected: {why}
             drain worker 2
             answer request 3: done"
        ));
    }
    let mut story = at(Phase::Shared);
    story.world.steer = Goes::Unanswered;
    story.misbehave(2);
    is_given_up_and_killed(&mut story);
}

fn is_given_up_and_killed(story: &mut Story) {
    let why = "the worker in slot 0 misbehaved: not JSON";
    story.so_far(&format!(
        "generation 2 given up: {why}
         answer request 2: rejected: {why}
         steer to generation 1
         kill worker 2"
    ));
}
