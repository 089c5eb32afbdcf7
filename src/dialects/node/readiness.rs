//! When a worker's servers are all there: those that the generation before it has. Pure: time comes in as an argument.

use std::collections::BTreeSet;
use std::time::Duration;

/// A release may have fewer servers than the one before it: then nothing must have happened for so long.
const QUIET: Duration = Duration::from_secs(2);

/// A worker's way to having all its servers; `S` names one.
#[derive(Clone, Debug)]
pub(crate) struct Servers<S> {
    listening: BTreeSet<S>,
    started: Duration,
    latest: Duration,
    /// How long the worker before it took to be ready.
    like: Option<Duration>,
}

/// Whether a worker can be ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<S> {
    /// Not before something happens, or this moment.
    Wait { until: Option<Duration> },
    /// It is; without these, which the one before it had.
    Ready { without: Vec<S> },
}

impl<S: Ord + Clone> Servers<S> {
    /// A worker that has just been started, after one that took so long to be ready.
    pub(crate) fn new(started: Duration, like: Option<Duration>) -> Servers<S> {
        Servers { listening: BTreeSet::new(), started, latest: started, like }
    }

    /// It listens there.
    pub(crate) fn listens(&mut self, server: S, now: Duration) {
        self.listening.insert(server);
        self.latest = now;
    }

    /// It does not any more.
    pub(crate) fn closed(&mut self, server: &S, now: Duration) {
        self.listening.remove(server);
        self.latest = now;
    }

    /// It said something: it is still busy with its start.
    pub(crate) fn heard(&mut self, now: Duration) {
        self.latest = now;
    }

    /// Where it listens.
    pub(crate) fn listening(&self) -> &BTreeSet<S> {
        &self.listening
    }

    /// Whether it listens where others do that serve.
    pub(crate) fn verdict(&self, wanted: &BTreeSet<S>, now: Duration) -> Verdict<S> {
        let without: Vec<S> = wanted.difference(&self.listening).cloned().collect();
        if self.listening.is_empty() {
            return Verdict::Wait { until: None };
        }
        let start = self.like.unwrap_or(self.latest.saturating_sub(self.started));
        let until = self.latest + QUIET.max(start * 2);
        match without.is_empty() || until <= now {
            true => Verdict::Ready { without },
            false => Verdict::Wait { until: Some(until) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_first_one_is_ready_when_it_listens() {
        let mut servers = Servers::new(at(0), None);
        assert_eq!(servers.verdict(&BTreeSet::new(), at(60_000)), Verdict::Wait { until: None });
        servers.listens("http", at(300));
        assert_eq!(servers.verdict(&BTreeSet::new(), at(300)), Verdict::Ready { without: vec![] });
    }

    #[test]
    fn the_next_one_is_ready_when_it_listens_wherever_that_one_does() {
        let wanted = BTreeSet::from(["admin", "http"]);
        let mut servers = Servers::new(at(0), Some(at(300)));
        servers.listens("http", at(300));
        assert_eq!(servers.verdict(&wanted, at(300)), Verdict::Wait { until: Some(at(2300)) });
        servers.listens("admin", at(900));
        assert_eq!(servers.verdict(&wanted, at(900)), Verdict::Ready { without: vec![] });
    }

    #[test]
    fn one_that_has_fewer_servers_is_ready_when_it_has_been_quiet_for_long_enough() {
        let wanted = BTreeSet::from(["admin", "http"]);
        let mut servers = Servers::new(at(0), Some(at(1500)));
        servers.listens("http", at(300));
        assert_eq!(servers.verdict(&wanted, at(3299)), Verdict::Wait { until: Some(at(3300)) });
        assert_eq!(servers.verdict(&wanted, at(3300)), Verdict::Ready { without: vec!["admin"] });
        servers.heard(at(3000));
        assert_eq!(servers.verdict(&wanted, at(3300)), Verdict::Wait { until: Some(at(6000)) });
    }

    #[test]
    fn a_server_that_was_closed_again_does_not_count() {
        let mut servers = Servers::new(at(0), None);
        servers.listens("http", at(300));
        servers.closed(&"http", at(400));
        assert_eq!(servers.verdict(&BTreeSet::new(), at(9000)), Verdict::Wait { until: None });
    }
}
