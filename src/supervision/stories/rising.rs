//! From nothing to the first generation, and newcomers that fail: whoever serves does not notice.

use crate::supervision::story::{Goes, Story, cohort, generation, millis, seconds};
use crate::supervision::{Event, Exit, FirstStart, Policy, WorkerId};

#[test]
fn the_first_generation_serves_when_all_its_workers_are_ready() {
    let mut story = Story::beginning();
    story.reload();
    story.ready(1);
    story.so_far(
        "generation 1 rising
         spawn worker 1 for generation 1 in slot 0
         spawn worker 2 for generation 1 in slot 1",
    );
    story.ready(2);
    story.so_far(
        "steer to generation 1
         generation 1 promoted
         answer request 1: generation 1 serves",
    );
}

#[test]
fn where_one_worker_proves_its_program_the_others_wait_for_it() {
    let mut story = Story::beginning();
    story.plan.first_alone = true;
    story.reload();
    story.so_far(
        "generation 1 rising
         spawn worker 1 for generation 1 in slot 0",
    );
    story.ready(1);
    story.so_far("spawn worker 2 for generation 1 in slot 1");
    story.ready(2);
    story.so_far(
        "steer to generation 1
         generation 1 promoted
         answer request 1: generation 1 serves",
    );
}

#[test]
fn a_worker_that_asks_for_more_time_gets_it() {
    let mut story = Story::beginning();
    story.reload();
    story.ready(1);
    story.wait(seconds(29));
    story.happen(Event::Extended { worker: WorkerId(2), by: seconds(20) });
    story.wait(seconds(19));
    story.ready(2);
    story.so_far(
        "generation 1 rising
         spawn worker 1 for generation 1 in slot 0
         spawn worker 2 for generation 1 in slot 1
         steer to generation 1
         generation 1 promoted
         answer request 1: generation 1 serves",
    );
}

#[test]
fn a_newcomer_that_was_not_confirmed_in_time_is_given_up_for_what_it_lacks() {
    let mut story = a_newcomer_rises();
    story.ready(2);
    story.happen(Event::Lacking { worker: WorkerId(3), what: "nobody accepts on http".into() });
    story.wait(seconds(30));
    story.so_far(
        "generation 2 given up: the worker in slot 1 was not ready within 30 s (ready_grace): nobody accepts on http
         answer request 2: rejected: the worker in slot 1 was not ready within 30 s (ready_grace): nobody accepts on http
         drain worker 2
         drain worker 3",
    );
}

#[test]
fn a_generation_without_a_number_of_workers_has_one() {
    let mut story = Story::beginning();
    story.plan.workers = 0;
    story.reload();
    story.so_far(
        "generation 1 rising
         spawn worker 1 for generation 1 in slot 0",
    );
}

#[test]
fn a_master_whose_first_generation_fails_ends_with_its_failure() {
    let mut story = Story::beginning();
    story.reload();
    story.exit(2, 1);
    story.exit(1, 0);
    story.so_far(
        "generation 1 rising
         spawn worker 1 for generation 1 in slot 0
         spawn worker 2 for generation 1 in slot 1
         generation 1 given up: the worker in slot 1 exited with status 1 before it was promoted
         answer request 1: rejected: the worker in slot 1 exited with status 1 before it was promoted
         drain worker 1
         generation 1 gone
         end with a failure: the worker in slot 1 exited with status 1 before it was promoted",
    );
}

#[test]
fn a_master_that_has_nothing_to_run_ends_at_once() {
    let mut story = Story::beginning();
    story.world.resolve = Goes::Wrong;
    story.reload();
    story.so_far(
        "generation 1 rising
         generation 1 given up: no such program
         answer request 1: rejected: no such program
         end with a failure: no such program",
    );
}

#[test]
fn in_development_a_failed_first_generation_waits_for_the_next_reload() {
    let mut story = Story::new(Policy { first_start: FirstStart::Wait, ..Policy::default() }, Story::beginning().plan);
    story.world.resolve = Goes::Wrong;
    story.reload();
    story.wait(seconds(3600));
    story.so_far(
        "generation 1 rising
         generation 1 given up: no such program
         answer request 1: rejected: no such program",
    );
    story.world.resolve = Goes::Well;
    story.promote();
    story.so_far(
        "generation 2 rising
         spawn worker 1 for generation 2 in slot 0
         spawn worker 2 for generation 2 in slot 1
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves",
    );
}

/// Generation 1 serves with worker 1, and workers 2 and 3 of generation 2 have just been spawned.
fn a_newcomer_rises() -> Story {
    let mut story = Story::serving_with(1);
    story.plan.workers = 2;
    story.reload();
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         spawn worker 3 for generation 2 in slot 1",
    );
    story
}

#[test]
fn a_newcomer_whose_worker_exits_is_given_up_and_the_old_serves_on() {
    let mut story = a_newcomer_rises();
    story.exit(2, 1);
    story.exit(3, 0);
    story.wait(seconds(3600));
    story.so_far(
        "generation 2 given up: the worker in slot 0 exited with status 1 before it was promoted
         answer request 2: rejected: the worker in slot 0 exited with status 1 before it was promoted
         drain worker 3
         generation 2 gone",
    );
}

#[test]
fn a_newcomer_whose_ready_worker_crashes_before_the_others_are_ready_is_given_up() {
    let mut story = a_newcomer_rises();
    story.crash(2);
    story.exit(3, 0);
    story.so_far(
        "generation 2 given up: the worker in slot 0 was killed by SIGSEGV before it was promoted
         answer request 2: rejected: the worker in slot 0 was killed by SIGSEGV before it was promoted
         drain worker 3
         generation 2 gone",
    );
}

#[test]
fn a_newcomer_whose_worker_says_that_it_is_done_is_given_up_too() {
    let mut story = a_newcomer_rises();
    story.exit(3, 0);
    story.exit(2, 0);
    story.so_far(
        "generation 2 given up: the worker in slot 1 exited with status 0 before it was promoted
         answer request 2: rejected: the worker in slot 1 exited with status 0 before it was promoted
         drain worker 2
         generation 2 gone",
    );
}

#[test]
fn a_newcomer_whose_program_cannot_be_executed_is_given_up() {
    let mut story = Story::serving_with(1);
    story.world.spawn = Goes::Wrong;
    story.reload();
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 given up: the worker in slot 0 could not be started: permission denied
         answer request 2: rejected: the worker in slot 0 could not be started: permission denied
         generation 2 gone",
    );
}

#[test]
fn a_newcomer_that_is_not_ready_in_time_is_given_up_and_killed_if_it_does_not_go() {
    let mut story = a_newcomer_rises();
    story.ready(2);
    story.wait(millis(29_999));
    story.nothing_so_far();
    story.wait(millis(1));
    story.exit(2, 0);
    story.so_far(
        "generation 2 given up: the worker in slot 1 was not ready within 30 s (ready_grace)
         answer request 2: rejected: the worker in slot 1 was not ready within 30 s (ready_grace)
         drain worker 2
         drain worker 3",
    );
    story.wait(seconds(1));
    story.happen(Event::Exited { worker: WorkerId(3), exit: Exit::Signal("SIGKILL".into()) });
    story.so_far(
        "worker 3 is out of grace: not drained within 1 s
         kill worker 3
         generation 2 gone",
    );
}

#[test]
fn a_newcomer_that_breaks_the_protocol_is_given_up() {
    let mut story = a_newcomer_rises();
    story.misbehave(3);
    story.so_far(
        "generation 2 given up: the worker in slot 1 misbehaved: not JSON
         answer request 2: rejected: the worker in slot 1 misbehaved: not JSON
         drain worker 2
         drain worker 3
         kill worker 3",
    );
}

#[test]
fn a_newcomer_with_nothing_to_run_is_given_up() {
    let mut story = Story::serving();
    story.world.resolve = Goes::Wrong;
    story.reload();
    story.so_far(
        "generation 2 rising
         generation 2 given up: no such program
         answer request 2: rejected: no such program",
    );
}

#[test]
fn a_newcomer_that_cannot_be_steered_to_is_given_up() {
    let mut story = a_newcomer_rises();
    story.world.steer = Goes::Wrong;
    story.ready(2);
    story.ready(3);
    story.exit(2, 0);
    story.exit(3, 0);
    story.so_far(
        "steer to generation 2
         generation 2 given up: the kernel refused
         answer request 2: rejected: the kernel refused
         drain worker 2
         drain worker 3
         generation 2 gone",
    );
}

#[test]
fn a_worker_that_dies_while_its_generation_is_steered_to_is_replaced_at_the_promotion() {
    let mut story = a_newcomer_rises();
    story.world.steer = Goes::Unanswered;
    story.ready(2);
    story.ready(3);
    story.exit(2, 1);
    story.so_far(
        "steer to generation 2
         slot 0 is filled again at once",
    );
    story.happen(Event::Steered { generation: generation(2) });
    story.so_far(
        "generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         spawn worker 4 for generation 2 in slot 0",
    );
}

#[test]
fn a_worker_that_is_being_killed_is_not_told_that_it_serves() {
    let mut story = a_newcomer_rises();
    story.world.steer = Goes::Unanswered;
    story.ready(2);
    story.ready(3);
    story.misbehave(3);
    story.in_full();
    story.happen(Event::Steered { generation: generation(2) });
    story.so_far(
        "steer to generation 2
         kill worker 3
         generation 2 promoted
         promote worker 2
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
}

#[test]
fn what_is_heard_of_a_generation_that_was_given_up_changes_nothing() {
    let mut story = a_newcomer_rises();
    story.exit(2, 1);
    story.ready(3);
    story.exit(3, 0);
    story.so_far(
        "generation 2 given up: the worker in slot 0 exited with status 1 before it was promoted
         answer request 2: rejected: the worker in slot 0 exited with status 1 before it was promoted
         drain worker 3
         generation 2 gone",
    );
    story.ready(3);
    story.misbehave(3);
    story.exit(3, 0);
    story.happen(Event::Allotted { cohort: cohort(2) });
    story.happen(Event::Steered { generation: generation(2) });
    story.nothing_so_far();
}
