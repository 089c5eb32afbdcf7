//! Every system call and every `unsafe` of the crate, behind small safe functions.
//!
//! It must not know messages or policy: it is told what to do, and says what the kernel answered.

pub(crate) mod inherited;
#[cfg(feature = "master")]
#[allow(dead_code, reason = "the master is what uses it")]
pub(crate) mod lanes;
pub(crate) mod passing;
pub(crate) mod readiness;
