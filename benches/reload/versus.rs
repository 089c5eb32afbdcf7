//! The same load on two servers, in interleaved pairs: what they answer a second, and the ratio of neighbours.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use heirloom::load::{Load, Manner, Plan};

use crate::stats::Sample;

/// How many clients ask.
pub(crate) const CLIENTS: usize = 8;
/// How each of them uses its connections.
pub(crate) const MANNERS: [(&str, Manner); 2] =
    [("one-shot", Manner::OneShot), ("keep-alive", Manner::KeepAlive { requests_per_connection: None })];

/// Requests a second of both, and the ratio of each pair.
#[derive(Default)]
pub(crate) struct Versus {
    pub(crate) one: Sample,
    pub(crate) other: Sample,
    pub(crate) ratio: Sample,
    /// Number and ratio of each pair, to be drawn.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Versus {
    /// So many pairs, each server asked for so long.
    pub(crate) fn measure(
        (one, other): (SocketAddr, SocketAddr),
        manner: Manner,
        pairs: u32,
        long: Duration,
    ) -> anyhow::Result<Versus> {
        let mut versus = Versus::default();
        for nth in 0..pairs {
            // Whoever is first may find a colder machine: each is, in turn.
            let (a, b) = if nth % 2 == 0 {
                let first = a_second(one, manner, long)?;
                (first, a_second(other, manner, long)?)
            } else {
                let first = a_second(other, manner, long)?;
                (a_second(one, manner, long)?, first)
            };
            versus.one.push(a);
            versus.other.push(b);
            versus.ratio.push(a / b);
            versus.points.push((f64::from(nth), a / b));
        }
        Ok(versus)
    }

    /// As cells of a table.
    pub(crate) fn cells(&self) -> [String; 3] {
        [self.one.shown(0), self.other.shown(0), self.ratio.shown(3)]
    }
}

fn a_second(target: SocketAddr, manner: Manner, long: Duration) -> anyhow::Result<f64> {
    let load = Load::start(Plan { clients: CLIENTS, manner, ..Plan::on(target) })?;
    let started = Instant::now();
    thread::sleep(long);
    let answered = load.tally().answered;
    let took = started.elapsed();
    let tally = load.stop();
    anyhow::ensure!(tally.failures() == 0, "requests failed without a reload: {tally}");
    Ok(answered as f64 / took.as_secs_f64())
}
