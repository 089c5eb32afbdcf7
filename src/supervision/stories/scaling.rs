//! More workers, fewer workers, none at all.

use crate::supervision::Command;
use crate::supervision::story::{Story, millis, seconds};

#[test]
fn one_worker_more_takes_the_next_slot() {
    let mut story = Story::serving();
    story.ask(Command::Scale(1));
    story.so_far(
        "spawn worker 3 for generation 1 in slot 2
         answer request 2: 3 workers",
    );
}

#[test]
fn one_worker_less_empties_the_last_slot_for_good() {
    let mut story = Story::serving();
    story.ask(Command::Scale(-1));
    story.exit(2, 0);
    story.wait(seconds(3600));
    story.so_far(
        "drain worker 2
         answer request 2: 1 workers",
    );
}

#[test]
fn so_many_workers_are_more_or_less_or_as_many_as_there_are() {
    let mut story = Story::serving();
    story.ask(Command::ScaleTo(4));
    story.ask(Command::ScaleTo(4));
    story.ask(Command::ScaleTo(3));
    story.ask(Command::ScaleTo(0));
    story.so_far(
        "spawn worker 3 for generation 1 in slot 2
         spawn worker 4 for generation 1 in slot 3
         answer request 2: 4 workers
         answer request 3: 4 workers
         drain worker 4
         answer request 4: 3 workers
         answer request 5: refused: one worker must stay",
    );
}

#[test]
fn a_worker_too_many_that_does_not_drain_is_killed() {
    let mut story = Story::serving();
    story.ask(Command::Scale(-1));
    story.wait(seconds(30));
    story.so_far(
        "drain worker 2
         answer request 2: 1 workers
         worker 2 is out of grace: not drained within 30 s (drain_grace)
         kill worker 2",
    );
}

#[test]
fn a_slot_is_not_taken_again_before_its_worker_is_gone() {
    let mut story = Story::serving();
    story.ask(Command::Scale(-1));
    story.ask(Command::Scale(1));
    story.so_far(
        "drain worker 2
         answer request 2: 1 workers
         spawn worker 3 for generation 1 in slot 2
         answer request 3: 2 workers",
    );
}

#[test]
fn a_slot_that_waits_for_its_next_worker_can_be_closed() {
    let mut story = Story::serving();
    story.crash(2);
    story.crash(3);
    story.ask(Command::Scale(-1));
    story.wait(millis(100));
    story.so_far(
        "slot 1 is filled again at once
         spawn worker 3 for generation 1 in slot 1
         slot 1 is filled again in 100ms
         answer request 2: 1 workers",
    );
}

#[test]
fn one_worker_must_stay() {
    let mut story = Story::serving();
    story.ask(Command::Scale(-2));
    story.so_far("answer request 2: refused: one worker must stay");
}

#[test]
fn only_a_generation_that_serves_can_be_scaled_or_dismissed() {
    let mut story = Story::beginning();
    story.ask(Command::Scale(1));
    story.ask(Command::Dismiss);
    story.so_far(
        "answer request 1: refused: no generation serves
         answer request 2: refused: no generation serves",
    );
}

#[test]
fn the_next_reload_brings_its_own_number_of_workers() {
    let mut story = Story::serving_with(1);
    story.ask(Command::Scale(1));
    story.reload();
    story.so_far(
        "spawn worker 2 for generation 1 in slot 1
         answer request 2: 2 workers
         generation 2 rising
         spawn worker 3 for generation 2 in slot 0",
    );
}

#[test]
fn who_is_dismissed_drains_and_is_not_replaced() {
    let mut story = Story::serving();
    story.ask(Command::Dismiss);
    story.exit(1, 0);
    story.exit(2, 0);
    story.wait(seconds(3600));
    story.so_far(
        "drain worker 2
         drain worker 1
         answer request 2: done",
    );
    story.ask(Command::Scale(1));
    story.so_far(
        "spawn worker 3 for generation 1 in slot 0
         answer request 3: 1 workers",
    );
}
