//! The picture of a demo that is under way: numbers, requests a second by generation, steps, generations.
//! It draws what it is given into a frame; it must not know the terminal.

mod chart;
mod digits;
mod draw;
mod number;
mod palette;
mod panels;

use std::net::SocketAddr;
use std::time::Duration;

use super::cast::Cast;
use super::history::History;
use super::scenario::Scenario;
use super::traffic::Counts;

pub(super) use draw::{SMALLEST, draw};
pub(super) use number::grouped;
pub(super) use palette::Palette;

/// All that can be seen.
#[derive(Debug)]
pub(super) struct Picture<'a> {
    pub(super) now: Duration,
    pub(super) address: SocketAddr,
    pub(super) scenario: &'a Scenario,
    pub(super) cast: &'a Cast,
    pub(super) history: &'a History,
    pub(super) counts: &'a Counts,
}

#[cfg(test)]
mod tests;
