//! Back to the generation that stands by, when a fresh one loses its workers again and again.

use crate::supervision::story::{Goes, Story, generation, millis, seconds};
use crate::supervision::{Command, Event};

/// Generation 2 has just been promoted with worker 2; generation 1 is about to stand by with worker 1.
fn freshly_promoted() -> Story {
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

fn crash_again_and_again(story: &mut Story, first: u64) {
    for worker in first..first + 3 {
        story.crash(worker);
        story.wait(millis(100));
    }
}

#[test]
fn a_fresh_generation_that_crashes_again_and_again_is_rolled_back_by_itself() {
    let mut story = freshly_promoted();
    story.wait(seconds(5));
    crash_again_and_again(&mut story, 2);
    story.so_far(
        "generation 1 standing by
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
    story.wait(seconds(3600));
    story.nothing_so_far();
    assert_eq!(story.core().serving(), Some(generation(1)));
}

#[test]
fn without_a_generation_that_stands_by_it_keeps_trying() {
    let mut story = Story::serving_with(1);
    crash_again_and_again(&mut story, 1);
    story.wait(millis(100));
    story.so_far(
        "slot 0 is filled again at once
         spawn worker 2 for generation 1 in slot 0
         slot 0 is filled again in 100ms
         spawn worker 3 for generation 1 in slot 0
         slot 0 is filled again in 200ms
         spawn worker 4 for generation 1 in slot 0",
    );
}

#[test]
fn a_worker_that_died_while_its_generation_stood_by_is_replaced_when_it_serves_again() {
    let mut story = Story::serving();
    story.plan.workers = 1;
    story.promote();
    story.exit(2, 1);
    crash_again_and_again(&mut story, 3);
    story.so_far(
        "generation 2 rising
         spawn worker 3 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         lame duck worker 2
         slot 0 is filled again at once
         spawn worker 4 for generation 2 in slot 0
         slot 0 is filled again in 100ms
         spawn worker 5 for generation 2 in slot 0
         slot 0 is filled again in 200ms
         generation 2 rolled back to generation 1: the worker in slot 0 crashes again and again: it was killed by SIGSEGV
         steer to generation 1
         resume worker 1
         spawn worker 6 for generation 1 in slot 1
         generation 2 gone",
    );
}

#[test]
fn when_steering_back_fails_it_is_tried_again_and_no_lane_is_given_away_before() {
    let mut story = freshly_promoted();
    story.world.steer = Goes::Wrong;
    crash_again_and_again(&mut story, 2);
    story.so_far(
        "slot 0 is filled again at once
         spawn worker 3 for generation 2 in slot 0
         slot 0 is filled again in 100ms
         spawn worker 4 for generation 2 in slot 0
         slot 0 is filled again in 200ms
         generation 2 rolled back to generation 1: the worker in slot 0 crashes again and again: it was killed by SIGSEGV
         steer to generation 1
         resume worker 1
         not steered to generation 1: the kernel refused
         steer to generation 1
         not steered to generation 1: the kernel refused",
    );
    story.world.steer = Goes::Well;
    story.wait(millis(100));
    story.so_far(
        "steer to generation 1
         generation 2 gone",
    );
}

/// Generation 2 was rolled back, but new connections still go to it and its worker 4.
fn cannot_steer_back() -> Story {
    let mut story = Story::serving();
    story.promote();
    story.world.steer = Goes::Wrong;
    story.crash(3);
    story.crash(5);
    story.wait(millis(100));
    story.crash(6);
    story.so_far(
        "generation 2 rising
         spawn worker 3 for generation 2 in slot 0
         spawn worker 4 for generation 2 in slot 1
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         lame duck worker 2
         slot 0 is filled again at once
         spawn worker 5 for generation 2 in slot 0
         slot 0 is filled again in 100ms
         spawn worker 6 for generation 2 in slot 0
         slot 0 is filled again in 200ms
         generation 2 rolled back to generation 1: the worker in slot 0 crashes again and again: it was killed by SIGSEGV
         steer to generation 1
         resume worker 1
         resume worker 2
         not steered to generation 1: the kernel refused",
    );
    story.world.steer = Goes::Well;
    story
}

#[test]
fn a_generation_that_was_rolled_back_serves_until_it_is_steered_away_from_and_then_settles() {
    let mut story = cannot_steer_back();
    story.wait(millis(99));
    story.nothing_so_far();
    story.wait(millis(1));
    story.so_far(
        "steer to generation 1
         lame duck worker 4",
    );
    story.wait(millis(999));
    story.nothing_so_far();
    story.wait(millis(1));
    story.exit(4, 0);
    story.so_far(
        "drain worker 4
         generation 2 gone",
    );
}

#[test]
fn a_generation_that_is_still_steered_to_keeps_its_lane_even_when_nobody_is_left_of_it() {
    let mut story = cannot_steer_back();
    story.exit(4, 1);
    story.wait(millis(99));
    story.nothing_so_far();
    story.wait(millis(1));
    story.so_far(
        "steer to generation 1
         generation 2 gone",
    );
}

#[test]
fn a_promotion_too_steers_away_from_a_generation_that_was_rolled_back() {
    let mut story = cannot_steer_back();
    story.plan.workers = 1;
    story.promote();
    story.so_far(
        "generation 3 rising
         spawn worker 7 for generation 3 in slot 0
         steer to generation 3
         generation 3 promoted
         answer request 3: generation 3 serves
         lame duck worker 1
         lame duck worker 2
         lame duck worker 4",
    );
    story.wait(seconds(1));
    story.so_far(
        "generation 1 standing by
         drain worker 4",
    );
}

#[test]
fn a_stop_puts_an_end_to_steering_back() {
    let mut story = cannot_steer_back();
    story.ask(Command::Stop { fast: false });
    story.so_far(
        "stopping
         drain worker 1
         drain worker 2
         drain worker 4",
    );
    for worker in [1, 2, 4] {
        story.exit(worker, 0);
    }
    story.so_far(
        "generation 1 gone
         generation 2 gone
         answer request 3: done
         end",
    );
    assert_eq!(story.next(), None, "nothing is left to wait for");
}

#[test]
fn steering_back_is_not_tried_again_while_a_newcomer_is_steered_to() {
    let mut story = freshly_promoted();
    story.world.resolve = Goes::Unanswered;
    story.reload();
    story.world.steer = Goes::Wrong;
    crash_again_and_again(&mut story, 2);
    story.happen(Event::Resolved { generation: generation(3), plan: story.plan.clone() });
    story.world.steer = Goes::Unanswered;
    story.ready(5);
    story.wait(seconds(60));
    story.so_far(
        "generation 3 rising
         slot 0 is filled again at once
         spawn worker 3 for generation 2 in slot 0
         slot 0 is filled again in 100ms
         spawn worker 4 for generation 2 in slot 0
         slot 0 is filled again in 200ms
         generation 2 rolled back to generation 1: the worker in slot 0 crashes again and again: it was killed by SIGSEGV
         steer to generation 1
         resume worker 1
         not steered to generation 1: the kernel refused
         steer to generation 1
         not steered to generation 1: the kernel refused
         spawn worker 5 for generation 3 in slot 0
         steer to generation 3",
    );
    story.world.steer = Goes::Well;
    story.happen(Event::NotSteered { generation: generation(3), why: "the kernel refused".into() });
    story.so_far(
        "generation 3 given up: the kernel refused
         answer request 3: rejected: the kernel refused
         drain worker 5
         steer to generation 1
         generation 2 gone",
    );
}

#[test]
fn there_is_no_way_back_to_a_generation_that_was_dismissed() {
    let mut story = Story::serving_with(1);
    story.ask(Command::Dismiss);
    story.promote();
    crash_again_and_again(&mut story, 2);
    story.so_far(
        "drain worker 1
         answer request 2: done
         generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 3: generation 2 serves
         slot 0 is filled again at once
         spawn worker 3 for generation 2 in slot 0
         slot 0 is filled again in 100ms
         spawn worker 4 for generation 2 in slot 0
         slot 0 is filled again in 200ms",
    );
}

/// Generation 1 is asked back, and before it has the connections generation 3 is to get them; none of this is answered.
fn asked_back_while_a_newcomer_is_steered_to() -> Story {
    let mut story = freshly_promoted();
    story.world.steer = Goes::Unanswered;
    story.ask(Command::Rollback { to: None });
    story.reload();
    story.ready(3);
    story.so_far(
        "generation 2 rolled back to generation 1: asked for (a test)
         steer to generation 1
         resume worker 1
         generation 3 rising
         spawn worker 3 for generation 3 in slot 0
         steer to generation 3",
    );
    story
}

#[test]
fn who_asked_to_go_back_is_answered_when_the_newcomer_that_came_between_is_given_up() {
    let mut story = asked_back_while_a_newcomer_is_steered_to();
    story.happen(Event::Steered { generation: generation(1) });
    story.happen(Event::NotSteered { generation: generation(3), why: "the kernel refused".into() });
    story.so_far(
        "lame duck worker 2
         generation 3 given up: the kernel refused
         answer request 4: rejected: the kernel refused
         drain worker 3
         answer request 3: generation 1 serves",
    );
}

#[test]
fn going_back_is_tried_again_when_neither_it_nor_the_newcomer_that_came_between_got_the_connections() {
    let mut story = asked_back_while_a_newcomer_is_steered_to();
    story.happen(Event::NotSteered { generation: generation(1), why: "the kernel refused".into() });
    story.happen(Event::NotSteered { generation: generation(3), why: "the kernel refused".into() });
    story.world.steer = Goes::Well;
    story.wait(millis(100));
    story.so_far(
        "generation 3 given up: the kernel refused
         answer request 4: rejected: the kernel refused
         drain worker 3
         not steered to generation 1: the kernel refused
         steer to generation 1
         lame duck worker 2
         answer request 3: generation 1 serves",
    );
}
