//! Workers that end although nobody asked for it, and who takes their slots.

use crate::supervision::story::{Story, millis, seconds};

#[test]
fn a_crashed_worker_is_replaced_at_once_then_after_ever_longer_waits() {
    let mut story = Story::serving_with(1);
    for worker in 1..=5 {
        story.crash(worker);
        story.wait(seconds(1));
    }
    story.so_far(
        "slot 0 is filled again at once
         spawn worker 2 for generation 1 in slot 0
         slot 0 is filled again in 100ms
         spawn worker 3 for generation 1 in slot 0
         slot 0 is filled again in 200ms
         spawn worker 4 for generation 1 in slot 0
         slot 0 is filled again in 400ms
         spawn worker 5 for generation 1 in slot 0
         slot 0 is filled again in 800ms
         spawn worker 6 for generation 1 in slot 0",
    );
}

#[test]
fn the_next_worker_does_not_come_before_its_time() {
    let mut story = Story::serving_with(1);
    story.crash(1);
    story.crash(2);
    story.wait(millis(99));
    story.so_far(
        "slot 0 is filled again at once
         spawn worker 2 for generation 1 in slot 0
         slot 0 is filled again in 100ms",
    );
    story.wait(millis(1));
    story.so_far("spawn worker 3 for generation 1 in slot 0");
}

#[test]
fn a_crash_is_forgotten_after_a_minute() {
    let mut story = Story::serving_with(1);
    story.crash(1);
    story.ready(2);
    story.wait(seconds(60));
    story.crash(2);
    story.so_far(
        "slot 0 is filled again at once
         spawn worker 2 for generation 1 in slot 0
         slot 0 is filled again at once
         spawn worker 3 for generation 1 in slot 0",
    );
}

#[test]
fn each_slot_has_its_own_patience() {
    let mut story = Story::serving();
    story.crash(1);
    story.crash(2);
    story.so_far(
        "slot 0 is filled again at once
         spawn worker 3 for generation 1 in slot 0
         slot 1 is filled again at once
         spawn worker 4 for generation 1 in slot 1",
    );
}

#[test]
fn a_worker_that_recycles_itself_is_replaced_without_a_wait_however_often() {
    let mut story = Story::serving_with(1);
    for worker in 1..=4 {
        story.ready(worker);
        story.wait(seconds(2));
        story.exit(worker, 0);
    }
    story.so_far(
        "slot 0 is filled again at once
         spawn worker 2 for generation 1 in slot 0
         slot 0 is filled again at once
         spawn worker 3 for generation 1 in slot 0
         slot 0 is filled again at once
         spawn worker 4 for generation 1 in slot 0
         slot 0 is filled again at once
         spawn worker 5 for generation 1 in slot 0",
    );
}

#[test]
fn a_worker_that_is_done_as_soon_as_it_is_ready_crashes() {
    let mut story = Story::serving_with(1);
    story.exit(1, 0);
    story.ready(2);
    story.wait(millis(999));
    story.exit(2, 0);
    story.so_far(
        "slot 0 is filled again at once
         spawn worker 2 for generation 1 in slot 0
         slot 0 is filled again in 100ms",
    );
}

#[test]
fn a_replacement_that_is_not_ready_in_its_grace_is_killed_and_replaced() {
    let mut story = Story::serving_with(1);
    story.crash(1);
    story.wait(seconds(30));
    story.exit(2, 9);
    story.wait(millis(100));
    story.so_far(
        "slot 0 is filled again at once
         spawn worker 2 for generation 1 in slot 0
         worker 2 is out of grace: not ready within 30 s (ready_grace)
         kill worker 2
         slot 0 is filled again in 100ms
         spawn worker 3 for generation 1 in slot 0",
    );
}

#[test]
fn a_serving_worker_that_breaks_the_protocol_is_killed_and_replaced() {
    let mut story = Story::serving_with(1);
    story.misbehave(1);
    story.exit(1, 9);
    story.so_far(
        "kill worker 1
         slot 0 is filled again at once
         spawn worker 2 for generation 1 in slot 0",
    );
}
