//! Blue-green, and whatever else waits for somebody's word.

use crate::supervision::story::{Story, generation, seconds};
use crate::supervision::{Command, Strategy};

fn held(auto_promote: Option<u64>) -> Story {
    let mut story = Story::serving_with(1);
    story.plan.rollout.strategy = Strategy::BlueGreen;
    story.plan.rollout.auto_promote = auto_promote.map(seconds);
    story.promote();
    story
}

const PROMOTED: &str = "steer to generation 2
     generation 2 promoted
     answer request 2: generation 2 serves
     answer request 3: generation 2 serves
     lame duck worker 1";

#[test]
fn a_green_generation_waits_until_somebody_promotes_it() {
    let mut story = held(None);
    story.wait(seconds(3600));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 held",
    );
    assert_eq!(story.next(), None);
    story.ask(Command::Promote);
    story.so_far(PROMOTED);
}

#[test]
fn or_until_its_time_has_come() {
    let mut story = held(Some(600));
    story.wait(seconds(600));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 held for 600s
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
}

#[test]
fn a_reload_can_be_held_whatever_the_strategy() {
    let mut story = Story::serving_with(1);
    story.ask(Command::Reload { strategy: None, hold: true });
    story.ready(2);
    story.wait(seconds(3600));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 held",
    );
    story.ask(Command::Promote);
    story.so_far(PROMOTED);
}

#[test]
fn a_reload_can_name_another_strategy_than_its_release_has() {
    let mut story = Story::serving_with(1);
    story.plan.rollout.strategy = Strategy::BlueGreen;
    story.ask(Command::Reload { strategy: Some(Strategy::All), hold: false });
    story.ready(2);
    assert_eq!(story.core().serving(), Some(generation(2)));
}

#[test]
fn where_nobody_serves_nobody_is_held() {
    let mut story = Story::beginning();
    story.plan.rollout.strategy = Strategy::BlueGreen;
    story.promote();
    assert_eq!(story.core().serving(), Some(generation(1)));
}

#[test]
fn who_is_not_ready_cannot_be_promoted_nor_can_nobody() {
    let mut story = Story::serving_with(1);
    story.ask(Command::Promote);
    story.plan.rollout.strategy = Strategy::BlueGreen;
    story.reload();
    story.ask(Command::Promote);
    story.so_far(
        "answer request 2: refused: no generation rises
         generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         answer request 4: refused: generation 2 has not proved itself yet",
    );
}

#[test]
fn a_paused_clock_does_not_run() {
    let mut story = held(Some(600));
    story.wait(seconds(500));
    story.ask(Command::Pause);
    story.wait(seconds(3600));
    story.ask(Command::Pause);
    story.ask(Command::Resume);
    story.wait(seconds(99));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 held for 600s
         generation 2 paused
         answer request 3: done
         answer request 4: refused: generation 2 is paused already
         generation 2 resumed
         answer request 5: done",
    );
    story.wait(seconds(1));
    assert_eq!(story.core().serving(), Some(generation(2)));
}

#[test]
fn a_rollout_that_was_paused_early_is_held_when_it_is_proved() {
    let mut story = Story::serving_with(1);
    story.reload();
    story.ask(Command::Pause);
    story.ready(2);
    story.wait(seconds(60));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 paused
         answer request 3: done
         generation 2 held",
    );
    story.ask(Command::Resume);
    story.so_far(
        "generation 2 resumed
         answer request 4: done
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
}

#[test]
fn there_is_nothing_to_pause_or_to_resume_when_nothing_rises() {
    let mut story = held(None);
    story.ask(Command::Resume);
    story.ask(Command::Abort);
    story.ask(Command::Pause);
    story.ask(Command::Resume);
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 held
         answer request 3: refused: generation 2 is not paused
         generation 2 given up: aborted (a test)
         answer request 2: rejected: aborted (a test)
         drain worker 2
         answer request 4: done
         answer request 5: refused: no generation rises
         answer request 6: refused: no generation rises",
    );
}

#[test]
fn whoever_is_held_may_replace_its_workers_in_order_and_is_promoted_when_it_is_whole() {
    let mut story = held(Some(600));
    story.wait(seconds(10));
    story.exit(2, 0);
    story.ask(Command::Promote);
    story.wait(seconds(20));
    story.ready(3);
    story.wait(seconds(570));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 held for 600s
         slot 0 is filled again at once
         spawn worker 3 for generation 2 in slot 0
         answer request 3: refused: a worker of generation 2 is being replaced
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
}
