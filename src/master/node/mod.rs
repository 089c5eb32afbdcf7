//! Workers that speak Node's own cluster protocol: their channels, their servers, their connections, their leave.
//!
//! What is said, and when a worker is ready, is known by [`crate::dialects::node`]; here it is done.

mod channel;
mod datagrams;
mod grant;
mod heed;
mod leave;
mod look;
mod preload;
mod private;
mod release;
mod rotate;
mod turn;

pub(super) use channel::NodeWorker;
pub(super) use datagrams::Datagrams;
pub(super) use preload::PreloadFile;
pub(super) use release::NodeRelease;
pub(super) use turn::Rotation;
