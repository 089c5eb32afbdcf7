//! Every way in which a file can change: what of it is a change, and that it is told once.
//!
//! Nobody waits for a change that is not to come: a file beside is changed afterwards, and what was told before that is
//! counted.
#![cfg(target_os = "linux")]

#[path = "watch/production.rs"]
mod production;
#[path = "support/mod.rs"]
mod support;
#[path = "watch/tools.rs"]
mod tools;
#[path = "watch/trees.rs"]
mod trees;
#[path = "watch/watched.rs"]
mod watched;
#[path = "watch/ways.rs"]
mod ways;
