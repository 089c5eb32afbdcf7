//! The verbs, a file each.

mod abort;
mod check;
mod completions;
mod config;
mod demo;
mod dev;
mod events;
mod history;
mod man;
mod rehearsal;
mod reload;
mod run;
mod scale;
mod settings;
mod sockets;
mod status;
mod stop;

pub(crate) use abort::{Abort, abort};
pub(crate) use check::{Check, check};
pub(crate) use completions::{Completions, completions};
pub(crate) use config::{Config, config};
pub(crate) use demo::{Demo, demo, demo_server};
pub(crate) use dev::{Dev, dev};
pub(crate) use events::{Events, Logs, events, logs};
pub(crate) use history::{History, history};
pub(crate) use man::{Man, man};
pub(crate) use reload::{Reload, reload};
pub(crate) use run::run;
pub(crate) use scale::{Scale, scale};
pub(crate) use sockets::{Sockets, sockets};
pub(crate) use status::{Status, status};
pub(crate) use stop::{Stop, stop};
