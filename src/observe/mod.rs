//! Reports for people, for programs, and for systemd. How a report came about is none of its business.

mod attempt;
mod history;
mod human;
mod json;
mod standing;
mod systemd;

pub use attempt::{Attempt, Fate, Progress, Ran, Shared};
pub use history::{History, Totals};
pub use human::{Human, Weight};
pub use json::json;
pub use systemd::Systemd;
