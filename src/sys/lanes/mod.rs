//! A listener as several sockets (lanes), to one or more of which new connections are steered. Owns the binding, the
//! steering, the repair of what a worker broke, and the files of Unix sockets; must not know messages, generations or
//! policy.
//!
//! There are three ways. *Kernel*: TCP sockets in one SO_REUSEPORT group with a classic BPF program that names an index.
//! *Path*: Unix sockets with names of their own, and a public path that is a hard link to one of them. *Shared*: one
//! socket for all. In the first two a further socket, the helm, is never granted: whatever is sent there waits.

mod answer;
mod bpf;
mod calls;
mod dial;
mod directory;
mod draw;
mod endpoint;
mod error;
mod group;
mod holder;
mod left;
mod links;
mod listener;
mod mend;
mod obstacle;
mod order;
mod own;
mod private;
mod probe;
mod program;
mod public;
mod rules;
mod seat;
mod settings;
mod share;
mod single;
mod sock_diag;
mod socket;
mod step;
mod strangers;
mod tables;
mod tcp;
#[cfg(test)]
mod tests;

#[cfg(feature = "control")]
pub(crate) use self::{calls::lock, holder::Holder, socket::Queue, strangers::others};
pub(crate) use self::{
    dial::Dial,
    endpoint::{Endpoint, LANES, Options},
    error::OpenError,
    listener::{Lanes, Repaired},
    obstacle::obstacle,
    own::{Origin, Own},
    probe::{Accepted, Probe},
    seat::{LaneId, Seat, Steering, Way},
    share::By,
    strangers::half_open,
};
