//! Whose turn it is: new connections in the exact proportion of the generations' shares. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::channel::Handle;
use crate::supervision::CohortId;

/// So many connections of a listener wait in the master; the others do in the kernel.
const MOST_WAITING: usize = 64;

/// Which generation's turn it is, by shares.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The newest first: who grows for the others keeps the clients that it has.
    shares: Vec<Share>,
    sticky: bool,
}

#[derive(Debug)]
struct Share {
    cohort: CohortId,
    weight: i64,
    /// What it is owed.
    credit: i64,
}

impl Turns {
    /// Whose connections new ones are from now on; whether that has changed.
    pub(super) fn set(&mut self, shares: &[(CohortId, u32)], sticky: bool) -> bool {
        self.sticky = sticky;
        let mut before = self.shares.iter().map(|share| (share.cohort, share.weight));
        if before.by_ref().eq(shares.iter().map(|(cohort, weight)| (*cohort, i64::from(*weight)))) {
            return false;
        }
        let share = |&(cohort, weight): &(_, u32)| Share { cohort, weight: weight.into(), credit: 0 };
        self.shares = shares.iter().map(share).collect();
        true
    }

    /// The next one's generation, among those that can have it.
    pub(super) fn next(&mut self, can: impl Fn(CohortId) -> bool) -> Option<CohortId> {
        let mut able: Vec<&mut Share> = self.shares.iter_mut().filter(|it| it.weight > 0 && can(it.cohort)).collect();
        let total: i64 = able.iter().map(|share| share.weight).sum();
        able.iter_mut().for_each(|share| share.credit += share.weight);
        let first = able.into_iter().rev().max_by_key(|share| share.credit)?;
        first.credit -= total;
        Some(first.cohort)
    }

    /// Whether a client stays with the generation that it has met.
    pub(super) fn is_sticky(&self) -> bool {
        self.sticky && self.shares.len() > 1
    }

    /// The generation of a client, among those that can have it. Each rollout deals them anew.
    pub(super) fn of_client(&self, client: &impl Hash, can: impl Fn(CohortId) -> bool) -> Option<CohortId> {
        let able = || self.shares.iter().filter(|share| share.weight > 0 && can(share.cohort));
        let total: i64 = able().map(|share| share.weight).sum();
        let mut hasher = DefaultHasher::new();
        (client, self.shares.iter().map(|share| share.cohort.generation.0).max()).hash(&mut hasher);
        let mut place = i64::try_from(hasher.finish() % u64::try_from(total.max(1)).unwrap_or(1)).unwrap_or_default();
        let is_there = |share: &&Share| {
            place -= share.weight;
            place < 0
        };
        able().find(is_there).map(|share| share.cohort)
    }

    /// Whether anybody can have it.
    pub(super) fn anybody(&self, can: impl Fn(CohortId) -> bool) -> bool {
        self.shares.iter().any(|share| share.weight > 0 && can(share.cohort))
    }
}

/// How a listener's connections are passed on that the master accepts.
#[derive(Debug, Default)]
pub(in crate::master) struct Rotation {
    pub(super) turns: Turns,
    /// Accepted, and waiting for a worker of that generation.
    waiting: BTreeMap<CohortId, VecDeque<Handle>>,
    /// Whether anything is accepted now.
    pub(in crate::master) accepts: bool,
    /// Nothing is before that: there were no descriptors.
    pub(super) rests_until: Duration,
}

impl Rotation {
    pub(super) fn has_room(&self) -> bool {
        self.waiting.values().map(VecDeque::len).sum::<usize>() < MOST_WAITING
    }

    pub(super) fn push(&mut self, generation: CohortId, connection: Handle) {
        self.waiting.entry(generation).or_default().push_back(connection);
    }

    pub(super) fn pop(&mut self, generation: CohortId) -> Option<Handle> {
        self.waiting.get_mut(&generation)?.pop_front()
    }

    /// Somebody gave it back: it has waited for longest.
    pub(super) fn put_back(&mut self, generation: CohortId, connection: Handle) {
        self.waiting.entry(generation).or_default().push_front(connection);
    }

    pub(super) fn is_waited_for(&self, generation: CohortId) -> bool {
        self.waiting.get(&generation).is_some_and(|waiting| !waiting.is_empty())
    }

    /// Takes out what waits for generations that this is true of.
    pub(super) fn take_if(&mut self, of: impl Fn(CohortId) -> bool) -> Vec<Handle> {
        let taken = self.waiting.iter_mut().filter(|(generation, _)| of(**generation));
        let taken = taken.flat_map(|(_, waiting)| waiting.drain(..)).collect();
        self.waiting.retain(|_, waiting| !waiting.is_empty());
        taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::supervision::GenerationId;

    const OLD: CohortId = CohortId::whole(GenerationId(1));
    const NEW: CohortId = CohortId::whole(GenerationId(2));

    fn of(shares: &[(CohortId, u32)]) -> Turns {
        let mut turns = Turns::default();
        turns.set(shares, false);
        turns
    }

    #[test]
    fn a_share_of_one_in_ten_is_one_in_ten() {
        let mut turns = of(&[(OLD, 90), (NEW, 10)]);
        let next: Vec<_> = (0..30).filter_map(|_| turns.next(|_| true)).collect();
        for ten in next.chunks(10) {
            assert_eq!(ten.iter().filter(|generation| **generation == NEW).count(), 1);
        }
    }

    #[test]
    fn who_has_no_worker_has_no_turn() {
        let mut turns = of(&[(OLD, 1), (NEW, 99)]);
        assert_eq!(turns.next(|generation| generation == OLD), Some(OLD));
        assert_eq!(turns.next(|_| false), None);
        assert!(!of(&[(OLD, 0)]).anybody(|_| true));
    }

    #[test]
    fn the_same_shares_are_no_change() {
        let mut turns = of(&[(OLD, 1)]);
        assert!(!turns.set(&[(OLD, 1)], false));
        assert!(turns.set(&[(NEW, 1)], false));
    }

    #[test]
    fn a_client_stays_with_its_generation_while_the_newcomers_share_grows() {
        let mut turns = Turns::default();
        let new = |turns: &Turns| -> Vec<u32> {
            (0..1000).filter(|client| turns.of_client(client, |_| true) == Some(NEW)).collect()
        };
        turns.set(&[(NEW, 10), (OLD, 90)], true);
        let few = new(&turns);
        turns.set(&[(NEW, 50), (OLD, 50)], true);
        let many = new(&turns);
        assert!((50..200).contains(&few.len()) && (400..600).contains(&many.len()), "{} {}", few.len(), many.len());
        assert!(few.iter().all(|client| many.contains(client)));
    }

    proptest! {
        #[test]
        fn every_share_is_exact(weights in prop::collection::vec(0..50_u32, 1..5)) {
            let shares: Vec<_> = (1..).map(|number| CohortId::whole(GenerationId(number))).zip(weights).collect();
            let mut turns = of(&shares);
            let total: u32 = shares.iter().map(|(_, weight)| weight).sum();
            let mut had = BTreeMap::new();
            for _ in 0..total {
                *had.entry(turns.next(|_| true).expect("somebody")).or_insert(0) += 1;
            }
            for (generation, weight) in shares {
                prop_assert_eq!(had.get(&generation).copied().unwrap_or(0), weight);
            }
        }
    }
}
