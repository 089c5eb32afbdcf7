//! Listening sockets, handed down: a zero-downtime reload server for Linux.

#[cfg(feature = "load")]
pub mod load;
pub mod protocol;
#[cfg(all(target_os = "linux", feature = "master"))]
pub mod supervision;
#[cfg(all(target_os = "linux", any(feature = "worker", feature = "master")))]
mod sys;
#[cfg(feature = "worker")]
pub mod worker;

#[cfg(feature = "worker")]
pub use worker::{Role, Stage, Worker, role};
