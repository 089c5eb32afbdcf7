//! The dial: one number that steers many groups.

use std::os::fd::AsFd;
use std::sync::Arc;

use nix::libc;

use super::super::{bpf, calls};
use super::*;

/// A dial, and three listeners that may follow it; where we may not load programs, there is none.
fn dialled() -> Option<(Arc<Dial>, [Lanes; 3])> {
    let Some(dial) = Dial::new().map(Arc::new) else {
        assert!(!bpf::is_allowed(), "it is to be had by whoever may load programs");
        return None;
    };
    let options = Options { dial: Some(dial.clone()), ..with_lanes(4) };
    Some((dial, [(); 3].map(|()| Lanes::open(&tcp("127.0.0.1:0"), &options).unwrap())))
}

/// As a master does it.
fn turn(dial: &Dial, place: usize, listeners: &mut [Lanes]) {
    dial.turn(place).unwrap();
    for lanes in listeners.iter_mut().filter(|lanes| lanes.follows()) {
        assert_eq!(lanes.place_on_dial(&to(place)), Some(place));
        lanes.was_turned(to(place));
    }
}

#[test]
fn all_listeners_that_follow_are_steered_by_one_turn_and_no_other_is() {
    let Some((dial, mut listeners)) = dialled() else { return };
    for lanes in &mut listeners {
        lanes.steer(to(0)).unwrap();
        assert!(lanes.follows());
    }
    listeners[2].steer_apart(to(0)).unwrap();
    assert!(!listeners[2].follows());
    turn(&dial, 3, &mut listeners);
    let arrived = listeners.each_ref().map(|lanes| arrivals(lanes, 20));
    assert_eq!(arrived, [all(lane(3), 20), all(lane(3), 20), all(lane(0), 20)]);
    assert_eq!(listeners.each_ref().map(Lanes::steering), [to(3), to(3), to(0)]);
}

#[test]
fn who_is_steered_elsewhere_follows_no_more_until_the_dial_points_there() {
    let Some((dial, [mut lanes, mut other, _])) = dialled() else { return };
    for lanes in [&mut lanes, &mut other] {
        lanes.steer(to(0)).unwrap();
    }
    for elsewhere in [to(2), Steering::Hold, Steering::shared(&[(LaneId(0), 1), (LaneId(1), 1)], By::Chance)] {
        lanes.steer(elsewhere).unwrap();
        assert!(!lanes.follows());
    }
    lanes.steer(to(2)).unwrap();
    turn(&dial, 1, std::slice::from_mut(&mut other));
    assert_eq!((arrivals(&lanes, 20), arrivals(&other, 20)), (all(lane(2), 20), all(lane(1), 20)));
    lanes.renew().unwrap();
    assert!(!lanes.follows(), "it would go to another lane");
    turn(&dial, 2, std::slice::from_mut(&mut other));
    lanes.renew().unwrap();
    assert!(lanes.follows());
    assert_eq!((arrivals(&lanes, 20), arrivals(&other, 20)), (all(lane(2), 20), all(lane(2), 20)));
}

#[test]
fn a_connection_of_our_own_takes_a_listener_from_the_dial_while_it_is_there() {
    let Some((dial, [mut lanes, ..])) = dialled() else { return };
    lanes.steer(to(0)).unwrap();
    let own = lanes.connect(lane(1)).unwrap().unwrap();
    assert!(!lanes.follows(), "the dial knows nothing of it");
    assert_eq!(accepted(&lanes, 1), all(lane(1), 1));
    lanes.end(own).unwrap();
    assert!(lanes.follows());
    turn(&dial, 2, std::slice::from_mut(&mut lanes));
    assert_eq!(arrivals(&lanes, 20), all(lane(2), 20));
}

#[test]
fn what_a_worker_took_away_is_put_in_force_anew() {
    let Some((dial, [mut lanes, ..])) = dialled() else { return };
    lanes.steer(to(0)).unwrap();
    let handle = lanes.handle(LaneId(0)).as_fd().try_clone_to_owned().unwrap();
    calls::set_number(handle.as_fd(), libc::SOL_SOCKET, libc::SO_DETACH_REUSEPORT_BPF, 0).unwrap();
    turn(&dial, 1, std::slice::from_mut(&mut lanes));
    assert!(arrivals(&lanes, 100).len() > 1, "the kernel spreads them by itself");
    lanes.renew().unwrap();
    assert_eq!(arrivals(&lanes, 100), all(lane(1), 100));
}
