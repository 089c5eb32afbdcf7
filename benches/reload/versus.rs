//! The same load on two servers, in interleaved pairs: what they answer a second, and the ratio of neighbours.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use heirloom::load::{Load, Manner, Plan};

use crate::stats::Sample;

/// How many clients ask.
pub(crate) const CLIENTS: usize = 8;
/// How each of them uses its connections.
pub(crate) type Manners = [(&'static str, Manner); 2];

/// How long each is asked, and how often; both are started anew for each round, since where a process happens to lie in
/// memory makes it faster or slower for all its life.
pub(crate) struct Contest {
    pub(crate) rounds: u32,
    /// Of each manner in each round, before the pairs that count.
    pub(crate) warm: u32,
    pub(crate) pairs: u32,
    pub(crate) long: Duration,
}

/// Requests a second of both, and the ratio of each pair.
#[derive(Default)]
pub(crate) struct Versus {
    one: Sample,
    other: Sample,
    pub(crate) ratio: Sample,
    /// Number and ratio of each pair, to be drawn.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Contest {
    /// Of what `start` starts, in each of the manners; it is stopped at the end of a round.
    pub(crate) fn hold<Servers>(
        &self,
        manners: Manners,
        start: impl Fn() -> anyhow::Result<(Servers, [SocketAddr; 2])>,
    ) -> anyhow::Result<[Versus; 2]> {
        let mut found = [Versus::default(), Versus::default()];
        for _ in 0..self.rounds {
            let (_servers, addresses) = start()?;
            for ((_, manner), versus) in manners.iter().zip(&mut found) {
                for _ in 0..self.warm {
                    Versus::default().pair(addresses, *manner, self.long)?;
                }
                for _ in 0..self.pairs {
                    versus.pair(addresses, *manner, self.long)?;
                }
            }
        }
        Ok(found)
    }
}

impl Versus {
    /// Asks both, one after the other.
    fn pair(&mut self, [one, other]: [SocketAddr; 2], manner: Manner, long: Duration) -> anyhow::Result<()> {
        // Whoever is first may find a colder machine: each is, in turn.
        let (a, b) = if self.points.len().is_multiple_of(2) {
            let first = a_second(one, manner, long)?;
            (first, a_second(other, manner, long)?)
        } else {
            let first = a_second(other, manner, long)?;
            (a_second(one, manner, long)?, first)
        };
        self.one.push(a);
        self.other.push(b);
        self.ratio.push(a / b);
        self.points.push((self.points.len() as f64, a / b));
        Ok(())
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
