//! Back on somebody's word: with one steer to who stands by, by raising its release anew to who does not.

use crate::supervision::story::{Goes, Story, generation, seconds};
use crate::supervision::{Command, Event, KEPT, Strategy};

const BACK: Command = Command::Rollback { to: None };

/// Generations 1 and 2 have served, with one worker each; 2 serves.
fn second() -> Story {
    let mut story = Story::serving_with(1);
    story.promote();
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
    story
}

/// The same, and generation 1 is gone.
fn second_alone() -> Story {
    let mut story = second();
    story.wait(seconds(11));
    story.exit(1, 0);
    story.so_far(
        "generation 1 standing by
         drain worker 1
         generation 1 gone",
    );
    story
}

#[test]
fn a_rollback_to_who_stands_by_is_one_steer() {
    let mut story = second();
    story.wait(seconds(5));
    story.ask(BACK);
    story.so_far(
        "generation 1 standing by
         generation 2 rolled back to generation 1: asked for (a test)
         steer to generation 1
         resume worker 1
         lame duck worker 2
         answer request 3: generation 1 serves",
    );
}

#[test]
fn a_rollback_is_answered_when_it_is_done() {
    let mut story = second();
    story.world.steer = Goes::Wrong;
    story.ask(BACK);
    story.so_far(
        "generation 2 rolled back to generation 1: asked for (a test)
         steer to generation 1
         resume worker 1
         not steered to generation 1: the kernel refused",
    );
    story.world.steer = Goes::Well;
    story.wait(seconds(1));
    story.so_far(
        "steer to generation 1
         lame duck worker 2
         answer request 3: generation 1 serves",
    );
}

#[test]
fn a_master_that_is_stopped_meanwhile_says_so() {
    let mut story = second();
    story.world.steer = Goes::Wrong;
    story.ask(BACK);
    story.so_far(
        "generation 2 rolled back to generation 1: asked for (a test)
         steer to generation 1
         resume worker 1
         not steered to generation 1: the kernel refused",
    );
    story.ask(Command::Stop { fast: false });
    story.so_far(
        "stopping
         answer request 3: refused: the master is asked to stop
         drain worker 1
         drain worker 2",
    );
}

#[test]
fn a_rollback_to_who_is_gone_raises_its_release_anew_at_once_and_whole() {
    let mut story = second_alone();
    story.plan.rollout.strategy = Strategy::Canary;
    story.ask(BACK);
    story.ready(3);
    story.so_far(
        "generation 3 rising
         recall generation 1 as generation 3
         spawn worker 3 for generation 3 in slot 0
         steer to generation 3
         generation 3 promoted
         answer request 3: generation 3 serves
         lame duck worker 2",
    );
}

#[test]
fn one_goes_back_step_by_step_and_not_to_and_fro() {
    let mut story = second_alone();
    story.promote(); // 3
    story.wait(seconds(11));
    story.exit(2, 0);
    story.ask(BACK); // 4 runs what 2 ran
    story.ready(4);
    story.wait(seconds(11));
    story.exit(3, 0);
    story.so_far(
        "generation 3 rising
         spawn worker 3 for generation 3 in slot 0
         steer to generation 3
         generation 3 promoted
         answer request 3: generation 3 serves
         lame duck worker 2
         generation 2 standing by
         drain worker 2
         generation 2 gone
         generation 4 rising
         recall generation 2 as generation 4
         spawn worker 4 for generation 4 in slot 0
         steer to generation 4
         generation 4 promoted
         answer request 4: generation 4 serves
         lame duck worker 3
         generation 3 standing by
         drain worker 3
         generation 3 gone",
    );
    story.ask(BACK);
    story.so_far(
        "generation 5 rising
         recall generation 1 as generation 5
         spawn worker 5 for generation 5 in slot 0",
    );
}

#[test]
fn one_can_name_whom_to_go_back_to() {
    let mut story = second_alone();
    story.ask(Command::Rollback { to: Some(generation(2)) });
    story.ask(Command::Rollback { to: Some(generation(9)) });
    story.ask(Command::Rollback { to: Some(generation(1)) });
    story.so_far(
        "answer request 3: refused: generation 2 serves already
         answer request 4: refused: the release of generation 9 is not kept, only 1
         generation 3 rising
         recall generation 1 as generation 3
         spawn worker 3 for generation 3 in slot 0",
    );
}

#[test]
fn releases_are_not_kept_for_ever() {
    let mut story = Story::serving_with(1);
    for worker in 1..=KEPT as u64 {
        story.promote();
        story.wait(seconds(60));
        story.exit(worker, 0);
    }
    story.so_far_ends_with(&format!("generation {KEPT} gone"));
    story.ask(Command::Rollback { to: Some(generation(1)) });
    story.so_far("answer request 8: refused: the release of generation 1 is not kept, only 2, 3, 4, 5, 6");
}

#[test]
fn a_release_that_cannot_be_raised_any_more_is_a_clear_no() {
    let mut story = second_alone();
    story.world.resolve = Goes::Wrong;
    story.ask(BACK);
    story.so_far(
        "generation 3 rising
         recall generation 1 as generation 3
         generation 3 given up: not kept
         answer request 3: rejected: not kept",
    );
}

#[test]
fn there_is_no_way_back_from_the_first_generation() {
    let mut story = Story::serving();
    story.ask(BACK);
    story.so_far("answer request 2: refused: no generation served before generation 1");
}

#[test]
fn whoever_is_not_promoted_yet_is_aborted_and_not_rolled_back() {
    let mut story = second();
    story.plan.rollout.strategy = Strategy::BlueGreen;
    story.reload();
    story.ask(BACK);
    story.ready(3);
    story.ask(BACK);
    story.so_far(
        "generation 3 rising
         spawn worker 3 for generation 3 in slot 0
         answer request 4: refused: generation 3 rises: abort it first
         generation 3 held
         answer request 5: refused: generation 3 is not promoted yet: abort it",
    );
}

#[test]
fn a_dead_generation_does_not_come_back_but_its_release_does() {
    let mut story = second();
    story.exit(1, 1);
    story.ask(BACK);
    story.so_far(
        "generation 1 gone
         generation 3 rising
         recall generation 1 as generation 3
         spawn worker 3 for generation 3 in slot 0",
    );
    story.happen(Event::Tick);
    story.nothing_so_far();
}
