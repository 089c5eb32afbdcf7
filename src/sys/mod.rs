//! Every system call, every `unsafe`: processes, passing descriptors, binding, lanes and steering.
//!
//! Knows the kernel and nothing else: no messages, no generations, no policy.

mod beside;
#[cfg(feature = "control")]
pub(crate) mod control;
#[cfg(feature = "master")]
pub(crate) mod datagrams;
#[cfg(feature = "master")]
pub(crate) mod errand;
#[cfg(feature = "master")]
pub(crate) mod files;
pub(crate) mod inherited;
#[cfg(feature = "master")]
pub(crate) mod keyboard;
#[cfg(feature = "master")]
pub(crate) mod lanes;
#[cfg(feature = "master")]
pub(crate) mod launch;
#[cfg(feature = "master")]
pub(crate) mod memory;
#[cfg(feature = "master")]
pub(crate) mod notify;
pub(crate) mod passing;
#[cfg(feature = "control")]
pub(crate) mod peer;
#[cfg(feature = "master")]
pub(crate) mod poller;
#[cfg(feature = "master")]
pub(crate) mod process;
pub(crate) mod readiness;
#[cfg(feature = "master")]
pub(crate) mod shell;
#[cfg(feature = "program")]
pub(crate) mod storage;
#[cfg(feature = "master")]
pub(crate) mod stream;
#[cfg(feature = "master")]
pub(crate) mod survivors;
#[cfg(feature = "master")]
pub(crate) mod terminal;
#[cfg(feature = "control")]
pub(crate) mod usage;
