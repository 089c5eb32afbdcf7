//! A reload that goes well, from the steering to the end of the generation before.

use crate::supervision::Event;
use crate::supervision::story::{Goes, Story, generation, millis, seconds};

#[test]
fn a_reload_steers_to_the_new_before_it_drains_the_old() {
    let mut story = Story::serving();
    story.reload();
    story.ready(3);
    story.so_far(
        "generation 2 rising
         spawn worker 3 for generation 2 in slot 0
         spawn worker 4 for generation 2 in slot 1",
    );
    story.ready(4);
    story.so_far(
        "steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         lame duck worker 2",
    );
    story.wait(seconds(1));
    story.so_far("generation 1 standing by");
    story.wait(seconds(10));
    story.so_far(
        "drain worker 1
         drain worker 2",
    );
    story.exit(1, 0);
    story.exit(2, 0);
    story.so_far("generation 1 gone");
    story.wait(seconds(3600));
    story.nothing_so_far();
    assert_eq!(story.core().serving(), Some(generation(2)));
    assert_eq!(story.next(), None, "nothing is left to wait for");
}

#[test]
fn without_warmth_a_settled_generation_is_drained_at_once() {
    let mut story = Story::serving_with(1);
    story.plan.warm = seconds(0);
    story.promote();
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
    story.wait(millis(999));
    story.nothing_so_far();
    story.wait(millis(1));
    story.so_far("drain worker 1");
}

#[test]
fn nothing_happens_to_the_old_before_new_connections_are_known_to_go_elsewhere() {
    let mut story = Story::serving_with(1);
    story.world.steer = Goes::Unanswered;
    story.promote();
    story.wait(seconds(3600));
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2",
    );
    story.happen(Event::Steered { generation: generation(2) });
    story.so_far(
        "generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1",
    );
}

#[test]
fn a_worker_that_is_not_ready_when_its_generation_is_replaced_has_a_second_to_go() {
    let mut story = Story::serving();
    story.exit(2, 1);
    story.so_far(
        "slot 1 is filled again at once
         spawn worker 3 for generation 1 in slot 1",
    );
    story.plan.workers = 1;
    story.reload();
    story.ready(4);
    story.wait(seconds(1));
    story.so_far(
        "generation 2 rising
         spawn worker 4 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         drain worker 3
         worker 3 is out of grace: not drained within 1 s
         kill worker 3
         generation 1 standing by",
    );
}

#[test]
fn a_generation_can_be_replaced_before_the_one_before_it_is_gone() {
    let mut story = Story::serving_with(1);
    story.promote();
    story.promote();
    story.so_far(
        "generation 2 rising
         spawn worker 2 for generation 2 in slot 0
         steer to generation 2
         generation 2 promoted
         answer request 2: generation 2 serves
         lame duck worker 1
         generation 3 rising
         spawn worker 3 for generation 3 in slot 0
         steer to generation 3
         generation 3 promoted
         answer request 3: generation 3 serves
         lame duck worker 2",
    );
    story.wait(seconds(1));
    story.so_far(
        "drain worker 1
         generation 2 standing by",
    );
    story.exit(1, 0);
    story.wait(seconds(10));
    story.exit(2, 0);
    story.so_far(
        "generation 1 gone
         drain worker 2
         generation 2 gone",
    );
}

#[test]
fn a_reload_in_full() {
    let mut story = Story::serving_with(1);
    story.in_full();
    story.promote();
    story.wait(seconds(11));
    story.exit(1, 0);
    story.so_far(
        "generation 2 rising
         resolve generation 2
         allot lanes to generation 2
         spawn worker 2 for generation 2 in slot 0
         worker 2 started
         worker 2 ready
         steer to generation 2
         generation 2 promoted
         promote worker 2
         answer request 2: generation 2 serves
         lame duck worker 1
         look at the queue of generation 1
         generation 1 standing by
         generation 1 draining
         rescue who still comes to generation 1
         drain worker 1
         worker 1 exited with status 0
         sweep behind generation 1
         forget generation 1
         generation 1 gone",
    );
    story.exit(2, 1);
    story.ready(3);
    story.so_far(
        "worker 2 exited with status 1
         slot 0 is filled again at once
         spawn worker 3 for generation 2 in slot 0
         worker 3 started
         worker 3 ready
         promote worker 3",
    );
}
