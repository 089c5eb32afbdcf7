//! When a worker counts as ready, by what it says or does. Pure: time comes in as an argument.
//!
//! What is heard first decides: `hello`, and then `ready`, over the channel; READY=1 over the notify socket. The accept
//! probe (somebody takes a connection that only this generation can take) proves a program that says nothing, and holds
//! one to its READY=1 that says so before it can. It proves one worker. For the others, and where no probe is possible,
//! READY=1 must do, or having been up for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a program is given its handles and says that it is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Both ways are offered; what is heard first decides.
    #[default]
    Auto,
    /// The query protocol, spoken by the `heirloom` library.
    Query,
    /// Socket activation: LISTEN_FDS and NOTIFY_SOCKET.
    Systemd,
    /// Node's own cluster protocol: an unmodified script.
    Node,
}

/// What was heard of a program, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Query,
    Notify,
    Node,
    /// It said nothing, and accepted all the same.
    Nothing,
}

/// How a worker's readiness became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// It said so.
    Said,
    /// It said so, and accepted a connection of ours.
    Confirmed,
    /// It accepted a connection of ours.
    Accepted,
    /// It was up for so long: the last resort.
    #[serde(rename = "minimum_uptime")]
    Uptime,
}

/// Within so long, most who speak our protocol have said hello.
const HELLO: Duration = Duration::from_millis(50);
/// So long do we listen to a program that accepts already, before we believe that it says nothing.
const SILENCE: Duration = Duration::from_secs(1);
/// Where nothing else is possible, a worker that has been up for so long counts as ready.
const MINIMUM_UPTIME: Duration = Duration::from_secs(1);

/// One worker's way to being ready. Moments are given as how long the machine has been up.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// What the program spoke before, or was told to speak.
    expected: Option<Speaks>,
    started: Duration,
    /// A probe can prove this worker, and no other.
    probe: bool,
    accepted: Option<Duration>,
    /// It sent READY=1.
    notified: bool,
    /// What it has spoken, and no other way is open to it any more.
    spoken: Option<Speaks>,
    /// So long it must be up, where a probe cannot tell.
    uptime: Duration,
    ready: bool,
}

impl Proof {
    /// A worker that has just been started. `like` is how long it took to prove its generation's first worker.
    pub(crate) fn new(
        dialect: Dialect,
        known: Option<Speaks>,
        probe: bool,
        like: Option<Duration>,
        now: Duration,
    ) -> Proof {
        let expected = match dialect {
            Dialect::Auto => known.filter(|known| *known != Speaks::Node),
            Dialect::Query => Some(Speaks::Query),
            Dialect::Systemd => known.filter(|known| !matches!(known, Speaks::Query | Speaks::Node)),
            Dialect::Node => Some(Speaks::Node),
        };
        let uptime = like.unwrap_or(MINIMUM_UPTIME);
        Proof { expected, started: now, probe, accepted: None, notified: false, spoken: None, uptime, ready: false }
    }

    /// From when on a probe would tell us something: nothing was said, and whoever says hello has had time to; or READY=1.
    pub(crate) fn probe_at(&self) -> Option<Duration> {
        let wanted = self.probe && !self.ready && (self.notified || !self.says_when()) && self.accepted.is_none();
        wanted.then_some(self.started + if self.expected.is_some() { Duration::ZERO } else { HELLO })
    }

    fn says_when(&self) -> bool {
        matches!(self.spoken.or(self.expected), Some(Speaks::Query | Speaks::Notify | Speaks::Node))
    }

    /// It said hello over its channel: it will say when it is ready.
    pub(crate) fn hello(&mut self) {
        self.spoken.get_or_insert(Speaks::Query);
    }

    /// It said in Node's protocol that it is there.
    pub(crate) fn online(&mut self) {
        self.spoken.get_or_insert(Speaks::Node);
    }

    /// It sent READY=1.
    pub(crate) fn notified(&mut self) -> Option<Evidence> {
        match self.spoken.get_or_insert(Speaks::Notify) {
            Speaks::Query | Speaks::Node => return None,
            Speaks::Notify | Speaks::Nothing => self.notified = true,
        }
        match (self.probe, self.accepted) {
            (true, None) => None,
            (true, Some(_)) => self.is_ready(Evidence::Confirmed),
            (false, _) => self.is_ready(Evidence::Said),
        }
    }

    /// Whether it says that it is ready, and nobody has accepted yet.
    pub(crate) fn is_unconfirmed(&self) -> bool {
        self.notified && !self.ready
    }

    /// It sent `ready` over its channel.
    pub(crate) fn said_ready(&mut self) -> Option<Evidence> {
        self.is_ready(Evidence::Said)
    }

    /// Somebody took our connection.
    pub(crate) fn accepted(&mut self, now: Duration) -> Option<Evidence> {
        self.accepted.get_or_insert(now);
        if self.is_unconfirmed() { self.is_ready(Evidence::Confirmed) } else { self.pass_time(now) }
    }

    /// What has become true by waiting.
    pub(crate) fn pass_time(&mut self, now: Duration) -> Option<Evidence> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return None;
        }
        let evidence = if self.accepted.is_some() { Evidence::Accepted } else { Evidence::Uptime };
        self.spoken = Some(Speaks::Nothing);
        self.is_ready(evidence)
    }

    /// When to come back.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        if self.ready || self.says_when() {
            return None;
        }
        match (self.accepted, self.probe, self.expected) {
            (Some(accepted), _, Some(Speaks::Nothing)) => Some(accepted),
            (Some(accepted), _, _) => Some(accepted + SILENCE),
            (None, true, _) => None,
            (None, false, _) => Some(self.started + self.uptime.max(MINIMUM_UPTIME)),
        }
    }

    /// When it was started.
    pub(crate) fn started(&self) -> Duration {
        self.started
    }

    /// What it turned out to speak.
    pub(crate) fn speaks(&self) -> Option<Speaks> {
        self.spoken
    }

    fn is_ready(&mut self, evidence: Evidence) -> Option<Evidence> {
        (!std::mem::replace(&mut self.ready, true)).then_some(evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn unknown(probe: bool) -> Proof {
        Proof::new(Dialect::Auto, None, probe, None, at(0))
    }

    #[test]
    fn a_worker_that_says_hello_is_ready_when_it_says_so_and_not_when_it_accepts() {
        let mut proof = unknown(true);
        proof.hello();
        assert_eq!(proof.probe_at(), None);
        assert_eq!(proof.accepted(at(10)), None);
        assert_eq!(proof.deadline(), None);
        assert_eq!(proof.notified(), None);
        assert_eq!(proof.said_ready(), Some(Evidence::Said));
        assert_eq!(proof.said_ready(), None);
    }

    #[test]
    fn a_program_that_accepts_is_listened_to_for_a_while_before_it_counts_as_silent() {
        let mut proof = unknown(true);
        assert_eq!(proof.probe_at(), Some(at(50)));
        assert_eq!(proof.accepted(at(300)), None);
        assert_eq!(proof.deadline(), Some(at(1300)));
        assert_eq!(proof.pass_time(at(1300)), Some(Evidence::Accepted));
        assert_eq!(proof.speaks(), Some(Speaks::Nothing));
    }

    #[test]
    fn a_program_that_is_known_to_be_silent_is_ready_as_soon_as_it_accepts() {
        let mut proof = Proof::new(Dialect::Auto, Some(Speaks::Nothing), true, None, at(0));
        assert_eq!(proof.accepted(at(300)), Some(Evidence::Accepted));
    }

    #[test]
    fn a_notification_counts_at_once_where_somebody_has_accepted_or_no_probe_can_tell() {
        let mut proof = unknown(true);
        proof.accepted(at(100));
        assert_eq!(proof.notified(), Some(Evidence::Confirmed));
        assert_eq!(proof.pass_time(at(9000)), None);
        assert_eq!(unknown(false).notified(), Some(Evidence::Said));
    }

    #[test]
    fn a_notification_does_not_count_before_somebody_accepts() {
        for known in [None, Some(Speaks::Notify), Some(Speaks::Nothing)] {
            let mut proof = Proof::new(Dialect::Auto, known, true, None, at(0));
            assert_eq!(proof.notified(), None);
            assert!(proof.is_unconfirmed());
            assert!(proof.probe_at().is_some_and(|due| due <= at(50)));
            assert_eq!((proof.pass_time(at(60_000)), proof.deadline()), (None, None));
            assert_eq!(proof.accepted(at(60_000)), Some(Evidence::Confirmed));
            assert_eq!((proof.notified(), proof.is_unconfirmed(), proof.probe_at()), (None, false, None));
        }
    }

    #[test]
    fn a_program_that_is_known_to_notify_is_not_ready_before_it_does() {
        let mut proof = Proof::new(Dialect::Systemd, Some(Speaks::Notify), true, None, at(0));
        assert_eq!(proof.probe_at(), None);
        assert_eq!(proof.pass_time(at(60_000)), None);
    }

    #[test]
    fn where_no_probe_can_tell_being_up_must_do() {
        let mut proof = unknown(false);
        assert_eq!(proof.pass_time(at(999)), None);
        assert_eq!(proof.pass_time(at(1000)), Some(Evidence::Uptime));
        let mut slow = Proof::new(Dialect::Auto, Some(Speaks::Nothing), false, Some(Duration::from_secs(3)), at(0));
        assert_eq!(slow.pass_time(at(2999)), None);
        assert_eq!(slow.pass_time(at(3000)), Some(Evidence::Uptime));
    }
}
