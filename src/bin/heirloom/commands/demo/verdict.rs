//! What a demo was worth: whether all of it came as it should. It must not know how that is told.

use std::time::Duration;

use super::cast::Cast;
use super::scenario::{STEPS, Told};
use super::traffic::Counts;
use crate::exit_code::ExitCode;

/// All that is known when the story is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Result {
    pub(super) told: Vec<Told>,
    pub(super) counts: Counts,
    pub(super) cast: Cast,
    pub(super) took: Duration,
    /// Somebody ended it, for this reason.
    pub(super) interrupted: Option<&'static str>,
}

impl Result {
    /// Whether every step came as it should and every request was answered.
    pub(super) fn is_good(&self) -> bool {
        let all_told = self.told.len() == STEPS.len() && self.told.iter().all(Told::is_as_expected);
        all_told && self.counts.failed() == 0 && self.counts.answered > 0 && self.interrupted.is_none()
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        if self.is_good() { ExitCode::Done } else { ExitCode::Failed }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::scenario::Outcome;
    use super::super::traffic::Kind;
    use super::*;
    use heirloom::load::Failure;
    use heirloom::supervision::GenerationId;

    pub(in super::super) fn good() -> Result {
        let outcomes = [
            Outcome::Promoted(GenerationId(1)),
            Outcome::Promoted(GenerationId(2)),
            Outcome::GivenUp(GenerationId(3), "exited with status 1".into()),
            Outcome::GivenUp(GenerationId(4), "not ready within 2 s".into()),
            Outcome::Replaced(GenerationId(2)),
            Outcome::Promoted(GenerationId(5)),
        ];
        let took = Duration::from_millis(310);
        let told = STEPS.iter().zip(outcomes).map(|(step, outcome)| Told { step: *step, outcome, took, ended: took });
        let counts = Counts {
            answered: 21_300,
            by_kind: [(Kind::Long, 160), (Kind::KeepAlive, 13_000), (Kind::OneShot, 8_140)].into(),
            by_generation: [(1, 5_000), (2, 12_000), (5, 4_300)].into(),
            ..Counts::default()
        };
        Result { told: told.collect(), counts, took: Duration::from_millis(19_400), ..Result::default() }
    }

    #[test]
    fn a_demo_that_went_well_exits_with_0() {
        assert_eq!(good().exit_code(), ExitCode::Done);
    }

    #[test]
    fn one_failed_request_is_enough_to_exit_with_1() {
        let mut result = good();
        result.counts.failures.insert(Failure::ResetBeforeAnswer, 1);
        assert_eq!(result.exit_code(), ExitCode::Failed);
    }

    #[test]
    fn a_step_that_did_not_end_as_it_should_is_enough_to_exit_with_1() {
        let mut result = good();
        result.told[2].outcome = Outcome::Unexpected("it serves".into());
        assert_eq!(result.exit_code(), ExitCode::Failed);
        result.told.truncate(2);
        assert_eq!(result.exit_code(), ExitCode::Failed, "a story that was not told to its end");
    }

    #[test]
    fn a_demo_in_which_nobody_asked_anything_has_shown_nothing() {
        let result = Result { counts: Counts::default(), ..good() };
        assert_eq!(result.exit_code(), ExitCode::Failed);
        let result = Result { interrupted: Some("interrupted"), ..good() };
        assert_eq!(result.exit_code(), ExitCode::Failed);
    }
}
