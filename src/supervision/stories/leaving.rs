//! How a generation goes: it settles, stands by, drains, and what it left behind is swept up.

use crate::supervision::story::{Goes, Story, cohort, generation, millis, seconds};
use crate::supervision::{Command, Event};

/// Generation 2 has replaced generation 1, whose worker 1 is a lame duck.
fn replaced() -> Story {
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

/// Generation 1 has been told to drain.
fn draining() -> Story {
    let mut story = replaced();
    story.wait(seconds(11));
    story.so_far(
        "generation 1 standing by
         drain worker 1",
    );
    story
}

#[test]
fn a_generation_may_serve_until_it_is_told_to_drain() {
    let mut story = replaced();
    assert!(story.core().may_serve(generation(1)) && story.core().may_serve(generation(2)));
    story.wait(seconds(2));
    assert!(story.core().may_serve(generation(1)), "it stands by");
    story.wait(seconds(9));
    assert!(!story.core().may_serve(generation(1)));
}

#[test]
fn a_generation_settles_as_long_as_something_is_in_its_queue() {
    let mut story = replaced();
    story.world.look = Goes::NotYet;
    story.wait(millis(3500));
    story.nothing_so_far();
    story.world.look = Goes::Well;
    story.wait(millis(100));
    story.so_far("generation 1 standing by");
}

#[test]
fn a_generation_does_not_settle_for_ever() {
    let mut story = Story::serving_with(1);
    story.plan.settle_most = millis(1250);
    story.world.look = Goes::NotYet;
    story.promote();
    story.wait(millis(1249));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
    story.wait(millis(1));
    story.so_far("generation 1 standing by");
}

#[test]
fn the_next_reload_ends_the_standby() {
    let mut story = replaced();
    story.wait(seconds(2));
    story.reload();
    story.so_far(
        "generation 1 standing by
         generation 3 rising
         drain worker 1
         spawn worker 3 for generation 3 in slot 0",
    );
}

#[test]
fn the_next_reload_lets_the_previous_generation_settle_and_then_not_stand_by() {
    let mut story = replaced();
    story.reload();
    story.wait(millis(999));
    story.so_far(
        "generation 3 rising
         spawn worker 3 for generation 3 in slot 0",
    );
    story.wait(millis(1));
    story.so_far("drain worker 1");
}

#[test]
fn a_reload_with_nothing_to_run_lets_the_previous_generation_stand_by() {
    let mut story = replaced();
    story.wait(seconds(2));
    story.world.resolve = Goes::Wrong;
    story.reload();
    story.so_far(
        "generation 1 standing by
         generation 3 rising
         generation 3 given up: no such program
         answer request 3: rejected: no such program",
    );
}

#[test]
fn a_generation_settles_anew_when_it_is_replaced_again() {
    let mut story = replaced();
    story.world.look = Goes::Unanswered;
    story.wait(seconds(1));
    story.crash(2);
    story.crash(3);
    story.wait(millis(100));
    story.crash(4);
    story.promote();
    story.so_far(
        "slot 0 is filled again at once
         spawn worker 3 for generation 2 in slot 0
         slot 0 is filled again in 100ms
         spawn worker 4 for generation 2 in slot 0
         slot 0 is filled again in 200ms
         generation 2 rolled back to generation 1: the worker in slot 0 crashes again and again: it was killed by SIGSEGV
         steer to generation 1
         resume worker 1
         generation 2 gone
         generation 3 rising
         spawn worker 5 for generation 3 in slot 0
         steer to generation 3
         generation 3 promoted
         answer request 3: generation 3 serves
         lame duck worker 1",
    );
    story.happen(Event::Looked { cohort: cohort(1), settled: true });
    story.nothing_so_far();
    story.world.look = Goes::Well;
    story.wait(seconds(1));
    story.so_far("generation 1 standing by");
}

#[test]
fn who_has_not_drained_in_its_grace_is_killed() {
    let mut story = draining();
    story.wait(millis(29_999));
    story.nothing_so_far();
    story.wait(millis(1));
    story.exit(1, 9);
    story.so_far(
        "worker 1 is out of grace: not drained within 30 s (drain_grace)
         kill worker 1
         generation 1 gone",
    );
}

#[test]
fn what_dead_workers_left_behind_has_until_the_end_of_the_grace_and_is_killed_then() {
    let mut story = draining();
    story.world.sweep = Goes::NotYet;
    story.exit(1, 0);
    story.wait(millis(29_999));
    story.nothing_so_far();
    story.wait(millis(1));
    story.so_far(
        "generation 1 left 1 behind
         kill what generation 1 left behind",
    );
    story.world.sweep = Goes::Well;
    story.wait(millis(100));
    story.so_far("generation 1 gone");
}

#[test]
fn what_does_not_die_is_killed_again() {
    let mut story = draining();
    story.world.sweep = Goes::NotYet;
    story.exit(1, 0);
    story.wait(millis(30_100));
    story.so_far(
        "generation 1 left 1 behind
         kill what generation 1 left behind
         generation 1 left 1 behind
         kill what generation 1 left behind",
    );
}

#[test]
fn a_generation_is_gone_as_soon_as_the_last_of_what_it_left_behind_has_ended() {
    let mut story = draining();
    story.world.sweep = Goes::NotYet;
    story.exit(1, 0);
    story.wait(seconds(5));
    story.world.sweep = Goes::Well;
    story.happen(Event::StrangerReaped);
    story.so_far("generation 1 gone");
}

#[test]
fn a_stranger_that_ends_during_a_sweep_makes_for_another_one() {
    let mut story = draining();
    story.world.sweep = Goes::Unanswered;
    story.exit(1, 0);
    story.happen(Event::StrangerReaped);
    story.world.sweep = Goes::Well;
    story.happen(Event::Swept { cohort: cohort(1), survivors: 1 });
    story.so_far("generation 1 gone");
}

#[test]
fn a_generation_whose_workers_have_all_died_has_nothing_to_wait_for() {
    let mut story = replaced();
    story.exit(1, 1);
    story.so_far("generation 1 gone");
}

#[test]
fn nobody_is_replaced_in_a_generation_that_stands_by() {
    let mut story = Story::serving();
    story.promote();
    story.wait(seconds(2));
    story.so_far(
        "generation 2 rising
         spawn worker 3 for generation 2 in slot 0
         spawn worker 4 for generation 2 in slot 1
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         lame duck worker 2
         generation 1 standing by",
    );
    story.exit(1, 1);
    story.wait(seconds(9));
    story.so_far("drain worker 2");
}

#[test]
fn a_dismissed_generation_is_gone_when_the_next_one_serves() {
    let mut story = Story::serving_with(1);
    story.ask(Command::Dismiss);
    story.exit(1, 0);
    story.promote();
    story.so_far(
        "drain worker 1
         answer request 2: done
         generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 3: generation 2 serves
         generation 1 gone",
    );
}
