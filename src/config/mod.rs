//! The config file and the command line's flags, checked and made into one value.
//!
//! A *layer* is what one source says, each setting or nothing; flags lie over the file, the file over the defaults. A
//! [`Source`] is the file as it was read; whatever is wrong with it becomes a [`ConfigError`] that shows each mistake in
//! its line. Must not know the master, nor that there may be a terminal.

mod document;
mod fields;
mod health;
mod hooks;
mod in_force;
mod layer;
mod listeners;
mod mistake;
mod node;
mod notation;
mod reference;
mod rollout;
mod sample;
mod schema;
mod search;
mod settings;
mod suggestion;
mod syntax;
mod tables;
#[cfg(test)]
mod tests;
mod values;
mod watch;
mod world;

pub use crate::sys::launch::{Bounds, Limit, World};
pub use health::HealthLayer;
pub use hooks::HooksLayer;
pub use in_force::{InForce, Whence, in_force, key_of};
pub use layer::{Layer, Listener};
pub use mistake::ConfigError;
pub use node::NodeLayer;
pub use notation::{health_path, strategy};
pub use rollout::RolloutLayer;
pub use sample::sample;
pub use schema::schema;
pub use search::{ReadError, Source, Surroundings};
pub use settings::{Settings, SettingsError};
pub use values::{
    Dialect, StopSignal, Workers, Wrong, address, duration, listener_name, metrics_address, ready_grace, umask,
};
pub use watch::{Poll, Watch, WatchLayer};
