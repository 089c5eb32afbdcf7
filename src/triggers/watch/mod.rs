//! Files that change: one watcher for production (a program's file, what its symlinks lead to, named files) and for
//! development (a project's tree, without what is ignored).
//!
//! [`Watcher::start`] says what is there, once, and from then on [`News`]: what is other than before, when it is whole and
//! has been quiet. A thread of its own does it, and sleeps when nothing happens. Must not know what becomes of a change.

mod events;
mod ledger;
mod look;
mod news;
mod polls;
mod project;
mod rhythm;
mod route;
mod rules;
mod selection;
mod survey;
mod watcher;
mod watches;
mod watching;

pub use news::{Change, News, Notice};
pub use selection::{Files, Pace, Polling, Selection, Tree};
pub use watcher::{Extent, WatchError, Watcher};
