//! The systemd dialect's words: what a worker says over its notify socket, read as leniently as systemd reads it.
//!
//! Text in, values out: it knows no socket, and not who may say what.

use std::time::Duration;

/// The longest name of a stored descriptor.
const LONGEST_NAME: usize = 255;

/// One datagram: what it says, and nothing of what it does not. Of what is said twice the last counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notification {
    /// What it has come to be.
    pub(crate) state: Option<State>,
    /// How it does, in words; empty takes back what was said before.
    pub(crate) status: Option<String>,
    /// The number of the error that it fails with.
    pub(crate) errno: Option<i32>,
    /// That it lives, or wants to be taken for hung.
    pub(crate) watchdog: Option<Watchdog>,
    /// How often it must say that it lives from now on.
    pub(crate) watchdog_interval: Option<Duration>,
    /// How much longer it needs for what it is at, from now.
    pub(crate) extend_timeout: Option<Duration>,
    /// Which process speaks for it from now on.
    pub(crate) main_pid: Option<i32>,
    /// What is to be done with descriptors that it wants to be kept.
    pub(crate) store: Option<Store>,
    /// It waits until the descriptor beside this is closed. Then nothing else is said.
    pub(crate) barrier: bool,
    /// The lines that mean nothing to us.
    pub(crate) unknown: Vec<String>,
}

/// What a worker has come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It can serve, or can again.
    Ready,
    /// It reads its configuration again, since this time of CLOCK_MONOTONIC, if it told.
    Reloading { since: Option<Duration> },
    /// It is about to end.
    Stopping,
}

/// What a worker says about its watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watchdog {
    /// It lives.
    Ping,
    /// It is to be treated as if it had hung.
    Trigger,
}

/// What is to be done with descriptors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// Keep those beside this, under a name; and whether one that has hung up is to be dropped.
    Keep { name: Option<String>, poll: bool },
    /// Close those that were kept under this name.
    Remove { name: Option<String> },
}

impl Notification {
    /// Reads a datagram. One with a zero byte in it says nothing, as one that was cut off would.
    pub(crate) fn parse(datagram: &[u8]) -> Notification {
        let text = datagram.strip_suffix(b"\0").unwrap_or(datagram);
        if text.contains(&0) {
            return Notification { unknown: vec![String::from_utf8_lossy(text).into_owned()], ..Self::default() };
        }
        let lines = || text.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty());
        if lines().any(|line| line == b"BARRIER=1") {
            return Notification { barrier: true, ..Self::default() };
        }
        let mut reading = Reading::default();
        lines().for_each(|line| reading.read(&String::from_utf8_lossy(line)));
        reading.end()
    }
}

/// A datagram that is half read: what belongs together may come in any order.
#[derive(Default)]
struct Reading {
    said: Notification,
    monotonic: Option<Duration>,
    name: Option<String>,
    no_poll: bool,
    keep: bool,
    remove: bool,
}

impl Reading {
    fn read(&mut self, line: &str) {
        if self.take(line).is_none() {
            self.said.unknown.push(line.to_owned());
        }
    }

    /// Takes a line in; `None` if it means nothing to us.
    fn take(&mut self, line: &str) -> Option<()> {
        let (key, value) = line.split_once('=')?;
        let said = &mut self.said;
        match (key, value) {
            ("READY", "1") => said.state = Some(State::Ready),
            ("RELOADING", "1") => said.state = Some(State::Reloading { since: None }),
            ("STOPPING", "1") => said.state = Some(State::Stopping),
            ("MONOTONIC_USEC", _) => self.monotonic = Some(microseconds(value)?),
            ("STATUS", _) => said.status = Some(value.to_owned()),
            ("ERRNO", _) => said.errno = Some(value.parse().ok().filter(|errno| *errno >= 0)?),
            ("WATCHDOG", "1") => said.watchdog = Some(Watchdog::Ping),
            ("WATCHDOG", "trigger") => said.watchdog = Some(Watchdog::Trigger),
            ("WATCHDOG_USEC", _) => said.watchdog_interval = Some(microseconds(value)?),
            ("EXTEND_TIMEOUT_USEC", _) => said.extend_timeout = Some(microseconds(value)?),
            ("MAINPID", _) => said.main_pid = Some(value.parse().ok().filter(|pid| *pid > 0)?),
            ("FDSTORE", "1") => self.keep = true,
            ("FDSTOREREMOVE", "1") => self.remove = true,
            ("FDNAME", _) => self.name = Some(store_name(value)?.to_owned()),
            ("FDPOLL", "0") => self.no_poll = true,
            _ => return None,
        }
        Some(())
    }

    fn end(self) -> Notification {
        let Reading { mut said, monotonic, name, no_poll, keep, remove } = self;
        if let Some(State::Reloading { since }) = &mut said.state {
            *since = monotonic;
        }
        said.store = match (remove, keep) {
            (true, _) => Some(Store::Remove { name }),
            (false, true) => Some(Store::Keep { name, poll: !no_poll }),
            (false, false) => None,
        };
        said
    }
}

fn microseconds(value: &str) -> Option<Duration> {
    value.parse().ok().map(Duration::from_micros)
}

/// A name that can stand in LISTEN_FDNAMES.
fn store_name(value: &str) -> Option<&str> {
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b':';
    (value.len() <= LONGEST_NAME && value.bytes().all(is_plain)).then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> Notification {
        Notification::parse(text.as_bytes())
    }

    fn nothing() -> Notification {
        Notification::default()
    }

    #[test]
    fn a_worker_says_that_it_is_ready_and_how_it_does() {
        let expected = Notification { state: Some(State::Ready), status: Some("up, 3 = 3".into()), ..nothing() };
        assert_eq!(said("READY=1\nSTATUS=up, 3 = 3"), expected);
        assert_eq!(said("READY=1\nSTATUS=up, 3 = 3\n"), expected);
        assert_eq!(said("\r\nREADY=1\r\n\n\nSTATUS=up, 3 = 3\0"), expected);
        assert_eq!(said(""), nothing());
    }

    #[test]
    fn the_last_word_counts() {
        assert_eq!(said("READY=1\nSTOPPING=1").state, Some(State::Stopping));
        assert_eq!(said("STOPPING=1\nREADY=1").state, Some(State::Ready));
        assert_eq!(said("STATUS=one\nSTATUS=two").status.as_deref(), Some("two"));
        assert_eq!(said("STATUS=one\nSTATUS=").status.as_deref(), Some(""));
        assert_eq!(said("WATCHDOG=1\nWATCHDOG=trigger").watchdog, Some(Watchdog::Trigger));
    }

    #[test]
    fn a_reload_comes_with_its_time_in_any_order() {
        let since = Some(Duration::from_micros(123_456_789));
        let reloading = Notification { state: Some(State::Reloading { since }), ..nothing() };
        assert_eq!(said("RELOADING=1\nMONOTONIC_USEC=123456789"), reloading);
        assert_eq!(said("MONOTONIC_USEC=123456789\nRELOADING=1"), reloading);
        assert_eq!(said("RELOADING=1").state, Some(State::Reloading { since: None }));
        assert_eq!(said("MONOTONIC_USEC=123456789"), nothing());
    }

    #[test]
    fn numbers_are_read() {
        let text = "ERRNO=2\nEXTEND_TIMEOUT_USEC=5000000\nMAINPID=812\nWATCHDOG_USEC=20000000\nWATCHDOG=1";
        let expected = Notification {
            errno: Some(2),
            extend_timeout: Some(Duration::from_secs(5)),
            main_pid: Some(812),
            watchdog_interval: Some(Duration::from_secs(20)),
            watchdog: Some(Watchdog::Ping),
            ..nothing()
        };
        assert_eq!(said(text), expected);
    }

    #[test]
    fn what_means_nothing_is_kept_as_unknown_and_harms_nothing() {
        for line in [
            "READY=0",
            "READY=yes",
            "ready=1",
            "READY",
            " READY=1",
            "=",
            "X_VENDOR=1",
            "ERRNO=-2",
            "ERRNO=ENOENT",
            "MAINPID=0",
            "MAINPID=-1",
            "MAINPID=99999999999",
            "EXTEND_TIMEOUT_USEC=18446744073709551616",
            "WATCHDOG=2",
            "BARRIER=0",
            "FDNAME=a:b",
        ] {
            let expected =
                Notification { state: Some(State::Ready), unknown: vec![line.to_owned()], ..Notification::default() };
            assert_eq!(said(&format!("{line}\nREADY=1")), expected);
        }
    }

    #[test]
    fn a_barrier_stands_alone() {
        let barrier = Notification { barrier: true, ..nothing() };
        assert_eq!(said("BARRIER=1"), barrier);
        assert_eq!(said("READY=1\nBARRIER=1\nSTATUS=x"), barrier);
    }

    #[test]
    fn descriptors_are_kept_by_name_and_removed_by_name() {
        let name = || Some("http".to_owned());
        assert_eq!(said("FDSTORE=1").store, Some(Store::Keep { name: None, poll: true }));
        assert_eq!(said("FDNAME=http\nFDPOLL=0\nFDSTORE=1").store, Some(Store::Keep { name: name(), poll: false }));
        assert_eq!(said("FDSTOREREMOVE=1\nFDSTORE=1\nFDNAME=http").store, Some(Store::Remove { name: name() }));
        assert_eq!(said("FDNAME=http"), nothing());
    }

    #[test]
    fn a_status_that_is_no_text_is_read_as_well_as_can_be() {
        let notification = Notification::parse(b"STATUS=caf\xe9 open\nREADY=1");
        assert_eq!(notification.status.as_deref(), Some("caf\u{fffd} open"));
        assert_eq!(notification.state, Some(State::Ready));
    }

    #[test]
    fn a_zero_byte_inside_makes_all_of_it_mean_nothing() {
        let notification = said("READY=1\0STOPPING=1");
        assert_eq!(notification, Notification { unknown: vec!["READY=1\0STOPPING=1".into()], ..nothing() });
    }

    proptest! {
        #[test]
        fn no_bytes_at_all_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4097)) {
            Notification::parse(&bytes);
        }

        #[test]
        fn no_line_spoils_the_one_that_comes_after_it(lines in proptest::collection::vec(line(), 0..20)) {
            let text = format!("{}\nREADY=1", lines.join("\n"));
            let notification = said(&text);
            prop_assert!(notification.barrier || notification.state == Some(State::Ready));
            prop_assert!(notification.unknown.len() <= lines.len());
        }
    }

    fn line() -> impl Strategy<Value = String> {
        let keys = "READY|RELOADING|STOPPING|MONOTONIC_USEC|STATUS|ERRNO|WATCHDOG|WATCHDOG_USEC|EXTEND_TIMEOUT_USEC\
                    |MAINPID|FDSTORE|FDSTOREREMOVE|FDNAME|FDPOLL|BARRIER|[A-Z_]{0,4}";
        (keys, "1|0|trigger|-?[0-9]{1,25}|[ -~]{0,20}|[^\0\r\n]{0,8}").prop_map(|(key, value)| format!("{key}={value}"))
    }
}
