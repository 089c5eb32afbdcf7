//! Telling the master's own supervisor how the service stands: `sd_notify`, and the supervisor's watchdog.
//!
//! It runs on the loop's thread, so that a loop that is stuck falls silent. What is said is not its business.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::standing::Standing;
use crate::master::Notices;
use crate::sys::files;
use crate::sys::notify::Notifier;

/// How soon we try again when the supervisor is busy.
const AGAIN: Duration = Duration::from_millis(100);
/// So much may wait for a supervisor that does not listen; then the oldest is forgotten.
const MOST_WAITING: usize = 64;

/// Whoever supervises the master, and waits for its word: systemd, or what speaks like it.
#[derive(Debug)]
pub struct Systemd {
    notifier: Notifier,
    /// How often it wants to hear that we live.
    watchdog: Option<Duration>,
    waiting: VecDeque<String>,
}

impl Systemd {
    /// The supervisor that NOTIFY_SOCKET names; none, if nobody waits.
    ///
    /// # Errors
    /// When it names no socket that we know how to reach.
    pub fn from_environment() -> io::Result<Option<Systemd>> {
        let Some(value) = std::env::var_os("NOTIFY_SOCKET").filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let is_for_us = std::env::var_os("WATCHDOG_PID").is_none() || own(number("WATCHDOG_PID"));
        let watchdog = number("WATCHDOG_USEC").filter(|interval| is_for_us && *interval > 0);
        Ok(Some(Systemd {
            notifier: Notifier::from_environment_value(&value)?,
            watchdog: watchdog.map(Duration::from_micros),
            waiting: VecDeque::new(),
        }))
    }

    /// Tells it what the reports mean, until the master is gone. To be spawned on the master's own thread.
    pub async fn tell(mut self, mut notices: Notices) {
        let mut standing = Standing::default();
        let mut heartbeat = interval(self.watchdog.map_or(Duration::MAX, half));
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                report = notices.next() => match report.map(|report| standing.after(&report, files::awake())) {
                    Some(Some(text)) => self.say(text),
                    Some(None) => {}
                    None => return,
                },
                _ = heartbeat.tick(), if self.watchdog.is_some() => self.say("WATCHDOG=1".to_owned()),
                () = sleep(AGAIN), if !self.waiting.is_empty() => self.send(),
            }
        }
    }

    fn say(&mut self, text: String) {
        self.waiting.push_back(text);
        if self.waiting.len() > MOST_WAITING {
            self.waiting.pop_front();
        }
        self.send();
    }

    fn send(&mut self) {
        while let Some(text) = self.waiting.front() {
            match self.notifier.send(text) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => tracing::warn!(%error, "cannot notify our supervisor"),
                Ok(()) => {}
            }
            self.waiting.pop_front();
        }
    }
}

fn own(pid: Option<u64>) -> bool {
    pid == Some(u64::from(std::process::id()))
}

fn half(interval: Duration) -> Duration {
    (interval / 2).max(Duration::from_millis(1))
}
