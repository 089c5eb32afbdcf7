//! Listening sockets, handed down: a zero-downtime reload server for Linux.

#![deny(clippy::print_stdout, clippy::print_stderr)]

#[cfg(all(target_os = "linux", feature = "program"))]
pub mod config;
#[cfg(all(target_os = "linux", feature = "control"))]
pub mod control;
#[cfg(all(target_os = "linux", feature = "master"))]
mod dialects;
#[cfg(all(target_os = "linux", feature = "master"))]
pub mod errands;
#[cfg(all(target_os = "linux", feature = "master"))]
pub mod health;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "load")]
pub mod load;
#[cfg(all(target_os = "linux", feature = "master"))]
pub mod master;
#[cfg(all(target_os = "linux", feature = "master"))]
pub mod observe;
pub mod protocol;
#[cfg(all(target_os = "linux", feature = "master"))]
pub mod supervision;
#[cfg(all(target_os = "linux", any(feature = "worker", feature = "master")))]
mod sys;
#[cfg(all(target_os = "linux", feature = "master"))]
pub mod triggers;
#[cfg(feature = "worker")]
pub mod worker;

#[cfg(all(target_os = "linux", feature = "master"))]
pub use master::Master;
#[cfg(feature = "worker")]
pub use worker::{Role, Stage, Worker, role};
