//! What a worker is told to stop by that does not speak our protocol.

use std::fmt;

use nix::sys::signal::Signal;

/// A signal that asks a program to finish what it holds and to exit: TERM for most, QUIT for nginx, unicorn and php-fpm,
/// USR1 for HAProxy, WINCH for Apache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopSignal(Signal);

const ALL: [Signal; 7] = [
    Signal::SIGTERM,
    Signal::SIGQUIT,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

impl StopSignal {
    /// The signal of this name, with or without `SIG`, if a program can be asked to stop by it.
    pub fn named(name: &str) -> Option<StopSignal> {
        let name = name.to_ascii_uppercase();
        let name = name.strip_prefix("SIG").unwrap_or(&name);
        ALL.into_iter().find(|signal| signal.as_str().strip_prefix("SIG") == Some(name)).map(StopSignal)
    }

    pub(crate) fn signal(self) -> Signal {
        self.0
    }
}

impl Default for StopSignal {
    fn default() -> Self {
        StopSignal(Signal::SIGTERM)
    }
}

impl fmt::Display for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_named_as_people_name_it() {
        for name in ["TERM", "SIGTERM", "term", "sigterm"] {
            assert_eq!(StopSignal::named(name), Some(StopSignal(Signal::SIGTERM)));
        }
        for name in ["", "KILL", "STOP", "9", "SIG"] {
            assert_eq!(StopSignal::named(name), None);
        }
    }
}
