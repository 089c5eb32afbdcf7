//! Serving HTTP/1 and HTTP/2 in a worker, so that a reload is nothing that a client could see.
//!
//! It owns the connections of a listener from their first byte to their last. It must not know the channel to the
//! master: it follows the stages of a [`Worker`](crate::Worker), and takes the connections that it is passed.
//!
//! ```no_run
//! # async fn example(app: axum::Router) -> Result<(), Box<dyn std::error::Error>> {
//! let worker = heirloom::Worker::join()?;
//! let listener = worker.listen("127.0.0.1:8000").await?;
//! worker.ready()?;
//! let served = heirloom::http::serve(&worker, listener, app).await;
//! println!("{served}");
//! # Ok(())
//! # }
//! ```
//!
//! - A *lame duck* goes on accepting and answering, but each answer says `Connection: close` (HTTP/2: GOAWAY). An idle
//!   connection stays open until its client has spoken once more, or has been silent for `linger`.
//! - Who *drains* takes what waits in the accept queue, then accepts no more; waits for the first request of those
//!   that have not said anything yet; finishes answers, uploads and upgraded connections; and counts what it had to
//!   cut at the end of the grace.
//! - A connection is closed in two steps (RFC 9112, 9.6): the end is said, then the client's end is awaited. So no
//!   answer is lost to a reset.
//!
//! TLS is added to a listener with [`secured`]. A request carries its [`Client`] as an extension.

mod connection;
mod guest;
mod house;
mod listener;
mod reception;
mod secured;
mod service;
mod wire;

#[cfg(all(test, target_os = "linux"))]
mod tests;

pub use house::Served;
pub use listener::{Client, Listener};
pub use reception::serve;
pub use secured::{Secured, secured};
