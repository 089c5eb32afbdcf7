//! The verbs, a file each.

mod demo;
mod run;

pub(crate) use demo::{Demo, demo, demo_server};
pub(crate) use run::run;
