//! Files that change: one watcher for production (a program's file, what its symlinks lead to, named files) and for
//! development (a project's tree, without what is ignored).
//!
//! [`Watcher::start`] reads what is there, once, and tells [`News`] from then on: what is other than before, when it is
//! whole and has been quiet. A thread of its own does it, and sleeps when nothing happens. [`OnChange`] makes reloads of it.

mod events;
mod ledger;
mod look;
mod news;
mod on_change;
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
pub use on_change::{Asking, OnChange};
pub use selection::{Files, Pace, Polling, Selection, Tree};
pub use watcher::{Extent, WatchError, Watcher};
