//! The control socket: what is asked for over HTTP, and what is answered.
//!
//! [`model`] is what goes over it, [`Client`] asks, [`Server`] answers. Must not know the terminal, nor how the rules decide.

mod client;
pub mod model;
mod place;
mod server;

pub use client::{Answered, AskError, Client, ConnectError, Events, Unreachable};
pub use place::{Around, Places};
pub use server::{OpenError, Server, Serving, UnknownGroup, group, serve};
