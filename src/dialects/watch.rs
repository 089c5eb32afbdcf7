//! How long a worker may be silent that has said that it will speak: its watchdog. Pure: time comes in as an argument.
//!
//! As with systemd, it runs from when the worker is ready. But only who has notified us is held to it: a program that
//! says nothing cannot break a promise, and a library worker's thread would speak on while the application hangs.

use std::time::Duration;

/// How long a newcomer may take to go that has said STOPPING=1: it has no client to wait for.
const ON_ITS_WAY_OUT: Duration = Duration::from_secs(1);

/// One worker's watchdog. Moments are of a clock that stands still while the machine is suspended, as the worker does.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    /// How often it must say that it lives.
    interval: Option<Duration>,
    /// It has notified us, so it can.
    speaks: bool,
    course: Course,
}

/// How far the worker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Rising,
    /// It is ready, and said that it lives.
    Living {
        heard: Duration,
    },
    /// It said STOPPING=1 before it was ready.
    LeavingEarly {
        since: Duration,
    },
    /// It ends, or is ended: nothing is asked of it any more.
    Over,
}

impl Watch {
    /// A worker that has just been started.
    pub(crate) fn new(interval: Option<Duration>) -> Watch {
        Watch { interval: interval.filter(|interval| !interval.is_zero()), speaks: false, course: Course::Rising }
    }

    /// It is ready: from now on it is waited for.
    pub(crate) fn ready(&mut self, now: Duration) {
        match self.course {
            Course::Rising => self.course = Course::Living { heard: now },
            Course::Living { .. } | Course::LeavingEarly { .. } | Course::Over => {}
        }
    }

    /// It said READY=1, or WATCHDOG=1: it lives.
    pub(crate) fn heard(&mut self, now: Duration) {
        self.speaks = true;
        match &mut self.course {
            Course::Living { heard } => *heard = now,
            Course::Rising | Course::LeavingEarly { .. } | Course::Over => {}
        }
    }

    /// It wants to be held to another interval; to none, if that is zero.
    pub(crate) fn set_interval(&mut self, interval: Duration, now: Duration) {
        self.interval = Some(interval).filter(|interval| !interval.is_zero());
        self.heard(now);
    }

    /// It said STOPPING=1.
    pub(crate) fn stopping(&mut self, now: Duration) {
        match self.course {
            Course::Rising => self.course = Course::LeavingEarly { since: now },
            Course::Living { .. } => self.course = Course::Over,
            Course::LeavingEarly { .. } | Course::Over => {}
        }
    }

    /// It was told to end.
    pub(crate) fn end(&mut self) {
        self.course = Course::Over;
    }

    /// When to look at it again.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self.course {
            Course::Living { heard } if self.speaks => Some(heard.saturating_add(self.interval?)),
            Course::LeavingEarly { since } => Some(since + ON_ITS_WAY_OUT),
            Course::Rising | Course::Living { .. } | Course::Over => None,
        }
    }

    /// What it failed to do, in words and once.
    pub(crate) fn overdue(&mut self, now: Duration) -> Option<String> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        let what = match self.course {
            Course::LeavingEarly { .. } => "it said STOPPING=1 before it was ready".to_owned(),
            Course::Rising | Course::Living { .. } | Course::Over => {
                let seconds = self.interval.unwrap_or_default().as_secs_f64();
                format!("it has not said for {seconds} s that it lives (watchdog)")
            }
        };
        self.end();
        Some(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// It has to speak every second, and is ready at 5 s.
    fn serving() -> Watch {
        let mut watch = Watch::new(Some(at(1000)));
        watch.heard(at(100));
        assert_eq!(watch.deadline(), None, "nobody waits for it before it is ready");
        watch.ready(at(5000));
        watch
    }

    #[test]
    fn a_worker_that_goes_on_speaking_is_left_alone() {
        let mut watch = serving();
        for now in [5900, 6800, 7700] {
            assert_eq!(watch.overdue(at(now)), None);
            watch.heard(at(now));
        }
        assert_eq!(watch.deadline(), Some(at(8700)));
    }

    #[test]
    fn a_worker_that_falls_silent_is_told_of_once() {
        let mut watch = serving();
        assert_eq!(watch.overdue(at(5999)), None);
        let what = watch.overdue(at(6000));
        assert_eq!(what.as_deref(), Some("it has not said for 1 s that it lives (watchdog)"));
        assert_eq!((watch.overdue(at(60_000)), watch.deadline()), (None, None));
    }

    #[test]
    fn who_never_notified_us_is_not_held_to_it() {
        let mut watch = Watch::new(Some(at(1000)));
        watch.ready(at(0));
        assert_eq!((watch.deadline(), watch.overdue(at(60_000))), (None, None));
        watch.heard(at(60_000));
        assert_eq!(watch.deadline(), Some(at(61_000)));
    }

    #[test]
    fn who_stops_need_not_say_that_it_lives() {
        let (mut stopping, mut told) = (serving(), serving());
        stopping.stopping(at(5100));
        told.end();
        told.heard(at(5100));
        assert_eq!((stopping.deadline(), told.deadline()), (None, None));
    }

    #[test]
    fn a_newcomer_that_stops_is_not_waited_for() {
        let mut watch = Watch::new(None);
        watch.stopping(at(300));
        watch.ready(at(400));
        assert_eq!(watch.deadline(), Some(at(1300)));
        assert!(watch.overdue(at(1300)).is_some_and(|what| what.contains("STOPPING=1")));
    }

    #[test]
    fn a_worker_can_choose_its_own_interval_or_none() {
        let mut watch = serving();
        watch.set_interval(at(3000), at(5500));
        assert_eq!(watch.deadline(), Some(at(8500)));
        watch.set_interval(Duration::ZERO, at(6000));
        assert_eq!(watch.deadline(), None);
        watch.set_interval(Duration::MAX, at(6000));
        assert_eq!(watch.deadline(), Some(Duration::MAX));
        let mut unasked = Watch::new(None);
        unasked.set_interval(at(1000), at(0));
        unasked.ready(at(200));
        assert_eq!(unasked.deadline(), Some(at(1200)));
    }
}
