//! What is shown to whoever asks.

use crate::supervision::story::{Goes, Story, generation, millis, seconds};
use crate::supervision::{Event, Exit, Stage, Supervisor, WorkerId, WorkerStage};

/// Each generation with its stage, and what its workers are up to.
fn seen(core: &Supervisor) -> Vec<(u32, Stage, Vec<WorkerStage>)> {
    let workers = |it: &crate::supervision::GenerationView| it.workers.iter().map(|worker| worker.stage).collect();
    core.view().generations.iter().map(|it| (it.id.0, it.stage, workers(it))).collect()
}

#[test]
fn a_generation_is_seen_from_its_first_step_to_its_last() {
    use WorkerStage::{Draining, LameDuck, Ready, Starting};
    let mut story = Story::serving();
    story.world.resolve = Goes::Unanswered;
    story.reload();
    assert_eq!(seen(story.core()), [(1, Stage::Serving, vec![Ready; 2]), (2, Stage::Resolving, vec![])]);
    let plan = story.plan.clone();
    story.happen(Event::Resolved { generation: generation(2), plan });
    assert_eq!(seen(story.core())[1], (2, Stage::Starting, vec![Starting; 2]));
    assert_eq!((story.core().view().serving, story.core().view().rising), (Some(generation(1)), Some(generation(2))));
    story.ready(3);
    assert_eq!(seen(story.core())[1], (2, Stage::Starting, vec![Ready, Starting]));
    story.ready(4);
    assert_eq!(seen(story.core()), [(1, Stage::Settling, vec![LameDuck; 2]), (2, Stage::Serving, vec![Ready; 2])]);
    story.wait(seconds(1));
    assert_eq!(seen(story.core())[0], (1, Stage::Standby, vec![LameDuck; 2]));
    story.wait(seconds(10));
    assert_eq!(seen(story.core())[0], (1, Stage::Draining, vec![Draining; 2]));
    story.world.sweep = Goes::NotYet;
    story.exit(1, 0);
    story.exit(2, 0);
    assert_eq!(seen(story.core())[0], (1, Stage::Sweeping, vec![]));
}

#[test]
fn a_generation_that_waits_for_a_lane_says_so() {
    let mut story = Story::serving();
    story.world.allot = Goes::NotYet;
    story.reload();
    assert_eq!(seen(story.core())[1], (2, Stage::WaitingForLane, vec![]));
    story.reload();
    assert!(story.core().view().reload_waits);
}

#[test]
fn a_slot_that_waits_tells_until_when() {
    let mut story = Story::serving();
    for worker in [2, 3] {
        story.ready(worker);
        story.happen(Event::Exited { worker: WorkerId(worker), exit: Exit::Signal("SIGSEGV".into()) });
    }
    let view = story.core().view();
    let slot = &view.generations[0].workers[1];
    assert_eq!((slot.worker, slot.stage), (None, WorkerStage::Waiting));
    assert_eq!(slot.until, story.core().deadline());
    assert_eq!(story.next(), Some(millis(100)));
}
