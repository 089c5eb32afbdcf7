//! The names of a listener's sockets and of what can be done with them. Knows no socket.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::share::{By, Split};

/// How many sockets a listener may have, the helm included.
pub(super) const MOST: usize = 64;

/// One of a listener's sockets, numbered from 0; a number never leads to another seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct LaneId(pub(crate) usize);

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lane {}", self.0)
    }
}

/// Where a socket sits: a lane that can be granted, or the helm, which never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Seat {
    /// A lane.
    Lane(LaneId),
    /// The socket that only steers, and where connections wait while steering is on hold.
    Helm,
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seat::Lane(lane) => lane.fmt(f),
            Seat::Helm => f.write_str("the helm"),
        }
    }
}

/// Which socket gets the new connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Steering {
    /// All of them to one lane.
    To(LaneId),
    /// Some to each of several lanes.
    Split(Split),
    /// None to any lane: they wait at the helm.
    Hold,
}

impl Steering {
    /// Divides connections among lanes, in this order: see [`Split`]. A lane without a share is left out.
    pub(crate) fn shared(shares: &[(LaneId, u32)], by: By) -> Steering {
        let lone =
            shares.iter().find(|(_, weight)| *weight > 0).map_or(Steering::Hold, |(lane, _)| Steering::To(*lane));
        Split::new(shares.iter().copied(), by).map_or(lone, Steering::Split)
    }

    /// Whether some connections are to go to this seat.
    pub(super) fn leads_to(&self, seat: Seat) -> bool {
        match self {
            Steering::To(lane) => seat == Seat::Lane(*lane),
            Steering::Split(split) => split.has(seat),
            Steering::Hold => seat == Seat::Helm,
        }
    }

    /// The one seat that gets all of them where they cannot be divided.
    pub(super) fn undivided(&self) -> Seat {
        match self {
            Steering::To(lane) => Seat::Lane(*lane),
            Steering::Split(split) => Seat::Lane(split.heaviest()),
            Steering::Hold => Seat::Helm,
        }
    }
}

/// How a listener is steered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    /// A SO_REUSEPORT group and a classic BPF program.
    Kernel,
    /// Unix sockets, and a public path that is a hard link to one of them.
    Path,
    /// By the master, which accepts and passes each connection on.
    Rotation,
    /// Not at all: one socket for everybody.
    Shared,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Kernel => "kernel",
            Way::Path => "path",
            Way::Rotation => "rotation",
            Way::Shared => "shared",
        })
    }
}
