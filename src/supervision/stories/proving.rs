//! Health checks: a newcomer proves itself before any client meets it.

use crate::supervision::story::{Goes, Story, generation, millis, seconds};
use crate::supervision::{Command, Event, Health};

/// Generation 1 serves with worker 1; the next ones are checked like this.
fn checked(health: Health) -> Story {
    let mut story = Story::serving_with(1);
    story.plan.rollout.health = Some(health);
    story
}

#[test]
fn a_newcomer_is_checked_before_any_client_meets_it() {
    let mut story = checked(Health { rise: 2, ..Health::default() });
    story.promote();
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 checked",
    );
    story.wait(seconds(1));
    story.so_far(
        "steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
}

#[test]
fn a_newcomer_has_to_stay_healthy_for_as_long_as_was_asked_for() {
    let mut story = checked(Health { min_healthy: millis(2500), ..Health::default() });
    story.promote();
    story.wait(millis(2499));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 checked",
    );
    story.wait(millis(1));
    assert_eq!(story.core().serving(), Some(generation(2)));
}

#[test]
fn one_bad_check_begins_the_count_anew_and_is_told_once_a_streak() {
    let mut story = checked(Health { rise: 2, ..Health::default() });
    story.promote();
    story.world.check = Goes::Wrong;
    story.wait(seconds(2));
    story.world.check = Goes::Well;
    story.wait(seconds(1));
    assert_eq!(story.core().serving(), Some(generation(1)));
    story.wait(seconds(1));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 checked
         generation 2 is unhealthy: GET /healthz: status 500
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
}

#[test]
fn a_newcomer_whose_checks_fail_is_given_up_and_nobody_met_it() {
    let mut story = checked(Health::default());
    story.world.check = Goes::Wrong;
    story.promote();
    story.wait(seconds(2));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 checked
         generation 2 is unhealthy: GET /healthz: status 500
         generation 2 given up: its health check failed 3 times in a row: GET /healthz: status 500
         answer request 2: rejected: its health check failed 3 times in a row: GET /healthz: status 500
         drain worker 2",
    );
    assert_eq!(story.core().serving(), Some(generation(1)));
}

#[test]
fn a_check_that_brings_no_answer_is_waited_for_until_the_progress_deadline() {
    let mut story = checked(Health::default());
    story.plan.rollout.progress_deadline = Some(seconds(20));
    story.world.check = Goes::Unanswered;
    story.promote();
    story.wait(seconds(20));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 checked
         generation 2 given up: not proved within 20 s (progress_deadline)
         answer request 2: rejected: not proved within 20 s (progress_deadline)
         drain worker 2",
    );
    // What it brings at last is about a generation that nobody waits for.
    story.happen(Event::Checked { generation: generation(2), failure: None });
    story.nothing_so_far();
}

#[test]
fn the_progress_deadline_counts_from_the_reload_and_tells_what_was_still_wrong() {
    let mut story = checked(Health { fall: 100, ..Health::default() });
    story.plan.rollout.progress_deadline = Some(seconds(10));
    story.world.check = Goes::Wrong;
    story.reload();
    story.wait(seconds(9));
    story.ready(2);
    story.wait(seconds(1));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 checked
         generation 2 is unhealthy: GET /healthz: status 500
         generation 2 given up: not proved within 10 s (progress_deadline): GET /healthz: status 500
         answer request 2: rejected: not proved within 10 s (progress_deadline): GET /healthz: status 500
         drain worker 2",
    );
}

#[test]
fn a_first_generation_whose_checks_fail_ends_the_master() {
    let mut story = Story::beginning();
    story.plan.workers = 1;
    story.plan.rollout.health = Some(Health { fall: 1, ..Health::default() });
    story.world.check = Goes::Wrong;
    story.promote();
    story.so_far(
        "generation 1 rising
         spawn worker 1 for generation 1 in slot 0
         generation 1 checked
         generation 1 is unhealthy: GET /healthz: status 500
         generation 1 given up: its health check failed: GET /healthz: status 500
         answer request 1: rejected: its health check failed: GET /healthz: status 500
         drain worker 1",
    );
    story.exit(1, 0);
    story.so_far(
        "generation 1 gone
         end with a failure: its health check failed: GET /healthz: status 500",
    );
}

#[test]
fn checks_go_on_after_the_promotion_for_as_long_as_one_can_go_back() {
    let mut story = checked(Health::default());
    story.promote();
    story.world.check = Goes::Wrong;
    story.wait(seconds(3));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 checked
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         generation 2 is unhealthy: GET /healthz: status 500
         generation 1 standing by
         generation 2 rolled back to generation 1: its health check failed 3 times in a row: GET /healthz: status 500
         steer to generation 1
         resume worker 1
         lame duck worker 2",
    );
}

#[test]
fn once_nobody_stands_by_nobody_is_checked() {
    let mut story = checked(Health::default());
    story.promote();
    story.wait(seconds(12));
    story.exit(1, 0);
    assert_eq!(story.next(), None);
}

#[test]
fn errors_over_the_budget_steer_back_while_the_old_one_stands_by() {
    let mut story = checked(Health::default());
    story.plan.rollout.error_budget = crate::supervision::ErrorBudget::percent(1.0);
    story.promote();
    story.wait(seconds(2));
    story.report(2, 1000, 10);
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 checked
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         generation 1 standing by",
    );
    story.report(2, 2000, 21);
    story.so_far(
        "generation 2 rolled back to generation 1: 21 of 2000 requests went wrong, more than 1 % (error_budget)
         steer to generation 1
         resume worker 1
         lame duck worker 2",
    );
}

#[test]
fn what_a_worker_reported_counts_when_it_is_gone() {
    let mut story = checked(Health::default());
    story.plan.rollout.error_budget = crate::supervision::ErrorBudget::percent(1.0);
    story.promote();
    story.report(2, 1000, 10);
    story.exit(2, 1);
    story.report(3, 10, 1);
    story.wait(millis(1));
    assert_eq!(story.core().serving(), Some(generation(1)));
}

#[test]
fn errors_of_who_serves_alone_have_no_consequence() {
    let mut story = checked(Health::default());
    story.plan.rollout.error_budget = crate::supervision::ErrorBudget::percent(1.0);
    story.promote();
    story.wait(seconds(12));
    story.report(2, 1000, 1000);
    assert_eq!(story.core().serving(), Some(generation(2)));
}

#[test]
fn a_newcomer_that_is_checked_can_be_aborted() {
    let mut story = checked(Health { min_healthy: seconds(60), ..Health::default() });
    story.promote();
    story.ask(Command::Abort);
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         generation 2 checked
         generation 2 given up: aborted (a test)
         answer request 2: rejected: aborted (a test)
         drain worker 2
         answer request 3: done",
    );
}
