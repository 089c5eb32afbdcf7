//! Deeds: what the rules ask for, and what watched descriptors bring. Nothing here asks why.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::listener::Allotment;
use super::machine::{Master, listening};
use super::report::{Deed, What};
use super::shares::Shares;
use super::spare::is_quiet_again;
use super::wording::shown;
use crate::protocol::MasterMessage;
use crate::supervision::{Action, CohortId, Event, GenerationId, Notice, Reason, Share, Slot, WorkerId};
use crate::sys::lanes;
use crate::sys::memory;
use crate::sys::poller::Interest;

impl Master {
    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::Resolve { generation } => {
                if let Err(error) =
                    self.lookups.resolve(self.facts_of(generation), self.scenery(), self.recipes.clone())
                {
                    self.feed(Event::Unresolved { generation, why: format!("cannot make a pipe: {error}") });
                }
            }
            Action::CancelResolve { generation } => self.lookups.cancel(generation),
            Action::Allot { cohort } => self.allot(cohort),
            Action::Spawn { worker, cohort, slot } => self.spawn(worker, cohort, slot),
            Action::Recall { generation, of } => match self.kept.of(of) {
                Some(release) => self.has_release(generation, release),
                None => {
                    let why = format!("the release of generation {of} is not kept");
                    self.feed(Event::Unresolved { generation, why });
                }
            },
            Action::Steer { generation, shares, sticky } => self.steer(generation, &shares, sticky),
            Action::Check { generation } => self.check(generation),
            Action::Promote { worker } => drop(self.say(worker, MasterMessage::Promoted, None)),
            Action::LameDuck { worker, linger } => {
                let linger_ms = milliseconds(linger);
                if !self.node_lame_duck(worker, linger_ms) {
                    self.say(worker, MasterMessage::LameDuck { linger_ms }, None);
                }
            }
            Action::Resume { worker } => {
                if !self.node_resume(worker) {
                    self.say(worker, MasterMessage::Resume, None);
                }
            }
            Action::Drain { worker, grace } => self.drain(worker, grace),
            Action::Kill { worker } => self.kill(worker),
            Action::Look { cohort } => self.look(cohort),
            Action::Rescue { cohort } => {
                self.stop_proving_all(cohort);
                self.listeners.abandon(cohort);
            }
            Action::Sweep { cohort } => self.lookups.survivors(cohort, self.processes.survivors_of(cohort)),
            Action::KillSurvivors { cohort } => self.lookups.kill_survivors(self.processes.survivors_of(cohort)),
            Action::Vacate { cohort } => {
                let farewells = self.listeners.vacate(cohort);
                self.say_farewell(farewells);
            }
            Action::Forget { generation } => self.forget(generation),
            Action::Answer { request, outcome } => {
                if let Some(answer) = self.answers.remove(&request) {
                    let _ = answer.send(outcome); // whoever asked may not have waited
                }
            }
            Action::Tell(notice) => self.announce(notice),
            Action::End(ending) => self.ending = Some(ending),
        }
    }

    fn allot(&mut self, cohort: CohortId) {
        let generation = cohort.generation;
        let allotted = match self.declare(generation) {
            Ok(()) => self.listeners.allot(cohort, self.supervisor.serving()),
            Err(why) => Allotment::Never(why),
        };
        let event = match allotted {
            Allotment::Done => {
                self.tell_limits_of(generation);
                Event::Allotted { cohort }
            }
            Allotment::NotYet(why) => Event::NoLaneYet { cohort, why },
            Allotment::Never(why) => Event::NotAllotted { cohort, why },
        };
        self.feed(event);
    }

    /// Opens what the generation's release declares and is not open yet.
    fn declare(&mut self, generation: GenerationId) -> Result<(), String> {
        let Some(release) = self.releases.get(&generation).cloned() else { return Ok(()) };
        for id in self.listeners.declare(generation, &release.listeners)? {
            if let Some(deed) = self.listeners.listener(id).map(listening) {
                self.report(deed);
            }
        }
        Ok(())
    }

    fn steer(&mut self, generation: GenerationId, shares: &[Share], sticky: bool) {
        let shares = Shares::new(shares.iter().map(|share| (share.cohort, share.weight)), sticky);
        let event = match self.listeners.steer(&shares) {
            Ok(()) => Event::Steered { generation },
            Err(why) => Event::NotSteered { generation, why },
        };
        self.feed(event);
    }

    /// A worker that does not speak our protocol, or no longer, is told by the signal that everybody knows.
    fn drain(&mut self, worker: WorkerId, grace: Duration) {
        self.stop_watching(worker);
        if self.node_drain(worker, grace) {
            return;
        }
        let grace_ms = milliseconds(grace);
        let speaks =
            |process: &super::processes::Process| process.channel.as_ref().is_some_and(|it| it.has_said_hello());
        match self.processes.all.get(&worker).is_some_and(speaks) {
            true => drop(self.say(worker, MasterMessage::Drain { grace_ms }, None)),
            false => self.signal(worker, self.stop_signal_of(worker)),
        }
    }

    fn kill(&mut self, worker: WorkerId) {
        self.stop_watching(worker);
        self.signal(worker, Signal::SIGKILL);
    }

    pub(super) fn stop_signal_of(&self, worker: WorkerId) -> Signal {
        let release = self.processes.all.get(&worker).and_then(|process| self.releases.get(&process.generation));
        release.map_or(Signal::SIGTERM, |release| release.stop_signal.signal())
    }

    pub(super) fn signal(&self, worker: WorkerId, signal: Signal) {
        if let Some(process) = self.processes.all.get(&worker) {
            process.signal(signal);
        }
    }

    /// Whether anything is still on its way to the cohort: queued, or in the middle of a handshake.
    fn look(&mut self, cohort: CohortId) {
        let lanes = || self.listeners.lanes_of(cohort);
        let waits = lanes().any(|(listener, seat)| listener.lanes.queue(seat).is_ok_and(|queue| queue.waiting > 0));
        if waits {
            return self.feed(Event::Looked { cohort, settled: false });
        }
        let places: Vec<lanes::Endpoint> = lanes().map(|(listener, _)| listener.lanes.local().clone()).collect();
        self.lookups.settled(cohort, move || places.iter().all(|local| lanes::half_open(local).unwrap_or(0) == 0));
    }

    fn forget(&mut self, generation: GenerationId) {
        self.releases.remove(&generation);
        self.changed.remove(&generation);
        for outlet in self.processes.forget(generation) {
            self.poller.remove(outlet.pipe.as_fd());
        }
        for listener in self.datagrams.forget(generation) {
            self.report(Deed::Closed { listener });
        }
        let farewells = self.listeners.forget(generation);
        self.say_farewell(farewells);
    }

    /// Sends a message to a worker, if it has a channel; the number that the message got.
    pub(super) fn say(
        &mut self,
        worker: WorkerId,
        message: MasterMessage,
        handle: Option<Arc<std::os::fd::OwnedFd>>,
    ) -> Option<u64> {
        let channel = self.processes.all.get_mut(&worker)?.channel.as_mut()?;
        let sent = channel.say(message, handle);
        self.watch_channel(worker);
        sent.map_err(|what| self.cut_off(worker, what)).ok()
    }

    pub(super) fn watch_channel(&self, worker: WorkerId) {
        let Some(channel) = self.processes.all.get(&worker).and_then(|process| process.channel.as_ref()) else {
            return;
        };
        let interest = if channel.is_waiting() { Interest::ReadWrite } else { Interest::Read };
        let token = super::token::Token::Channel(worker).number();
        if let Err(error) = self.poller.modify(channel.socket.as_fd(), token, interest) {
            tracing::error!(%worker, %error, "cannot watch a channel");
        }
    }

    /// A worker that breaks the protocol loses its channel.
    pub(super) fn cut_off(&mut self, worker: WorkerId, what: String) {
        if self.close_channel(worker) {
            self.feed(Event::Misbehaved { worker, what: shown(&what) });
        }
    }

    /// Closes a worker's channel; whether it had one.
    pub(super) fn close_channel(&mut self, worker: WorkerId) -> bool {
        if self.close_node(worker) {
            return true;
        }
        let Some(channel) = self.processes.all.get_mut(&worker).and_then(|process| process.channel.take()) else {
            return false;
        };
        self.poller.remove(channel.socket.as_fd());
        channel.close();
        self.pass_on(worker);
        true
    }

    /// What is wrong with the recipe of a generation that is given up for it.
    fn unreadable_lines(&mut self, notice: &Notice) -> Option<Vec<String>> {
        let Notice::GivenUp { generation, .. } = notice else { return None };
        Some(self.unreadable.take_if(|(of, _)| of == generation)?.1)
    }

    /// Adds what only the master knows, and tells the world.
    fn announce(&mut self, notice: Notice) {
        let seat = seat(&notice);
        let pid = seat.and_then(|seat| self.processes.pid_of(seat));
        let failed = match &notice {
            Notice::GivenUp { .. } | Notice::Killing { .. } | Notice::Misbehaved { .. } => true,
            Notice::Exited { wanted, .. } => !wanted,
            _ => false,
        };
        let unreadable = self.unreadable_lines(&notice);
        let of_worker = || seat.filter(|_| failed).map(|seat| self.processes.last_lines_of(seat));
        let last_lines = unreadable.or_else(of_worker).unwrap_or_default();
        let hint = seat.and_then(|seat| self.hint(&notice, seat, &last_lines));
        let somebody_leaves = matches!(
            notice,
            Notice::GivenUp { .. } | Notice::RolledBack { .. } | Notice::Draining { .. } | Notice::Gone { .. }
        );
        self.tend_spare(&notice);
        self.keep_release(&notice);
        if is_quiet_again(&notice) {
            self.forget_text();
        }
        self.close_doors_at(&notice);
        self.tell(What::Rules(notice.clone()), pid, last_lines);
        self.open_doors_at(&notice);
        self.mind_rounds(&notice);
        self.mind_hooks(&notice);
        self.tell_limits_at(&notice);
        if let Some(what) = hint {
            self.report(Deed::Trouble { what });
        }
        if somebody_leaves {
            self.close_unwanted();
        }
    }

    /// A process that does nothing but lead gives back the memory of its own text that only a change took.
    fn forget_text(&self) {
        if self.behaviour.launcher
            && let Err(error) = memory::forget_text()
        {
            tracing::debug!(%error, "text that is not needed stays in memory");
        }
    }

    fn close_unwanted(&mut self) {
        for listener in self.listeners.close_unwanted(|generation| self.supervisor.may_serve(generation)) {
            self.report(Deed::Closed { listener });
        }
    }
}

fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// The seat that a notice is about.
fn seat(notice: &Notice) -> Option<(GenerationId, Slot)> {
    match notice {
        Notice::Started { generation, slot, .. }
        | Notice::Ready { generation, slot, .. }
        | Notice::Exited { generation, slot, .. }
        | Notice::Misbehaved { generation, slot, .. }
        | Notice::Killing { generation, slot, .. } => Some((*generation, *slot)),
        Notice::GivenUp {
            generation,
            reason: Reason::Exited { slot, .. } | Reason::NotReady { slot, .. } | Reason::Misbehaved { slot, .. },
            ..
        } => Some((*generation, *slot)),
        _ => None,
    }
}
