//! Whether a generation is well: what is checked, and asking for it over a connection.
//!
//! It gets connections that lead to the generation and to nobody else, and says what is wrong in words that a person can
//! act on. Must not know generations, rollouts, nor how often it is asked.

#[cfg(feature = "health")]
mod answer;
mod checks;
#[cfg(feature = "health")]
mod http;
#[cfg(feature = "program")]
mod secure;
#[cfg(all(test, feature = "program"))]
mod tests;

pub use checks::{Checks, HttpCheck, Scheme, StatusRange};
#[cfg(feature = "health")]
pub(crate) use http::ask;
