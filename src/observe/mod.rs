//! Reports for people and for programs. How a report came about is none of its business.

mod human;
mod json;

pub use human::{Human, Weight};
pub use json::json;
