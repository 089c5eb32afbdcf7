//! How connections are divided among lanes: plain numbers. Knows no socket, and no program.

use serde::{Deserialize, Serialize};

use super::seat::{LaneId, Seat};

/// Connections divided among lanes, by chance or by where they come from.
///
/// # Invariants
/// There are at least two lanes, each with a weight, and none twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Split {
    shares: Vec<(LaneId, u32)>,
    by: By,
}

/// What decides where a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum By {
    /// Each connection anew.
    Chance,
    /// The client's address: as long as the salt is the same, so is the number that is drawn for a client.
    Source {
        /// Another salt deals the clients anew, lest the same ones are always first to meet what is new.
        salt: u32,
    },
}

impl Split {
    /// Divides in this order: whoever grows must stand before whoever shrinks for it, so that clients who keep their
    /// number move only from the second to the first. None if that leaves fewer than two lanes.
    pub(super) fn new(shares: impl IntoIterator<Item = (LaneId, u32)>, by: By) -> Option<Split> {
        let mut merged: Vec<(LaneId, u32)> = Vec::new();
        for (lane, weight) in shares.into_iter().filter(|(_, weight)| *weight > 0) {
            match merged.iter_mut().find(|(other, _)| *other == lane) {
                Some((_, sum)) => *sum = sum.saturating_add(weight),
                None => merged.push((lane, weight)),
            }
        }
        (merged.len() > 1).then_some(Split { shares: merged, by })
    }

    pub(super) fn by(&self) -> By {
        self.by
    }

    pub(super) fn has(&self, seat: Seat) -> bool {
        self.shares.iter().any(|(lane, _)| Seat::Lane(*lane) == seat)
    }

    /// The lanes in order, each but the last with the number below which a draw of 32 bits is its own.
    pub(super) fn parts(&self) -> (Vec<(LaneId, u32)>, LaneId) {
        let total: u128 = self.shares.iter().map(|(_, weight)| u128::from(*weight)).sum();
        let (last, others) = self.shares.split_last().expect("there are two");
        let mut sum = 0;
        let part = |(lane, weight): &(LaneId, u32)| {
            sum += u128::from(*weight);
            let below = (sum << u32::BITS) / total;
            (*lane, u32::try_from(below).expect("what is left for the last is not nothing"))
        };
        (others.iter().map(part).collect(), last.0)
    }

    /// The lane with the largest share; of equal ones the last, which is the one that had it all before.
    pub(super) fn heaviest(&self) -> LaneId {
        self.shares.iter().max_by_key(|(_, weight)| *weight).expect("there are two").0
    }

    /// The lanes, those with the smallest share first.
    pub(super) fn lightest_first(&self) -> Vec<LaneId> {
        let mut sorted = self.shares.clone();
        sorted.sort_by_key(|(_, weight)| *weight);
        sorted.into_iter().map(|(lane, _)| lane).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(shares: &[(usize, u32)]) -> Option<Split> {
        Split::new(shares.iter().map(|(lane, weight)| (LaneId(*lane), *weight)), By::Chance)
    }

    #[test]
    fn what_is_divided_has_two_lanes_at_least_and_none_of_them_for_nothing() {
        assert_eq!(split(&[]), None);
        assert_eq!(split(&[(1, 5)]), None);
        assert_eq!(split(&[(1, 5), (0, 0)]), None);
        assert_eq!(split(&[(1, 5), (1, 95)]), None);
        assert_eq!(split(&[(1, 1), (0, 2), (1, 1)]), split(&[(1, 2), (0, 2)]));
    }

    #[test]
    fn thresholds_grow_with_the_share_and_leave_the_rest_to_the_last() {
        let first = |weight| split(&[(1, weight), (0, 100 - weight)]).unwrap().parts().0[0].1;
        assert_eq!(first(50), 1 << 31);
        assert!((1..99).all(|weight| first(weight) < first(weight + 1)));
        let (parts, last) = split(&[(2, u32::MAX), (1, u32::MAX), (0, u32::MAX)]).unwrap().parts();
        assert_eq!((parts.len(), last), (2, LaneId(0)));
        assert!(parts[0].1 < parts[1].1);
    }

    #[test]
    fn of_equal_shares_the_last_counts_for_more() {
        assert_eq!(split(&[(1, 5), (0, 95)]).unwrap().heaviest(), LaneId(0));
        assert_eq!(split(&[(1, 50), (0, 50)]).unwrap().heaviest(), LaneId(0));
        assert_eq!(split(&[(1, 51), (0, 49)]).unwrap().heaviest(), LaneId(1));
        assert_eq!(split(&[(1, 51), (0, 49)]).unwrap().lightest_first(), [LaneId(0), LaneId(1)]);
    }
}
