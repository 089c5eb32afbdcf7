//! The verbs, a file each.

mod run;

pub(crate) use run::run;
