//! Reloads that have to wait: for the outcome of another, or for a lane; and reloads that are taken back.

use crate::supervision::story::{Goes, Story, generation, millis, seconds};
use crate::supervision::{Coalescing, Command, Event, Policy};

fn in_development() -> Story {
    let policy = Policy { coalescing: Coalescing::NewestWins, ..Policy::default() };
    let mut story = Story::new(policy, Story::beginning().plan);
    story.plan.workers = 1;
    story
}

#[test]
fn a_burst_of_a_hundred_reloads_raises_two_generations_and_tells_each_caller_what_became_of_its_own() {
    let mut story = Story::serving_with(1);
    for _ in 0..100 {
        story.reload();
    }
    story.ready(2);
    story.ready(3);
    let to_the_others: String = (3..=101).map(|n| format!("answer request {n}: generation 3 serves\n")).collect();
    story.so_far(&format!(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         generation 3 rising
         spawn worker 3 for generation 3 in slot 0
         steer to generation 3
         generation 3 promoted
         {to_the_others}
         lame duck worker 2"
    ));
}

#[test]
fn a_remembered_reload_starts_also_when_the_one_before_it_fails() {
    let mut story = Story::serving_with(1);
    story.reload();
    story.reload();
    story.exit(2, 1);
    story.ready(3);
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 given up: the worker in slot 0 exited with status 1 before it was promoted
         answer request 2: rejected: the worker in slot 0 exited with status 1 before it was promoted
         generation 3 rising
         generation 2 gone
         spawn worker 3 for generation 3 in slot 0
         steer to generation 3
         generation 3 promoted
         answer request 3: generation 3 serves
         lame duck worker 1",
    );
}

#[test]
fn in_development_the_newest_wins() {
    let mut story = in_development();
    story.promote();
    story.reload();
    story.reload();
    story.exit(2, 0);
    story.ready(3);
    story.so_far(
        "generation 1 rising
         spawn worker 1 for generation 1 in slot 0
         steer to generation 1
         generation 1 promoted
         answer request 1: generation 1 serves
         generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 given up: a newer one is wanted
         answer request 2: rejected: a newer one is wanted
         drain worker 2
         generation 3 rising
         spawn worker 3 for generation 3 in slot 0
         generation 2 gone
         steer to generation 3
         generation 3 promoted
         answer request 3: generation 3 serves
         lame duck worker 1",
    );
}

#[test]
fn the_newest_wins_also_at_the_first_start() {
    let mut story = in_development();
    story.world.resolve = Goes::Unanswered;
    story.reload();
    story.world.resolve = Goes::Well;
    story.promote();
    story.so_far(
        "generation 1 rising
         stop resolving generation 1
         generation 1 given up: a newer one is wanted
         answer request 1: rejected: a newer one is wanted
         generation 2 rising
         spawn worker 1 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves",
    );
}

#[test]
fn a_generation_that_is_steered_to_is_not_given_up_for_a_newer_one() {
    let mut story = in_development();
    story.promote();
    story.world.steer = Goes::Unanswered;
    story.promote();
    story.reload();
    story.happen(Event::Steered { generation: generation(2) });
    story.so_far(
        "generation 1 rising
         spawn worker 1 for generation 1 in slot 0
         steer to generation 1
         generation 1 promoted
         answer request 1: generation 1 serves
         generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         generation 3 rising
         spawn worker 3 for generation 3 in slot 0",
    );
}

#[test]
fn who_aborts_gives_up_the_generation_that_rises() {
    let mut story = Story::serving_with(1);
    story.reload();
    story.ask(Command::Abort);
    story.exit(2, 0);
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 given up: aborted (a test)
         answer request 2: rejected: aborted (a test)
         drain worker 2
         answer request 3: done
         generation 2 gone",
    );
}

#[test]
fn a_build_that_takes_too_long_can_be_aborted() {
    let mut story = Story::serving();
    story.world.resolve = Goes::Unanswered;
    story.reload();
    story.ask(Command::Abort);
    story.happen(Event::Resolved { generation: generation(2), plan: story.plan.clone() });
    story.so_far(
        "generation 2 rising
         stop resolving generation 2
         generation 2 given up: aborted (a test)
         answer request 2: rejected: aborted (a test)
         answer request 3: done",
    );
}

#[test]
fn there_is_nothing_to_abort_when_no_generation_rises() {
    let mut story = Story::serving();
    story.ask(Command::Abort);
    story.so_far("answer request 2: refused: no generation rises");
}

#[test]
fn it_is_too_late_to_abort_a_generation_that_is_steered_to() {
    let mut story = Story::serving_with(1);
    story.world.steer = Goes::Unanswered;
    story.promote();
    story.ask(Command::Abort);
    story.happen(Event::Steered { generation: generation(2) });
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         answer request 3: refused: generation 2 is being promoted
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
}

#[test]
fn a_generation_waits_for_a_lane_and_says_so_once() {
    let mut story = Story::serving_with(1);
    story.world.allot = Goes::NotYet;
    story.reload();
    story.wait(seconds(60));
    story.so_far(
        "generation 2 rising
         generation 2 waits for a lane: all lanes are in use",
    );
    assert_eq!(story.next(), Some(millis(100)), "an emptied queue is no event, so it looks again");
    story.world.allot = Goes::Well;
    story.wait(millis(100));
    story.ready(2);
    story.so_far(
        "spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
}

#[test]
fn who_waits_for_a_lane_looks_again_at_once_when_a_generation_is_gone() {
    let mut story = Story::serving_with(1);
    story.promote();
    story.wait(seconds(11));
    story.world.allot = Goes::NotYet;
    story.reload();
    story.world.allot = Goes::Well;
    story.exit(1, 0);
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         generation 1 standing by
         drain worker 1
         generation 3 rising
         generation 3 waits for a lane: all lanes are in use
         generation 1 gone
         spawn worker 3 for generation 3 in slot 0",
    );
}

#[test]
fn a_reload_for_which_there_will_never_be_a_lane_is_rejected() {
    let mut story = Story::serving();
    story.world.allot = Goes::Wrong;
    story.reload();
    story.so_far(
        "generation 2 rising
         generation 2 given up: a stranger holds the lanes
         answer request 2: rejected: a stranger holds the lanes
         generation 2 gone",
    );
}
