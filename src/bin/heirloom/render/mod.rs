//! What the verbs show, made from the values that a master answers with: tables, steps, and the words in them. Must not
//! ask anybody anything.

mod generations;
mod history;
mod live;
mod reload;
mod sockets;
mod status;
mod table;
mod words;

pub(crate) use history::history;
pub(crate) use live::{Live, Repainted, draws, width};
pub(crate) use reload::Steps;
pub(crate) use sockets::sockets;
pub(crate) use status::status;
pub(crate) use words::{WaysOn, count, took};
