//! The spare: a launcher that was started while all was quiet, so that the next worker has only to be told what to be.
//!
//! It is nobody's worker, and nothing depends on it: where there is none, a launcher is started when it is needed.

use nix::unistd::Pid;

use super::machine::Master;
use super::token::Token;
use crate::supervision::Notice;
use crate::sys::launch::Launcher;
use crate::sys::poller::Interest;

impl Master {
    /// Starts a spare when a generation serves alone, and ends it when the master is to end.
    pub(super) fn tend_spare(&mut self, notice: &Notice) {
        if self.supervisor.is_stopping() || self.supervisor.serving().is_none() {
            return self.lose_spare();
        }
        let is_quiet = is_quiet_again(notice) && self.supervisor.rising().is_none();
        if is_quiet && self.behaviour.launcher && self.spare.is_none() {
            match Launcher::start(self.starter.as_ref()) {
                Ok(spare) => self.watch_spare(spare),
                Err(error) => tracing::debug!(%error, "no launcher can be started beforehand"),
            }
        }
    }

    /// The spare, if it would be no other if it were started now.
    pub(super) fn take_spare(&mut self) -> Option<Launcher> {
        let spare = self.spare.take()?;
        self.poller.remove(spare.process());
        spare.is_as_if_started_now().then_some(spare)
    }

    /// It has ended, or is to.
    pub(super) fn lose_spare(&mut self) {
        if let Some(spare) = self.spare.take() {
            self.poller.remove(spare.process());
        }
    }

    pub(super) fn is_spare(&self, pid: Pid) -> bool {
        self.spare.as_ref().is_some_and(|spare| spare.pid() == pid)
    }

    fn watch_spare(&mut self, spare: Launcher) {
        match self.poller.add(spare.process(), Token::Spare.number(), Interest::Read) {
            Ok(()) => self.spare = Some(spare),
            Err(error) => tracing::debug!(%error, "a launcher cannot be watched"),
        }
    }
}

/// Whether nothing is to happen any more, as far as the rules know, until somebody asks for it.
pub(super) fn is_quiet_again(notice: &Notice) -> bool {
    matches!(notice, Notice::Promoted { previous: None, .. } | Notice::StandingBy { .. } | Notice::Gone { .. })
}
