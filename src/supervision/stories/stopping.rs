//! The end, whenever it comes.

use crate::supervision::story::{Goes, Story, generation, seconds};
use crate::supervision::{Command, Event};

const STOP: Command = Command::Stop { fast: false };

#[test]
fn who_is_asked_to_stop_lets_everybody_finish() {
    let mut story = Story::serving();
    story.ask(STOP);
    story.exit(1, 0);
    story.so_far(
        "stopping
         drain worker 1
         drain worker 2",
    );
    story.exit(2, 0);
    story.so_far(
        "generation 1 gone
         answer request 2: done
         end",
    );
}

#[test]
fn who_does_not_finish_is_killed_at_the_end_of_the_grace() {
    let mut story = Story::serving_with(1);
    story.ask(STOP);
    story.wait(seconds(30));
    story.exit(1, 9);
    story.so_far(
        "stopping
         drain worker 1
         worker 1 is out of grace: not drained within 30 s (drain_grace)
         kill worker 1
         generation 1 gone
         answer request 2: done
         end",
    );
}

#[test]
fn who_is_asked_to_stop_twice_is_in_a_hurry() {
    let mut story = Story::serving_with(1);
    story.ask(STOP);
    story.ask(STOP);
    story.exit(1, 9);
    story.so_far(
        "stopping
         drain worker 1
         stopping fast
         kill worker 1
         generation 1 gone
         answer request 2: done
         answer request 3: done
         end",
    );
}

#[test]
fn who_is_asked_to_stop_fast_kills_everybody_and_what_they_leave_behind() {
    let mut story = Story::serving_with(1);
    story.world.sweep = Goes::NotYet;
    story.ask(Command::Stop { fast: true });
    story.exit(1, 9);
    story.so_far(
        "stopping fast
         drain worker 1
         kill worker 1
         generation 1 left 1 behind
         kill what generation 1 left behind",
    );
    story.world.sweep = Goes::Well;
    story.happen(Event::StrangerReaped);
    story.so_far(
        "generation 1 gone
         answer request 2: done
         end",
    );
}

#[test]
fn a_second_stop_does_not_wait_for_what_was_left_behind() {
    let mut story = Story::serving_with(1);
    story.world.sweep = Goes::NotYet;
    story.ask(STOP);
    story.exit(1, 0);
    story.wait(seconds(1));
    story.so_far(
        "stopping
         drain worker 1",
    );
    story.ask(STOP);
    story.so_far(
        "stopping fast
         generation 1 left 1 behind
         kill what generation 1 left behind",
    );
}

#[test]
fn a_stop_ends_a_newcomer_too() {
    let mut story = Story::serving_with(1);
    story.reload();
    story.reload();
    story.ask(STOP);
    story.exit(1, 0);
    story.exit(2, 0);
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         stopping
         answer request 3: refused: the master is asked to stop
         generation 2 given up: the master is asked to stop
         answer request 2: rejected: the master is asked to stop
         drain worker 2
         drain worker 1
         generation 1 gone
         generation 2 gone
         answer request 4: done
         end",
    );
}

#[test]
fn a_stop_during_the_first_start_is_no_failure() {
    let mut story = Story::beginning();
    story.world.resolve = Goes::Unanswered;
    story.reload();
    story.ask(STOP);
    story.so_far(
        "generation 1 rising
         stopping
         stop resolving generation 1
         generation 1 given up: the master is asked to stop
         answer request 1: rejected: the master is asked to stop
         answer request 2: done
         end",
    );
}

#[test]
fn a_stop_while_new_connections_are_being_steered_ends_both_generations() {
    let mut story = Story::serving_with(1);
    story.world.steer = Goes::Unanswered;
    story.promote();
    story.ask(STOP);
    story.happen(Event::Steered { generation: generation(2) });
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         stopping
         generation 2 given up: the master is asked to stop
         answer request 2: rejected: the master is asked to stop
         drain worker 2
         drain worker 1",
    );
}

#[test]
fn a_stop_does_not_wait_until_the_previous_generation_has_settled() {
    let mut story = Story::serving_with(1);
    story.promote();
    story.ask(STOP);
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         stopping
         drain worker 2
         drain worker 1",
    );
}

#[test]
fn a_stop_ends_a_generation_that_stands_by() {
    let mut story = Story::serving_with(1);
    story.promote();
    story.wait(seconds(2));
    story.ask(STOP);
    story.exit(2, 0);
    story.exit(1, 0);
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         generation 1 standing by
         stopping
         drain worker 2
         drain worker 1
         generation 2 gone
         generation 1 gone
         answer request 3: done
         end",
    );
}

#[test]
fn nobody_is_replaced_any_more_while_the_master_stops() {
    let mut story = Story::serving();
    story.ask(STOP);
    story.exit(1, 1);
    story.wait(seconds(1));
    story.so_far(
        "stopping
         drain worker 1
         drain worker 2",
    );
}

#[test]
fn a_master_that_stops_refuses_everything_else() {
    let mut story = Story::serving_with(1);
    story.ask(STOP);
    story.reload();
    story.ask(Command::Abort);
    story.ask(Command::Scale(1));
    story.ask(Command::Dismiss);
    story.so_far(
        "stopping
         drain worker 1
         answer request 3: refused: the master is asked to stop
         answer request 4: refused: no generation rises
         answer request 5: refused: no generation serves
         answer request 6: refused: no generation serves",
    );
}

#[test]
fn after_the_end_commands_are_refused_and_nothing_happens() {
    let mut story = Story::beginning();
    story.ask(STOP);
    story.so_far(
        "stopping
         answer request 1: done
         end",
    );
    story.reload();
    story.ask(STOP);
    story.ready(1);
    story.happen(Event::StrangerReaped);
    story.so_far(
        "answer request 2: refused: the master has ended
         answer request 3: refused: the master has ended",
    );
}
