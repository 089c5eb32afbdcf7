//! Which index each member of a SO_REUSEPORT group has. The kernel does not tell, so its rule is simulated: who listens
//! joins at the end, and when one is shut the last takes its place. Pure: knows no socket.

use std::collections::BTreeSet;

use super::seat::{LaneId, MOST, Seat};

/// What may stand at each index; `None` is a stranger, a socket that is not ours.
type Arrangement = Vec<Option<Seat>>;

/// With more leaving at once, their order is not worked out but unknown.
const MANY: usize = 5;

/// The arrangements that fit all that was seen.
///
/// # Invariants
/// One of them is the kernel's, unless there is none: then nothing is known. All have the same members of ours.
#[derive(Debug)]
pub(super) struct Order {
    present: BTreeSet<Seat>,
    possible: BTreeSet<Arrangement>,
    /// The index of each lane, and of the helm behind them, where all arrangements agree. Worked out beforehand: a steer of
    /// hundreds of listeners asks for one of each, and has no time to look into them.
    places: [Option<u8>; MOST + 1],
}

impl Order {
    /// A group without members.
    pub(super) fn empty() -> Order {
        let possible = BTreeSet::from([Arrangement::new()]);
        Order { present: BTreeSet::new(), possible, places: [None; MOST + 1] }
    }

    /// Our members, lanes first.
    pub(super) fn present(&self) -> impl Iterator<Item = Seat> + '_ {
        self.present.iter().copied()
    }

    pub(super) fn has(&self, seat: Seat) -> bool {
        self.present.contains(&seat)
    }

    /// A socket of ours begins to listen.
    pub(super) fn join(&mut self, seat: Seat) {
        self.present.insert(seat);
        self.change(|mut arrangement| {
            arrangement.push(Some(seat));
            BTreeSet::from([arrangement])
        });
    }

    /// Sockets of ours were shut, in an order that nobody saw, while `strangers` are in the group. Those may have come
    /// before or after; when there are none left, the places that they held are closed as well.
    pub(super) fn leave(&mut self, gone: &[Seat], strangers: usize) {
        self.present.retain(|seat| !gone.contains(seat));
        let is_gone = |member: &Option<Seat>| member.is_some_and(|seat| gone.contains(&seat));
        let is_gone_or_stranger = |member: &Option<Seat>| member.is_none() || is_gone(member);
        self.change(|arrangement| {
            if strangers == 0 {
                return removals(arrangement, &is_gone_or_stranger);
            }
            let mut crowded = arrangement.clone();
            crowded.extend(std::iter::repeat_n(None, strangers));
            let mut outcomes = removals(arrangement, &is_gone);
            outcomes.extend(removals(crowded, &is_gone).into_iter().map(without_tail));
            outcomes
        });
        if self.present.len() <= 1 && strangers == 0 {
            self.possible = BTreeSet::from([self.present.iter().copied().map(Some).collect()]);
            self.find_places();
        }
    }

    /// A member of ours has another seat from now on, at the same index.
    pub(super) fn rename(&mut self, from: Seat, to: Seat) {
        if self.present.remove(&from) {
            self.present.insert(to);
        }
        let renamed = |member| if member == Some(from) { Some(to) } else { member };
        self.change(|arrangement| BTreeSet::from([arrangement.into_iter().map(renamed).collect()]));
    }

    /// The index of a member, if it has the same in every arrangement.
    pub(super) fn index(&self, seat: Seat) -> Option<usize> {
        self.places.get(row(seat)).copied().flatten().map(usize::from)
    }

    /// Whether only one arrangement is possible, without strangers.
    pub(super) fn is_certain(&self) -> bool {
        self.possible.len() == 1 && self.possible.iter().flatten().all(Option::is_some)
    }

    /// Whether this member is the last, so that it is what moves when another is shut.
    pub(super) fn is_last(&self, seat: Seat) -> bool {
        self.is_certain() && self.index(seat).is_some_and(|index| index + 1 == self.present.len())
    }

    fn change(&mut self, outcomes: impl Fn(Arrangement) -> BTreeSet<Arrangement>) {
        let before = std::mem::take(&mut self.possible);
        let after: Vec<_> = before.into_iter().map(outcomes).collect();
        if after.iter().all(|outcomes| !outcomes.is_empty()) {
            self.possible = after.into_iter().flatten().collect();
        }
        self.find_places();
    }

    fn find_places(&mut self) {
        self.places = [None; MOST + 1];
        let Some(first) = self.possible.first() else { return };
        let agreed = first.iter().enumerate().filter_map(|(index, member)| Some(((*member)?, index)));
        for (seat, index) in agreed {
            let is_there = |arrangement: &Arrangement| arrangement.get(index) == Some(&Some(seat));
            if let Some(place) = self.places.get_mut(row(seat)).filter(|_| self.possible.iter().all(is_there)) {
                *place = u8::try_from(index).ok();
            }
        }
    }
}

/// Where a seat's index is written down.
fn row(seat: Seat) -> usize {
    match seat {
        Seat::Lane(LaneId(number)) => number,
        Seat::Helm => MOST,
    }
}

/// What an arrangement can become when all these members leave, one after another; nothing, if that is too much to tell.
fn removals(arrangement: Arrangement, leaves: &impl Fn(&Option<Seat>) -> bool) -> BTreeSet<Arrangement> {
    let leaving: Vec<usize> = (0..arrangement.len()).filter(|index| leaves(&arrangement[*index])).collect();
    match leaving.len() {
        0 => BTreeSet::from([arrangement]),
        count if count > MANY => BTreeSet::new(),
        _ => {
            let without = |index| {
                let mut rest = arrangement.clone();
                rest.swap_remove(index);
                removals(rest, leaves)
            };
            leaving.into_iter().flat_map(without).collect()
        }
    }
}

/// Strangers behind the last of ours move nobody.
fn without_tail(mut arrangement: Arrangement) -> Arrangement {
    while arrangement.last() == Some(&None) {
        arrangement.pop();
    }
    arrangement
}

#[cfg(test)]
mod tests {
    use super::{super::seat::LaneId, *};

    fn lane(number: usize) -> Seat {
        Seat::Lane(LaneId(number))
    }

    fn four_lanes_and_a_helm() -> Order {
        let mut order = Order::empty();
        (0..4).map(lane).chain([Seat::Helm]).for_each(|seat| order.join(seat));
        order
    }

    #[test]
    fn a_shut_lane_moves_only_the_helm() {
        let mut order = four_lanes_and_a_helm();
        order.leave(&[lane(1)], 0);
        let places = [lane(0), lane(1), lane(2), lane(3), Seat::Helm].map(|seat| order.index(seat));
        assert_eq!(places, [Some(0), None, Some(2), Some(3), Some(1)]);
        assert!(order.is_certain() && !order.is_last(Seat::Helm));
    }

    #[test]
    fn a_mended_lane_stands_at_the_end() {
        let mut order = four_lanes_and_a_helm();
        order.leave(&[lane(1)], 0);
        order.join(lane(1));
        assert_eq!(order.index(lane(1)), Some(4));
    }

    #[test]
    fn two_shut_at_once_leave_in_doubt_only_what_they_may_have_moved() {
        let mut order = four_lanes_and_a_helm();
        order.leave(&[lane(0), lane(1)], 0);
        assert!(!order.is_certain());
        assert_eq!((order.index(lane(2)), order.index(lane(3)), order.index(Seat::Helm)), (Some(2), None, None));
    }

    #[test]
    fn two_shut_at_once_are_no_doubt_if_their_order_does_not_matter() {
        let mut order = four_lanes_and_a_helm();
        order.leave(&[lane(2), lane(3)], 0);
        assert!(order.is_last(Seat::Helm));
    }

    #[test]
    fn strangers_move_into_the_gap_instead_of_the_helm_unless_they_came_later() {
        let mut order = four_lanes_and_a_helm();
        order.leave(&[lane(0)], 2);
        assert_eq!((order.index(lane(3)), order.index(Seat::Helm)), (Some(3), None));
    }

    #[test]
    fn when_the_strangers_have_left_the_order_is_known_again() {
        let mut order = four_lanes_and_a_helm();
        order.leave(&[lane(0)], 2);
        order.leave(&[], 0);
        assert_eq!((order.is_certain(), order.index(Seat::Helm)), (true, Some(0)));
    }

    #[test]
    fn too_many_at_once_leave_nothing_known_until_one_is_left() {
        let mut order = Order::empty();
        (0..9).map(lane).for_each(|seat| order.join(seat));
        order.leave(&(0..7).map(lane).collect::<Vec<_>>(), 0);
        assert!(!order.is_certain() && order.index(lane(8)).is_none());
        order.leave(&[lane(7)], 0);
        assert_eq!((order.is_certain(), order.index(lane(8))), (true, Some(0)));
    }

    #[test]
    fn a_renamed_member_keeps_its_index() {
        let mut order = four_lanes_and_a_helm();
        order.rename(Seat::Helm, lane(4));
        assert_eq!((order.index(lane(4)), order.index(Seat::Helm)), (Some(4), None));
    }
}
