//! What an application links to be a worker: it joins its master, is handed its listeners, says that it is
//! ready, and hears when to leave.
//!
//! It must not know the master's insides: all that it has is the channel. Where nobody supervises the
//! process, and on every platform but Linux, a worker is alone: it binds by itself, and serves until it ends.
//!
//! ```no_run
//! # async fn serve(_: tokio::net::TcpListener) {}
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let worker = heirloom::Worker::join()?;
//! let listener = worker.listen("127.0.0.1:8000").await?;
//! worker.ready()?;
//! tokio::select! {
//!     () = serve(listener) => {}
//!     grace = worker.draining() => println!("{grace:?} to finish what is in flight"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here needs a runtime, but for [`Worker::listen`] and [`Worker::listen_unix`], which return Tokio's
//! listeners. A thread named `heirloom` listens to the master; no call waits for that thread.

mod alone;
mod blocking;
mod connections;
mod joining;
#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod link;
#[cfg(target_os = "linux")]
mod link;
mod listen;
mod membership;
#[cfg(target_os = "linux")]
mod outbox;
#[cfg(target_os = "linux")]
mod reader;
mod stage;
#[cfg(feature = "http")]
mod tally;

#[cfg(all(test, target_os = "linux"))]
pub(crate) mod tests;

pub use crate::protocol::Status;
pub use blocking::BlockingListener;
pub use connections::{Connections, Passed, Socket};
pub use joining::{JoinError, Role, role};
pub use listen::ListenError;
pub use membership::{ReadyError, Worker};
pub use stage::{OnMasterDeath, Stage, Stages};
