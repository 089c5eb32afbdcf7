//! Who gets the new connections of a listener, and how much of them. Plain values: knows no socket.

use std::collections::BTreeMap;

use crate::supervision::{CohortId, GenerationId};
use crate::sys::lanes::{By, LaneId, Steering};

/// The cohorts that have a share, the newest first: who grows for the others stands before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shares {
    weights: Vec<(CohortId, u32)>,
    sticky: bool,
}

impl Shares {
    /// All to one.
    pub(super) fn all(generation: CohortId) -> Shares {
        Shares { weights: vec![(generation, 1)], sticky: false }
    }

    pub(super) fn new(weights: impl IntoIterator<Item = (CohortId, u32)>, sticky: bool) -> Shares {
        let mut weights: Vec<_> = weights.into_iter().filter(|(_, weight)| *weight > 0).collect();
        weights.sort_by_key(|(generation, _)| std::cmp::Reverse(*generation));
        Shares { weights, sticky }
    }

    /// Whether nobody has any.
    pub(super) fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    pub(super) fn has(&self, generation: CohortId) -> bool {
        self.weights.iter().any(|(of, _)| *of == generation)
    }

    pub(super) fn cohorts(&self) -> impl Iterator<Item = CohortId> + '_ {
        self.weights.iter().map(|(generation, _)| *generation)
    }

    /// Each with its weight.
    pub(super) fn weights(&self) -> &[(CohortId, u32)] {
        &self.weights
    }

    /// Whether a client stays with the generation that it has met.
    pub(super) fn is_sticky(&self) -> bool {
        self.sticky
    }

    /// The one who has all, if there is only one.
    pub(super) fn only(&self) -> Option<CohortId> {
        match self.weights[..] {
            [(generation, _)] => Some(generation),
            _ => None,
        }
    }

    /// The generation that has all.
    pub(super) fn only_generation(&self) -> Option<GenerationId> {
        let generation = self.weights.first()?.0.generation;
        self.cohorts().all(|cohort| cohort.generation == generation).then_some(generation)
    }

    /// Who has most: of equals the oldest.
    pub(super) fn most(&self) -> Option<CohortId> {
        Some(self.weights.iter().max_by_key(|(_, weight)| *weight)?.0)
    }

    /// The same without those who are not `wanted`.
    pub(super) fn among(&self, wanted: impl Fn(CohortId) -> bool) -> Shares {
        let weights = self.weights.iter().copied().filter(|(generation, _)| wanted(*generation));
        Shares { weights: weights.collect(), sticky: self.sticky }
    }

    /// In per cent, rounded; a share is never shown as none.
    pub(super) fn percent(&self, generation: CohortId) -> u8 {
        let total: u64 = self.weights.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let own: u64 =
            self.weights.iter().filter(|(of, _)| *of == generation).map(|(_, weight)| u64::from(*weight)).sum();
        match own {
            0 => 0,
            own => u8::try_from((own * 100 + total / 2) / total).unwrap_or(100).max(1),
        }
    }

    /// What each generation has, in per cent, the newest first.
    pub(super) fn by_generation(&self) -> Vec<(GenerationId, u8)> {
        let mut weights: BTreeMap<GenerationId, u32> = BTreeMap::new();
        for (of, weight) in &self.weights {
            *weights.entry(of.generation).or_default() += weight;
        }
        let whole = weights.into_iter().map(|(generation, weight)| (CohortId::whole(generation), weight));
        let whole = Shares::new(whole, self.sticky);
        whole.cohorts().map(|of| (of.generation, whole.percent(of))).collect()
    }

    /// As a listener is steered, in which each cohort has this lane. Each rollout deals its clients anew.
    pub(super) fn steering(&self, lane: impl Fn(CohortId) -> Option<LaneId>) -> Option<Steering> {
        if let Some(only) = self.only() {
            return Some(Steering::To(lane(only)?));
        }
        let lanes: Option<Vec<_>> = self.weights.iter().map(|(of, weight)| Some((lane(*of)?, *weight))).collect();
        let salt = self.cohorts().max().map_or(0, |cohort| cohort.generation.0);
        let by = if self.sticky { By::Source { salt } } else { By::Chance };
        Some(Steering::shared(&lanes?, by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: CohortId = CohortId::whole(GenerationId(3));
    const NEW: CohortId = CohortId::whole(GenerationId(4));

    #[test]
    fn the_newest_stands_first_and_nothing_is_no_share() {
        let shares = Shares::new([(OLD, 95), (NEW, 5)], true);
        assert_eq!(shares.cohorts().collect::<Vec<_>>(), [NEW, OLD]);
        assert_eq!(
            (shares.percent(NEW), shares.percent(OLD), shares.percent(CohortId::whole(GenerationId(1)))),
            (5, 95, 0)
        );
        assert_eq!((shares.only(), shares.most()), (None, Some(OLD)));
        assert_eq!(Shares::new([(OLD, 0), (NEW, 100)], true).only(), Some(NEW));
        assert_eq!(Shares::new([(OLD, 50), (NEW, 50)], true).most(), Some(OLD));
    }

    #[test]
    fn cohorts_of_a_generation_have_their_share_together() {
        let cohort = |generation, number| CohortId { generation: GenerationId(generation), number };
        let shares = Shares::new([(cohort(3, 1), 50), (cohort(4, 1), 25), (cohort(4, 2), 25)], false);
        assert_eq!(shares.by_generation(), [(GenerationId(4), 50), (GenerationId(3), 50)]);
        assert_eq!(Shares::default().by_generation(), []);
    }

    #[test]
    fn who_has_no_lane_cannot_be_steered_to() {
        let lane = |cohort: CohortId| (cohort == NEW).then_some(LaneId(2));
        let shares = Shares::new([(OLD, 95), (NEW, 5)], false);
        assert_eq!(shares.steering(lane), None);
        assert_eq!(shares.among(|generation| generation == NEW).steering(lane), Some(Steering::To(LaneId(2))));
        assert_eq!(Shares::default().steering(lane), Some(Steering::Hold));
    }

    #[test]
    fn a_share_of_a_part_of_a_per_cent_is_still_one() {
        let shares = Shares::new([(OLD, 999), (NEW, 1)], false);
        assert_eq!((shares.percent(NEW), shares.percent(OLD)), (1, 100));
    }
}
