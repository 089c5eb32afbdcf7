//! Every system call and every `unsafe` of the crate, behind small safe functions.
//!
//! It must not know messages or policy: it is told what to do, and says what the kernel answered.

pub(crate) mod inherited;
pub(crate) mod passing;
pub(crate) mod readiness;
