//! What Node workers say, and what comes of it.

use std::os::fd::AsFd;
use std::time::Duration;

use super::channel::{Handle, ServerId};
use super::leave::Parting;
use crate::dialects::node::{Said, Verdict};
use crate::master::machine::Master;
use crate::master::report::Deed;
use crate::master::token::Token;
use crate::master::wording::shown_within;
use crate::protocol::MAX_TEXT;
use crate::supervision::{Event, WorkerId};
use crate::sys::files;
use crate::sys::poller::{Interest, Readiness};

/// How long a worker gets no connection that has just declined one.
const DECLINED: Duration = Duration::from_millis(50);
/// And one that had no descriptor left for it.
const FULL: Duration = Duration::from_millis(200);
/// What a script says that is ready, as PM2 wants it.
const READY: &str = "\"ready\"";

impl Master {
    /// Something has happened to a Node worker's channel.
    pub(in crate::master) fn node_is_ready(&mut self, worker: WorkerId, ready: Readiness) {
        if ready.writable {
            self.flush_node(worker);
        }
        let Some(node) = self.processes.all.get_mut(&worker).and_then(|process| process.node.as_mut()) else { return };
        if !ready.readable {
            return;
        }
        let heard = node.hear(&mut self.packet);
        for said in heard.said {
            self.heed_node(worker, said);
        }
        match heard.over {
            Some(Some(what)) => self.cut_off(worker, what),
            Some(None) => self.node_has_left(worker),
            None => self.flush_node(worker),
        }
    }

    fn heed_node(&mut self, worker: WorkerId, said: Said<Handle>) {
        let now = files::uptime();
        let Some(process) = self.processes.all.get_mut(&worker) else { return };
        let cohort = process.cohort;
        let Some(node) = process.node.as_mut() else { return };
        match said {
            Said::Online => {
                process.proof.online();
                self.lacks_servers(worker);
            }
            Said::Query { ack, server } => {
                node.servers.heard(now);
                self.node_query(worker, cohort, ack, &server);
            }
            Said::Listening { key } => self.node_listens(worker, &key),
            Said::Closed { key } => {
                if let Some(server) = node.keys.remove(&key) {
                    node.servers.closed(&server, now);
                    self.assign_forsaken();
                }
            }
            Said::Took { .. } => self.worker_has_changed(worker),
            Said::Declined { key, connection } => self.given_back(worker, &key, connection, DECLINED),
            Said::IsFull { key, connection } => {
                tracing::warn!(%worker, "has no descriptor left for a connection");
                self.given_back(worker, &key, connection, FULL);
            }
            Said::Leaves => tracing::debug!(%worker, "goes by itself"),
            Said::Words { text } => self.heed_words(worker, &text),
            Said::Unknown { what } => tracing::debug!(%worker, what, "said something that we do not know"),
        }
    }

    fn node_listens(&mut self, worker: WorkerId, key: &str) {
        let Some(process) = self.processes.all.get_mut(&worker) else { return };
        let cohort = process.cohort;
        let Some(node) = process.node.as_mut() else { return };
        let Some(&server) = node.keys.get(key) else { return };
        node.servers.listens(server, files::uptime());
        if let ServerId::Listener(id) = server {
            self.listeners.take(id, cohort);
        }
        self.consider_ready(worker);
        self.worker_has_changed(worker);
    }

    /// A worker does not take a connection, and gets none for a while.
    fn given_back(&mut self, worker: WorkerId, key: &str, connection: Handle, rest: Duration) {
        let Some(node) = self.processes.all.get_mut(&worker).and_then(|process| process.node.as_mut()) else { return };
        node.rests_until = files::uptime() + rest;
        let server = node.keys.get(key).copied();
        self.give_to_others(vec![(server, connection)]);
    }

    /// What a script sends to its primary is for whoever reads our notices.
    fn heed_words(&mut self, worker: WorkerId, text: &str) {
        let Some(process) = self.processes.all.get_mut(&worker) else { return };
        let (generation, slot) = (process.generation, process.slot);
        let waited_for = self.releases.get(&generation).is_some_and(|release| release.waits_for_word());
        if text == READY && waited_for {
            let evidence = process.proof.said_ready();
            return self.proved(worker, evidence);
        }
        if self.has_room() {
            self.report(Deed::Message { generation, slot, text: shown_within(text, MAX_TEXT) });
        }
    }

    /// That it does not listen is the reason, if it is not ready in time.
    fn lacks_servers(&mut self, worker: WorkerId) {
        let Some(process) = self.processes.all.get(&worker) else { return };
        let release = self.releases.get(&process.generation);
        let advice = release.and_then(|release| release.node.as_ref()?.advice.as_deref());
        let what = match (advice, release.is_some_and(|release| release.waits_for_word())) {
            (Some(advice), _) => format!("it runs, but no server of its listens ({advice})"),
            (None, true) => "it has not sent 'ready' (process.send)".to_owned(),
            (None, false) => "it runs, but no server of its listens".to_owned(),
        };
        self.feed(Event::Lacking { worker, what });
    }

    /// The worker is ready when it listens where those do that serve.
    pub(super) fn consider_ready(&mut self, worker: WorkerId) {
        let Some(Verdict::Ready { without }) = self.verdict(worker) else { return };
        let Some(process) = self.processes.all.get_mut(&worker) else { return };
        let (generation, slot) = (process.generation, process.slot);
        let evidence = process.proof.said_ready();
        for server in without {
            let name = self.name_of_server(server);
            let what = format!("worker {generation}.{slot} does not listen on {name}, where the one before it does");
            self.report(Deed::Trouble { what });
        }
        self.proved(worker, evidence);
    }

    fn name_of_server(&self, server: ServerId) -> String {
        match server {
            ServerId::Listener(id) => {
                self.listeners.listener(id).map(|it| it.declaration.name.clone()).unwrap_or_default()
            }
            ServerId::Datagrams(id) => self.datagrams.name(id),
        }
    }

    /// Whether it is, if that is not known yet and not the script's to say.
    pub(super) fn verdict(&self, worker: WorkerId) -> Option<Verdict<ServerId>> {
        let process = self.processes.all.get(&worker).filter(|_| self.unproved.contains(&worker))?;
        let waits_for_word = self.releases.get(&process.generation)?.waits_for_word();
        let node = process.node.as_ref().filter(|_| !waits_for_word)?;
        let serving = self.supervisor.serving();
        let others =
            self.processes.all.iter().filter(|(id, other)| {
                Some(other.generation) == serving && !self.unproved.contains(id) && **id != worker
            });
        let wanted = others.filter_map(|(_, other)| other.node.as_ref()).flat_map(|node| node.servers.listening());
        Some(node.servers.verdict(&wanted.copied().collect(), files::uptime()))
    }

    /// Sends what waits, and watches for room if some of it does not fit.
    pub(super) fn flush_node(&mut self, worker: WorkerId) {
        let Some(node) = self.processes.all.get_mut(&worker).and_then(|process| process.node.as_mut()) else { return };
        let before = node.waits;
        match node.flush() {
            Ok(waits) => node.waits = waits,
            Err(what) => return self.cut_off(worker, what),
        }
        let (Some(socket), true) = (&node.socket, node.waits != before) else { return };
        let interest = if node.waits { Interest::ReadWrite } else { Interest::Read };
        let token = Token::Channel(worker).number();
        if let Err(error) = self.poller.modify(socket.as_fd(), token, interest) {
            tracing::error!(%worker, %error, "cannot watch a channel");
        }
    }

    /// The worker has closed its channel: it serves nobody any more, and most end with that.
    fn node_has_left(&mut self, worker: WorkerId) {
        self.close_channel(worker);
        let now = files::uptime();
        if let Some(node) = self.processes.all.get_mut(&worker).and_then(|process| process.node.as_mut()) {
            node.parting = Some(Parting::after_the_end(node.parting, now));
        }
    }

    /// Closes a Node worker's channel; whether it had one. What it had not taken goes to others.
    pub(in crate::master) fn close_node(&mut self, worker: WorkerId) -> bool {
        let Some(node) = self.processes.all.get_mut(&worker).and_then(|process| process.node.as_mut()) else {
            return false;
        };
        let Some(socket) = node.socket.take() else { return false };
        self.poller.remove(socket.as_fd());
        let back = node.talk.take_back();
        let back = back.into_iter().map(|(key, connection)| (node.keys.get(&key).copied(), connection)).collect();
        self.give_to_others(back);
        self.assign_forsaken();
        true
    }
}
