//! The same load on two servers, in interleaved pairs: what they answer a second, and the ratio of neighbours.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use heirloom::load::{Load, Manner, Plan};

use crate::cores::Cores;
use crate::stats::Sample;
use crate::usage::processor_time;

/// How many clients ask.
pub(crate) const CLIENTS: usize = 8;
/// How each of them uses its connections.
pub(crate) type Manners = [(&'static str, Manner); 2];

/// How long each is asked, and how often; both are started anew for each round, since where a process happens to lie in
/// memory makes it faster or slower for all its life.
pub(crate) struct Contest {
    pub(crate) rounds: u32,
    /// For each manner in each round, before the pairs that count.
    pub(crate) warm: Duration,
    pub(crate) pairs: u32,
    pub(crate) long: Duration,
}

/// One of the two.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// It, and all that it starts.
    pub(crate) pid: u32,
}

/// Requests a second of both, and the ratio of each pair.
#[derive(Default)]
pub(crate) struct Versus {
    one: Sample,
    other: Sample,
    /// Of each pair.
    pub(crate) ratio: Sample,
    /// Its median in each round: of what was started anew, and not only asked again.
    pub(crate) starts: Sample,
    /// That of the processor time which they take for a request.
    effort: Sample,
}

impl Contest {
    /// Of what `one` and `other` start, in each of the manners; both are stopped at the end of a round.
    pub(crate) fn hold<One, Other>(
        &self,
        manners: Manners,
        one: impl Fn() -> anyhow::Result<(One, Server)>,
        other: impl Fn() -> anyhow::Result<(Other, Server)>,
    ) -> anyhow::Result<[Versus; 2]> {
        let cores = Cores::share_out()?;
        let mut found = [Versus::default(), Versus::default()];
        for round in 0..self.rounds {
            // Of two that are the same, the one that was started and warmed first can be the slower one: each is, in turn.
            let one_first = round.is_multiple_of(2);
            cores.for_servers()?;
            let ((_one, a), (_other, b)) = in_turn(one_first, &one, &other)?;
            cores.for_load()?;
            for ((_, manner), versus) in manners.iter().zip(&mut found) {
                in_turn(one_first, || ask(a, *manner, self.warm), || ask(b, *manner, self.warm))?;
                // Whoever is first may find a colder machine: each is, in turn.
                let pairs = 0..self.pairs;
                let ratios: anyhow::Result<Sample> =
                    pairs.map(|pair| versus.pair(pair.is_multiple_of(2), [a, b], *manner, self.long)).collect();
                versus.starts.push(ratios?.median());
            }
        }
        Ok(found)
    }
}

impl Versus {
    /// Asks both, one after the other, and tells the ratio.
    fn pair(
        &mut self,
        one_first: bool,
        [one, other]: [Server; 2],
        manner: Manner,
        long: Duration,
    ) -> anyhow::Result<f64> {
        let (a, b) = in_turn(one_first, || ask(one, manner, long), || ask(other, manner, long))?;
        let ratio = a.a_second / b.a_second;
        self.one.push(a.a_second);
        self.other.push(b.a_second);
        self.ratio.push(ratio);
        self.effort.push(a.effort / b.effort);
        Ok(ratio)
    }

    /// As cells of a table.
    pub(crate) fn cells(&self) -> [String; 4] {
        [self.one.shown(0), self.other.shown(0), self.ratio.shown(3), self.effort.shown(3)]
    }
}

/// Does both, the one or the other first.
fn in_turn<A, B>(
    one_first: bool,
    one: impl FnOnce() -> anyhow::Result<A>,
    other: impl FnOnce() -> anyhow::Result<B>,
) -> anyhow::Result<(A, B)> {
    if one_first {
        let first = one()?;
        Ok((first, other()?))
    } else {
        let first = other()?;
        Ok((one()?, first))
    }
}

/// What came of a load.
struct Answered {
    a_second: f64,
    /// Nanoseconds of the processor for each.
    effort: f64,
}

fn ask(server: Server, manner: Manner, long: Duration) -> anyhow::Result<Answered> {
    let before = processor_time(server.pid);
    let load = Load::start(Plan { clients: CLIENTS, manner, ..Plan::on(server.address) })?;
    let started = Instant::now();
    thread::sleep(long);
    let answered = load.tally().answered as f64;
    let took = started.elapsed();
    let tally = load.stop();
    anyhow::ensure!(tally.failures() == 0, "requests failed without a reload: {tally}");
    let effort = (processor_time(server.pid) - before) as f64 / tally.answered as f64;
    Ok(Answered { a_second: answered / took.as_secs_f64(), effort })
}
