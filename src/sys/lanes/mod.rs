//! A listener as several sockets (lanes), of which one at a time is steered to. Owns the binding, the steering, the
//! repair of what a worker broke, and the files of Unix sockets; must not know messages, generations or policy.
//!
//! There are three ways. *Kernel*: TCP sockets in one SO_REUSEPORT group with a classic BPF program that names an index.
//! *Path*: Unix sockets with names of their own, and a public path that is a hard link to one of them. *Shared*: one
//! socket for all. In the first two a further socket, the helm, is never granted: whatever is sent there waits.

mod answer;
mod calls;
mod directory;
mod endpoint;
mod error;
mod group;
mod holder;
mod links;
mod listener;
mod obstacle;
mod order;
mod private;
mod probe;
mod program;
mod public;
mod seat;
mod settings;
mod single;
mod sock_diag;
mod socket;
mod strangers;
mod tables;
mod tcp;
#[cfg(test)]
mod tests;

#[cfg(feature = "control")]
pub(crate) use self::{calls::lock, holder::Holder, socket::Queue, strangers::others};
pub(crate) use self::{
    endpoint::{Endpoint, LANES, Options},
    error::OpenError,
    listener::{Lanes, Repaired, nothing_shut},
    obstacle::obstacle,
    probe::{Accepted, Probe},
    seat::{LaneId, Seat, Steering, Way},
    strangers::half_open,
};
