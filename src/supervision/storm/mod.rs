//! The storm: random rollouts in a world where everything may fail, be late or die, and the promises after every event.
//!
//! A storm is a script of plain steps, so that the smallest one that breaks a promise reads like a story. After the storm
//! comes calm weather, in which everything must find its end.

mod promises;
mod script;
mod steps;
mod world;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use script::Storm;
use world::World;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_promises_are_kept(storm in Storm::any()) {
        if let Err(broken) = storm.rage() {
            return Err(TestCaseError::fail(broken));
        }
    }
}

/// A storm that never meets a lane in use, or a rollback, would keep its promises too.
#[test]
fn the_storm_meets_all_that_can_happen() {
    let mut runner = TestRunner::deterministic();
    let mut missing = vec![
        "waits for a lane",
        "a stranger holds the lanes",
        "no such program",
        "permission denied",
        "before it was promoted",
        "(ready_grace)",
        "broke the protocol",
        "a newer one is wanted",
        "aborted (",
        "the master is asked to stop",
        "the kernel refused",
        "not steered to generation",
        "rolled back to generation",
        "resume worker",
        "standing by",
        "filled again at once",
        "filled again in",
        "not drained within",
        "kill what generation",
        "scaled to 0",
        "one worker must stay",
        "is unhealthy",
        "its health check failed",
        "(progress_deadline)",
        "(error_budget)",
        "held for",
        "step 2 of",
        "by their addresses",
        "paused",
        "resumed",
        "recall generation",
        "is not kept",
        "is not promoted yet: abort it",
        "has not proved itself yet",
        "no generation rises",
        "stopping fast",
        "end with a failure",
    ];
    for _ in 0..500 {
        let storm = Storm::any().new_tree(&mut runner).expect("a storm can always be made up").current();
        let mut world = World::new(&storm);
        world.go_through(&storm).unwrap_or_else(|broken| panic!("{broken}\n{}", world.story()));
        missing.retain(|words| !world.lines.iter().any(|line| line.contains(words)));
        if missing.is_empty() {
            return;
        }
    }
    panic!("no storm ever met: {missing:?}");
}
