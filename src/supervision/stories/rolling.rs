//! Rolls: cohort by cohort, start before stop, never more workers than wanted and `surge`.

use crate::supervision::story::{Story, generation, seconds};
use crate::supervision::{Command, Strategy};

/// Generation 1 serves with so many workers, each a cohort of its own.
fn rolled(workers: u32) -> Story {
    let mut story = Story::beginning();
    story.plan.workers = workers;
    story.plan.rollout.strategy = Strategy::Rolling;
    story.promote();
    story.forget();
    story
}

#[test]
fn a_roll_starts_one_before_it_stops_one() {
    let mut story = rolled(2);
    story.reload();
    story.ready(3);
    story.so_far(
        "generation 2 rising
         spawn worker 3 for generation 2.1 in slot 0
         steer 1 to generation 2.1, 1 to generation 1.2
         generation 2 has 50 %, step 1 of 2
         lame duck worker 1",
    );
    story.wait(seconds(1));
    story.so_far("drain worker 1");
    story.exit(1, 0);
    story.ready(4);
    story.so_far(
        "vacate generation 1.1
         spawn worker 4 for generation 2.2 in slot 1
         steer 1 to generation 2.1, 1 to generation 2.2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 2",
    );
    story.wait(seconds(1));
    story.exit(2, 0);
    story.so_far(
        "drain worker 2
         generation 1 gone",
    );
}

#[test]
fn one_worker_can_be_rolled_too() {
    let mut story = rolled(1);
    story.promote();
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2.1 in slot 0
         steer to generation 2.1
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
}

#[test]
fn a_roll_that_fails_half_way_gives_back_what_it_took() {
    let mut story = rolled(2);
    story.reload();
    story.ready(3);
    story.wait(seconds(1));
    story.exit(1, 0);
    story.forget();
    story.exit(4, 1);
    story.so_far(
        "generation 2 given up: the worker in slot 1 exited with status 1 before it was promoted
         answer request 2: rejected: the worker in slot 1 exited with status 1 before it was promoted
         steer to generation 1.2
         generation 3 rising
         recall generation 1 as generation 3
         vacate generation 2.2
         lame duck worker 3
         spawn worker 5 for generation 3.1 in slot 0",
    );
    assert_eq!((story.core().serving(), story.core().rising()), (Some(generation(1)), Some(generation(3))));
}

#[test]
fn what_was_raised_as_a_whole_leaves_as_a_whole() {
    let mut story = Story::serving_with(2);
    story.plan.rollout.strategy = Strategy::Rolling;
    story.reload();
    story.ready(3);
    story.ready(4);
    story.so_far(
        "generation 2 rising
         spawn worker 3 for generation 2.1 in slot 0
         steer 1 to generation 2.1, 1 to generation 1
         generation 2 has 50 %, step 1 of 2
         spawn worker 4 for generation 2.2 in slot 1
         steer 1 to generation 2.1, 1 to generation 2.2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         lame duck worker 2",
    );
}

#[test]
fn the_workers_are_never_more_than_wanted_and_surge() {
    let mut story = rolled(4);
    story.reload();
    for worker in 5..=8 {
        story.ready(worker);
        story.wait(seconds(2));
        let workers: usize = story.core().view().generations.iter().map(|it| it.workers.len()).sum();
        assert!(workers <= 5, "{workers} workers");
        story.exit(worker - 4, 0);
    }
    assert_eq!(story.core().serving(), Some(generation(2)));
}

#[test]
fn term_in_the_middle_of_a_roll_ends_everybody() {
    let mut story = rolled(2);
    story.reload();
    story.ready(3);
    story.ask(Command::Stop { fast: false });
    for worker in 1..=3 {
        story.exit(worker, 0);
    }
    story.so_far_ends_with("end");
}
