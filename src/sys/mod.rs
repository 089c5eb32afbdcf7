//! Every system call, every `unsafe`: processes, passing descriptors, binding, lanes and steering.
//!
//! Knows the kernel and nothing else: no messages, no generations, no policy.

#[cfg(feature = "master")]
pub(crate) mod files;
pub(crate) mod inherited;
#[cfg(feature = "master")]
#[allow(dead_code, reason = "a successor of the master will keep the files, and ask what is steered where")]
pub(crate) mod lanes;
#[cfg(feature = "master")]
pub(crate) mod launch;
#[cfg(feature = "master")]
#[allow(dead_code, reason = "the master will notify its own supervisor by it")]
pub(crate) mod notify;
pub(crate) mod passing;
#[cfg(feature = "master")]
pub(crate) mod poller;
#[cfg(feature = "master")]
pub(crate) mod process;
pub(crate) mod readiness;
#[cfg(feature = "master")]
pub(crate) mod survivors;
#[cfg(feature = "master")]
pub(crate) mod terminal;
