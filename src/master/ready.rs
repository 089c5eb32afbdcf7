//! What watched descriptors bring: a worker's words, its output, its end, a lane that was shut or where nobody accepts.

use std::io;
use std::os::fd::AsFd;

use super::listeners::ListenerId;
use super::machine::Master;
use super::report::{Deed, Stream};
use super::token::Token;
use super::wording::shown_within;
use crate::dialects::Said;
use crate::protocol::{MAX_TEXT, Status};
use crate::supervision::{CohortId, Event, Exit, WorkerId};
use crate::sys::passing::{self, Received};
use crate::sys::poller::{Interest, Readiness};
use crate::sys::{files, process, shell};

impl Master {
    pub(super) fn ready(&mut self, ready: Readiness) {
        match Token::from_number(ready.token) {
            Some(Token::Process(worker)) => self.reap(worker),
            Some(Token::Channel(worker)) => self.channel_is_ready(worker, ready),
            Some(Token::Launcher(worker)) => self.hear_launcher(worker),
            Some(Token::Output(worker, stream)) => self.read_output(worker, stream),
            Some(Token::Notify(worker)) => self.notified(worker),
            Some(Token::Lane(listener, _)) if ready.hangup => self.mend(listener),
            Some(Token::Lane(listener, seat)) => match self.listeners.listener(listener) {
                Some(it) if it.rotation.is_some() => self.rotate(listener),
                Some(_) | None => self.rescue(listener, seat),
            },
            Some(Token::Spare) => self.lose_spare(),
            None => {}
        }
    }

    fn reap(&mut self, worker: WorkerId) {
        self.hear_launcher(worker); // if it failed, its reason may still wait to be read
        if let Some(exit) = self.processes.all.get_mut(&worker).and_then(super::processes::Process::reap) {
            self.bury(worker, exit);
        }
    }

    /// Reaps what ended as our child; workers among them are left to their pidfds.
    pub(super) fn reap_strangers(&mut self) {
        if !self.behaviour.adopt {
            return;
        }
        while let Ok(Some(pid)) = process::any_ended() {
            match self.processes.by_pid(pid) {
                Some(worker) => self.reap(worker),
                None if self.is_spare(pid) => self.lose_spare(),
                None if shell::is_running(pid) => return, // whoever runs it reaps it, and then we are called again
                None => {
                    if let Err(error) = process::reap_stranger(pid) {
                        tracing::error!(%pid, %error, "cannot reap a stranger");
                        return;
                    }
                    self.feed(Event::StrangerReaped);
                }
            }
        }
    }

    /// A worker has been reaped: its last words first, then its end.
    fn bury(&mut self, worker: WorkerId, exit: Exit) {
        for stream in [Stream::Output, Stream::Error] {
            self.read_output(worker, stream);
        }
        self.stop_proving(worker);
        self.close_channel(worker);
        if let Some(handle) = self.processes.remove(worker) {
            self.poller.remove(handle.as_fd());
        }
        self.feed(Event::Exited { worker, exit });
    }

    /// The launcher has become the program, or says why it could not.
    fn hear_launcher(&mut self, worker: WorkerId) {
        let Some(process) = self.processes.all.get_mut(&worker) else { return };
        let Some(launcher) = &process.launcher else { return };
        let mut buffer = [0; 4096];
        match passing::receive(launcher.as_fd(), &mut buffer) {
            Ok(Received::Packet { length, .. }) => {
                process.launch_error = Some(String::from_utf8_lossy(&buffer[..length]).into_owned());
                return;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => return,
            Ok(Received::End) | Err(_) => self.poller.remove(launcher.as_fd()),
        }
        process.launcher = None;
        if process.launch_error.is_none() {
            self.feed(Event::Started { worker });
        }
    }

    /// Passes a worker's lines on, if anybody has room for them.
    fn read_output(&mut self, worker: WorkerId, stream: Stream) {
        let has_room = self.has_room();
        let Some(outlet) = self.processes.outlets.get_mut(&(worker, stream)) else { return };
        let token = Token::Output(worker, stream);
        if !has_room {
            self.poller.remove(outlet.pipe.as_fd());
            self.paused.push(token);
            return;
        }
        let taken = outlet.take();
        let (generation, slot) = (outlet.generation, outlet.slot);
        if taken.ended {
            self.poller.remove(outlet.pipe.as_fd());
            self.processes.outlets.remove(&(worker, stream));
        }
        for line in taken.lines {
            if let Some(process) = self.processes.all.get_mut(&worker) {
                process.last_lines.keep(&line);
            }
            self.report(Deed::Line { generation, slot, stream, line });
        }
    }

    /// There is room for lines again.
    pub(super) fn go_on_reading(&mut self) {
        for token in std::mem::take(&mut self.paused) {
            let Token::Output(worker, stream) = token else { continue };
            let Some(outlet) = self.processes.outlets.get(&(worker, stream)) else { continue };
            if let Err(error) = self.poller.add(outlet.pipe.as_fd(), token.number(), Interest::Read) {
                tracing::error!(%worker, %error, "cannot read a worker's output any more");
            }
        }
    }

    fn channel_is_ready(&mut self, worker: WorkerId, ready: Readiness) {
        self.hear_launcher(worker); // it started before it spoke
        if self.processes.all.get(&worker).is_some_and(|process| process.node.is_some()) {
            return self.node_is_ready(worker, ready);
        }
        let Some(channel) = self.processes.all.get_mut(&worker).and_then(|process| process.channel.as_mut()) else {
            return;
        };
        if ready.writable
            && let Err(what) = channel.flush()
        {
            return self.cut_off(worker, what);
        }
        let heard = if ready.readable {
            channel.hear(&mut self.packet, files::uptime())
        } else {
            super::channel::Heard::default()
        };
        for said in heard.said {
            self.heed(worker, said);
        }
        match heard.over {
            Some(Some(what)) => self.cut_off(worker, what),
            Some(None) => drop(self.close_channel(worker)),
            None if ready.writable => self.watch_channel(worker),
            None => {}
        }
    }

    fn heed(&mut self, worker: WorkerId, said: Said) {
        let Some(process) = self.processes.all.get(&worker).filter(|process| process.channel.is_some()) else { return };
        let (generation, slot, cohort) = (process.generation, process.slot, process.cohort);
        match said {
            Said::Hello { program } => {
                tracing::debug!(%worker, program, "hello");
                if let Some(process) = self.processes.all.get_mut(&worker) {
                    process.proof.hello();
                }
            }
            Said::Query { ack, query } => self.query(worker, cohort, ack, &query),
            Said::Close { key } => tracing::debug!(%worker, key, "closed its handle"),
            Said::Ready => {
                let process = self.processes.all.get_mut(&worker);
                let evidence = process.and_then(|process| process.proof.said_ready());
                self.proved(worker, evidence);
            }
            Said::Draining => tracing::debug!(%worker, "draining"),
            Said::Status(status) => {
                let counts = status.requests.is_some() || status.errors.is_some();
                if let Some(text) = self.keep_status(worker, status).filter(|_| self.has_room()) {
                    self.report(Deed::Status { generation, slot, text });
                }
                if counts {
                    self.reported(worker);
                }
            }
            Said::Connection { ack, accepted } => {
                if !self.passed(worker, ack, accepted) {
                    self.cut_off(worker, format!("it answers for connection {ack}, which was never passed to it"));
                }
            }
            Said::Unknown { act } => tracing::debug!(%worker, act, "said something that we do not know"),
        }
    }

    /// What a worker says of its requests may be too much for its generation.
    fn reported(&mut self, worker: WorkerId) {
        if let Some(Status { requests, errors, .. }) = self.processes.all.get(&worker).map(|process| &process.status) {
            let (requests, errors) = (requests.unwrap_or(0), errors.unwrap_or(0));
            self.feed(Event::Reported { worker, requests, errors });
        }
    }

    /// Keeps what a worker says of itself; what it leaves open stays as it was. Gives back its text, if it has one.
    fn keep_status(&mut self, worker: WorkerId, said: Status) -> Option<String> {
        let text = said.text.map(|text| shown_within(&text, MAX_TEXT));
        let kept = &mut self.processes.all.get_mut(&worker)?.status;
        kept.text = text.clone().or(kept.text.take());
        kept.connections = said.connections.or(kept.connections);
        kept.requests = said.requests.or(kept.requests);
        kept.errors = said.errors.or(kept.errors);
        text
    }

    /// A worker has shut a lane: whoever else holds it must not suffer.
    fn mend(&mut self, id: ListenerId) {
        let Some(name) = self.listeners.listener(id).map(|listener| listener.declaration.name.clone()) else { return };
        match self.listeners.mend(id) {
            Ok((mended, holders)) => {
                for what in mended {
                    self.report(Deed::Mended { listener: name.clone(), what });
                }
                for cohort in holders {
                    self.lost_handle(cohort, &name);
                }
            }
            Err(error) => self.report(Deed::Trouble { what: format!("cannot mend {name}: {error}") }),
        }
    }

    /// Only a new worker can have a handle that works for sure.
    fn lost_handle(&mut self, cohort: CohortId, listener: &str) {
        let workers = self.processes.all.iter().filter(|(_, process)| process.cohort == cohort);
        for worker in workers.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.feed(Event::LostHandle { worker, what: format!("its generation shut the listener {listener}") });
        }
    }
}
