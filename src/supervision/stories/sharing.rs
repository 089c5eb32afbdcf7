//! Canaries: a share of new connections first, then greater ones.

use crate::supervision::story::{Goes, Story, generation, millis, seconds};
use crate::supervision::{CanaryStep, Command, Event, Stage, Strategy};

fn step(percent: u8, hold: Option<u64>) -> CanaryStep {
    CanaryStep { percent, hold: hold.map(seconds) }
}

/// Generation 1 serves with worker 1; the next ones come as canaries.
pub(super) fn with_steps(steps: &[CanaryStep]) -> Story {
    let mut story = Story::serving_with(1);
    story.plan.rollout.strategy = Strategy::Canary;
    story.plan.rollout.steps = steps.to_vec();
    story
}

/// Generation 2, with worker 2, has 5 % for a minute.
pub(super) fn at_five_percent() -> Story {
    let mut story = with_steps(&[step(5, Some(60)), step(25, None), step(100, None)]);
    story.promote();
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer 5 to generation 2, 95 to generation 1
         generation 2 has 5 % for 60s, step 1 of 3",
    );
    story
}

#[test]
fn a_canary_goes_step_by_step_and_waits_where_no_time_is_given() {
    let mut story = at_five_percent();
    story.wait(seconds(3600));
    story.so_far(
        "steer 25 to generation 2, 75 to generation 1
         generation 2 has 25 %, step 2 of 3",
    );
    assert_eq!(story.next(), None);
    story.ask(Command::Promote);
    story.so_far(
        "steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         answer request 3: generation 2 serves
         lame duck worker 1",
    );
}

#[test]
fn a_promotion_leaves_out_the_steps_that_are_left() {
    let mut story = at_five_percent();
    story.ask(Command::Promote);
    story.so_far(
        "steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         answer request 3: generation 2 serves
         lame duck worker 1",
    );
}

#[test]
fn after_its_last_step_a_canary_serves_whatever_that_step_was() {
    let mut story = with_steps(&[step(50, Some(10))]);
    story.promote();
    story.wait(seconds(10));
    assert_eq!(story.core().serving(), Some(generation(2)));
}

#[test]
fn a_canary_without_steps_is_promoted_at_once() {
    let mut story = with_steps(&[]);
    story.promote();
    assert_eq!(story.core().serving(), Some(generation(2)));
}

#[test]
fn shares_may_go_by_the_clients_addresses() {
    let mut story = with_steps(&[step(5, None)]);
    story.plan.rollout.sticky = true;
    story.promote();
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer 5 to generation 2, 95 to generation 1, by their addresses
         generation 2 has 5 %, step 1 of 1",
    );
}

#[test]
fn a_held_canary_goes_on_to_its_first_step() {
    let mut story = with_steps(&[step(5, None)]);
    story.ask(Command::Reload { strategy: None, hold: true });
    story.ready(2);
    story.ask(Command::Promote);
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 held
         steer 5 to generation 2, 95 to generation 1
         answer request 3: done
         generation 2 has 5 %, step 1 of 1",
    );
}

#[test]
fn a_paused_step_does_not_end_and_the_next_one_waits_too() {
    let mut story = at_five_percent();
    story.wait(seconds(50));
    story.ask(Command::Pause);
    story.wait(seconds(3600));
    assert_eq!(story.core().view().generations[1].stage, Stage::Sharing { step: 1, steps: 3 });
    assert!(story.core().view().paused);
    story.ask(Command::Resume);
    story.wait(seconds(9));
    assert_eq!(story.core().view().generations[1].share, 5);
    story.wait(seconds(1));
    assert_eq!(story.core().view().generations[1].share, 25);
    assert_eq!(story.core().view().generations[0].share, 75);
}

#[test]
fn a_share_is_taken_back_before_the_canary_has_to_leave() {
    let mut story = at_five_percent();
    story.ask(Command::Abort);
    story.so_far(
        "generation 2 given up: aborted (a test)
         answer request 2: rejected: aborted (a test)
         steer to generation 1
         answer request 3: done
         lame duck worker 2",
    );
    story.wait(seconds(1));
    story.so_far("drain worker 2");
}

#[test]
fn a_share_that_cannot_be_taken_back_at_once_is_tried_again_and_nobody_leaves_meanwhile() {
    let mut story = at_five_percent();
    story.world.steer = Goes::Wrong;
    story.ask(Command::Abort);
    story.so_far(
        "generation 2 given up: aborted (a test)
         answer request 2: rejected: aborted (a test)
         steer to generation 1
         answer request 3: done
         not steered to generation 1: the kernel refused",
    );
    assert_eq!(story.core().view().generations[1].stage, Stage::Unsteered);
    assert_eq!(story.core().view().generations[1].share, 5);
    story.world.steer = Goes::Well;
    story.wait(seconds(1));
    story.so_far(
        "steer to generation 1
         lame duck worker 2",
    );
}

#[test]
fn a_first_share_that_cannot_be_given_is_the_end_and_nobody_has_met_it() {
    let mut story = with_steps(&[step(5, None)]);
    story.world.steer = Goes::Wrong;
    story.promote();
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer 5 to generation 2, 95 to generation 1
         generation 2 given up: the kernel refused
         answer request 2: rejected: the kernel refused
         drain worker 2",
    );
}

#[test]
fn a_greater_share_that_cannot_be_given_takes_back_the_smaller_one() {
    let mut story = at_five_percent();
    story.world.steer = Goes::Unanswered;
    story.wait(seconds(60));
    story.happen(Event::NotSteered { generation: generation(2), why: "the kernel refused".into() });
    story.happen(Event::Steered { generation: generation(1) });
    story.so_far(
        "steer 25 to generation 2, 75 to generation 1
         generation 2 given up: the kernel refused
         answer request 2: rejected: the kernel refused
         steer to generation 1
         lame duck worker 2",
    );
}

#[test]
fn a_canary_that_is_given_up_is_steered_away_from_though_this_fails_and_so_does_the_next_ones_share() {
    let mut story = at_five_percent();
    story.world.steer = Goes::Unanswered;
    story.ask(Command::Abort);
    story.reload();
    story.ready(3);
    story.happen(Event::NotSteered { generation: generation(1), why: "the kernel refused".into() });
    story.happen(Event::NotSteered { generation: generation(3), why: "the kernel refused".into() });
    story.world.steer = Goes::Well;
    story.wait(millis(100));
    story.so_far(
        "generation 2 given up: aborted (a test)
         answer request 2: rejected: aborted (a test)
         steer to generation 1
         answer request 3: done
         generation 3 rising
         spawn worker 3 for generation 3 in slot 0
         steer 5 to generation 3, 95 to generation 1
         generation 3 given up: the kernel refused
         answer request 4: rejected: the kernel refused
         drain worker 3
         not steered to generation 1: the kernel refused
         steer to generation 1
         lame duck worker 2",
    );
}

#[test]
fn where_all_accept_from_one_lane_a_share_is_one_of_workers() {
    let mut story = Story::serving_with(4);
    story.plan.rollout.strategy = Strategy::Canary;
    story.plan.rollout.steps = vec![step(20, Some(60)), step(43, Some(60)), step(100, None)];
    story.plan.rollout.by_workers = true;
    story.reload();
    story.ready(5);
    story.so_far(
        "generation 2 rising
         spawn worker 5 for generation 2 in slot 0
         generation 2 has 20 % for 60s, step 1 of 3",
    );
    assert_eq!(story.core().view().generations[1].share, 20);
    story.wait(seconds(60));
    story.ready(6);
    story.ready(7);
    story.wait(seconds(60));
    story.ready(8);
    story.so_far(
        "spawn worker 6 for generation 2 in slot 1
         spawn worker 7 for generation 2 in slot 2
         generation 2 has 43 % for 60s, step 2 of 3
         spawn worker 8 for generation 2 in slot 3
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         lame duck worker 2
         lame duck worker 3
         lame duck worker 4",
    );
}

#[test]
fn a_canary_among_the_others_has_the_time_to_finish_that_they_have() {
    let mut story = Story::serving_with(1);
    story.plan.rollout.strategy = Strategy::Canary;
    story.plan.rollout.by_workers = true;
    story.promote();
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 has 5 % for 600s, step 1 of 3",
    );
    story.ask(Command::Abort);
    story.wait(seconds(29));
    story.so_far(
        "generation 2 given up: aborted (a test)
         answer request 2: rejected: aborted (a test)
         drain worker 2
         answer request 3: done",
    );
}
