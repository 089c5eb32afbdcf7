//! Signals: HUP reloads, TERM, QUIT and INT stop, TTIN and TTOU scale, WINCH dismisses, CHLD reaps.

use std::io;

use futures_util::StreamExt;
use signal_hook::consts::signal::{
    SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGWINCH,
};
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Origin as SignalOrigin;
use signal_hook_tokio::SignalsInfo;

use crate::master::Handle;
use crate::supervision::{Command, Origin};
use crate::sys::terminal;

const ALL: [i32; 10] = [SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGWINCH];

/// The signals that a master listens to, from the moment this is made.
pub struct Signals {
    stream: SignalsInfo<WithOrigin>,
    /// There was a controlling terminal, and its end was not to be ignored (`nohup`).
    ends_with_terminal: bool,
}

/// Signals cannot be listened to.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen to signals")]
pub struct SignalsError(#[from] io::Error);

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Ask(Command),
    ChildEnded,
    NotYet(&'static str),
    Nothing,
}

/// What else decides what a signal means.
#[derive(Clone, Copy, Debug)]
struct Circumstances {
    /// The terminal that we had has been closed.
    terminal_closed: bool,
    /// We have one.
    terminal: bool,
    /// Somebody sent it, as opposed to the kernel.
    sent: bool,
}

impl Signals {
    /// From now on, these signals do not kill this process. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn take() -> Result<Signals, SignalsError> {
        let ends_with_terminal = terminal::is_there() && !terminal::is_ignored(SIGHUP)?;
        Ok(Signals { stream: SignalsInfo::new(ALL)?, ends_with_terminal })
    }

    /// Turns signals into commands, for ever.
    pub async fn ask(mut self, master: Handle) {
        while let Some(signal) = self.stream.next().await {
            let terminal = terminal::is_there();
            let terminal_closed = self.ends_with_terminal && !terminal;
            let sent = signal.process.is_some();
            match meaning(signal.signal, Circumstances { terminal_closed, terminal, sent }) {
                Meaning::Ask(command) => {
                    master.start_asking(command, origin(&signal)).await; // the notices tell the outcome
                }
                Meaning::ChildEnded => master.child_ended().await,
                Meaning::NotYet(what) => tracing::warn!("{}: {what}", origin(&signal)),
                Meaning::Nothing => {}
            }
        }
    }
}

impl std::fmt::Debug for Signals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signals").field("ends_with_terminal", &self.ends_with_terminal).finish_non_exhaustive()
    }
}

fn meaning(signal: i32, circumstances: Circumstances) -> Meaning {
    match signal {
        SIGHUP if circumstances.terminal_closed => Meaning::Ask(Command::Stop { fast: false }),
        SIGHUP => Meaning::Ask(Command::RELOAD),
        SIGTERM | SIGQUIT | SIGINT => Meaning::Ask(Command::Stop { fast: false }),
        // The kernel sends these to whoever touches a terminal from the background: that is no wish for workers.
        SIGTTIN if circumstances.sent => Meaning::Ask(Command::Scale(1)),
        SIGTTOU if circumstances.sent => Meaning::Ask(Command::Scale(-1)),
        // A resized window sends this one.
        SIGWINCH if circumstances.sent && !circumstances.terminal => Meaning::Ask(Command::Dismiss),
        SIGUSR1 => Meaning::NotYet("there is no log file to be opened again: the log goes to standard error"),
        SIGUSR2 => Meaning::NotYet("this version cannot replace its own binary: everything goes on as it is"),
        SIGCHLD => Meaning::ChildEnded,
        _ => Meaning::Nothing,
    }
}

fn origin(signal: &SignalOrigin) -> Origin {
    let name = signal_hook::low_level::signal_name(signal.signal).unwrap_or("a signal");
    Origin::new(match &signal.process {
        Some(process) if process.pid != 0 => format!("{name} from pid {}, uid {}", process.pid, process.uid),
        Some(_) => format!("{name} from outside the container"),
        None => format!("{name} from the kernel"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Circumstances = Circumstances { terminal_closed: false, terminal: false, sent: true };

    #[test]
    fn a_hangup_reloads_unless_the_terminal_is_gone() {
        assert_eq!(meaning(SIGHUP, PLAIN), Meaning::Ask(Command::RELOAD));
        let closed = Circumstances { terminal_closed: true, ..PLAIN };
        assert_eq!(meaning(SIGHUP, closed), Meaning::Ask(Command::Stop { fast: false }));
    }

    #[test]
    fn the_kernel_does_not_scale() {
        assert_eq!(meaning(SIGTTIN, PLAIN), Meaning::Ask(Command::Scale(1)));
        assert_eq!(meaning(SIGTTOU, Circumstances { sent: false, ..PLAIN }), Meaning::Nothing);
    }

    #[test]
    fn a_resized_window_dismisses_nobody() {
        assert_eq!(meaning(SIGWINCH, PLAIN), Meaning::Ask(Command::Dismiss));
        assert_eq!(meaning(SIGWINCH, Circumstances { terminal: true, ..PLAIN }), Meaning::Nothing);
        assert_eq!(meaning(SIGWINCH, Circumstances { sent: false, ..PLAIN }), Meaning::Nothing);
    }
}
