//! What a worker is handed when it starts: sockets, a channel, a place to notify, and the words that tell it so.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use super::listeners::ListenerId;
use super::machine::Master;
use super::node::NodeRelease;
use super::release::Release;
use super::report::Deed;
use crate::dialects::node::Preload;
use crate::dialects::{Dialect, Filling, Place, asks_for_a_descriptor};
use crate::protocol::Address;
use crate::protocol::environment::{self, ChannelName};
use crate::supervision::{CohortId, GenerationId, Slot, WorkerId};
use crate::sys::notify::NotifySocket;
use crate::sys::{passing, stream};

/// Where descriptors begin, by the convention of socket activation.
const FIRST_DESCRIPTOR: u16 = 3;
/// Where a worker finds its channel that is started directly.
const STANDARD_INPUT: u16 = 0;

/// What Node takes further arguments from.
const NODE_OPTIONS: &str = "NODE_OPTIONS";

/// Who a worker is.
#[derive(Clone, Copy)]
pub(super) struct Seat {
    pub(super) worker: WorkerId,
    pub(super) cohort: CohortId,
    pub(super) slot: Slot,
}

/// All that a worker is handed.
pub(super) struct Handing {
    /// Our end of the channel and the worker's, until it is started; ours afterwards.
    pub(super) channel: Option<(OwnedFd, OwnedFd)>,
    pub(super) our_end: Option<OwnedFd>,
    pub(super) handles: Vec<Arc<OwnedFd>>,
    /// The number of each handle in the worker.
    pub(super) inherited: BTreeMap<ListenerId, u16>,
    pub(super) notify: Option<NotifySocket>,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: BTreeMap<OsString, OsString>,
    /// Variables that are to hold the worker's own PID.
    pub(super) pid_variables: Vec<OsString>,
    /// It has the terminal.
    pub(super) foreground: bool,
}

impl Master {
    /// Puts together what a worker is handed. The error is a sentence.
    pub(super) fn handing(&mut self, seat: Seat, release: &Release) -> Result<Handing, String> {
        let by_argument = asks_for_descriptors(release);
        let by_channel = matches!(release.dialect, Dialect::Query | Dialect::Node);
        let by_environment = self.behaviour.launcher && !by_argument && !by_channel;
        let speaks_query = matches!(release.dialect, Dialect::Auto | Dialect::Query) && !by_argument;
        let mut handing = Handing {
            channel: None,
            our_end: None,
            handles: Vec::new(),
            inherited: BTreeMap::new(),
            notify: None,
            arguments: release.arguments.clone(),
            environment: release.environment.clone(),
            pid_variables: Vec::new(),
            foreground: release.foreground && seat.slot == Slot(0),
        };
        let (wanted, others): (Vec<_>, Vec<_>) = self
            .places(seat.cohort.generation)
            .into_iter()
            .partition(|(_, place)| by_environment || (by_argument && asks_for(release, &place.name)));
        self.hand_sockets(seat, &wanted, &mut handing)?;
        let places = wanted.into_iter().chain(others);
        handing.fill(seat, places.map(|(_, place)| place).collect())?;
        handing.say_who(seat);
        if by_environment && !handing.handles.is_empty() {
            handing.say_sockets(&self.listeners.names(&handing.inherited));
        }
        if self.behaviour.launcher && !by_channel {
            handing.add_notify_socket(release.watchdog)?;
        }
        if speaks_query {
            handing.add_channel(self.behaviour.launcher)?;
        }
        if let Some(node) = &release.node {
            handing.add_node_channel(seat)?;
            self.add_preload(node, &mut handing);
        }
        Ok(handing)
    }

    /// A worker without it is cut off from its keep-alive clients, but works.
    fn add_preload(&mut self, node: &NodeRelease, handing: &mut Handing) {
        let Some(start) = node.start.filter(|_| node.options.preload) else { return };
        match self.preload.path() {
            Ok(path) => {
                let options = handing.environment.remove(OsStr::new(NODE_OPTIONS));
                let mut options = options.unwrap_or_default();
                Preload(&path).put(start, &mut handing.arguments, &mut options);
                if !options.is_empty() {
                    handing.environment.insert(NODE_OPTIONS.into(), options);
                }
            }
            Err(error) => {
                let what = format!("there is no place for the preload of Node workers: {error}");
                self.report(Deed::Trouble { what });
            }
        }
    }

    pub(super) fn places(&self, generation: GenerationId) -> Vec<(ListenerId, Place)> {
        let declared = self.listeners.iter().filter(|(_, listener)| listener.is_declared_by(generation));
        declared
            .map(|(id, listener)| {
                let address = listener.address();
                let name = listener.declaration.name.clone();
                (id, Place { name, port: address.port(), address: as_programs_write_it(&address) })
            })
            .collect()
    }

    fn hand_sockets(
        &mut self,
        seat: Seat,
        places: &[(ListenerId, Place)],
        handing: &mut Handing,
    ) -> Result<(), String> {
        for ((id, place), number) in places.iter().zip(FIRST_DESCRIPTOR..) {
            let handle = self.listeners.grant(*id, seat.cohort);
            handing.handles.push(handle.map_err(|error| format!("cannot hand {} over: {error}", place.name))?);
            handing.inherited.insert(*id, number);
        }
        Ok(())
    }
}

impl Handing {
    fn fill(&mut self, seat: Seat, places: Vec<Place>) -> Result<(), String> {
        let (generation, slot) = (seat.cohort.generation.0, seat.slot.0);
        let filling = Filling { places, first_descriptor: FIRST_DESCRIPTOR, generation, slot };
        for text in self.arguments.iter_mut().chain(self.environment.values_mut()) {
            *text = filling.fill(text)?;
        }
        Ok(())
    }

    fn say_who(&mut self, seat: Seat) {
        for (name, value) in [
            (environment::WORKER, seat.worker.to_string()),
            (environment::GENERATION, seat.cohort.generation.to_string()),
            (environment::SLOT, seat.slot.to_string()),
        ] {
            self.environment.insert(name.into(), value.into());
        }
        if seat.cohort.number > 0 {
            self.environment.insert(environment::COHORT.into(), seat.cohort.to_string().into());
        }
    }

    fn say_sockets(&mut self, names: &[String]) {
        self.environment.insert("LISTEN_FDS".into(), self.handles.len().to_string().into());
        let names: Vec<String> = names.iter().map(|name| name.replace(':', "_")).collect();
        self.environment.insert("LISTEN_FDNAMES".into(), names.join(":").into());
        self.pid_variables.push("LISTEN_PID".into());
    }

    fn add_notify_socket(&mut self, watchdog: Option<Duration>) -> Result<(), String> {
        let socket = NotifySocket::new("worker").map_err(|error| format!("cannot open a notify socket: {error}"))?;
        self.environment.insert("NOTIFY_SOCKET".into(), socket.name().into());
        self.notify = Some(socket);
        if let Some(interval) = watchdog {
            self.environment.insert("WATCHDOG_USEC".into(), interval.as_micros().to_string().into());
            self.pid_variables.push("WATCHDOG_PID".into());
        }
        Ok(())
    }

    fn add_node_channel(&mut self, seat: Seat) -> Result<(), String> {
        let fault = |error: std::io::Error| format!("cannot make a channel: {error}");
        let (ours, theirs) = stream::pair().map_err(fault)?;
        let behind_handles = u16::try_from(self.handles.len()).map_err(|error| error.to_string())?;
        for (name, value) in [
            ("NODE_CHANNEL_FD", (FIRST_DESCRIPTOR + behind_handles).to_string()),
            ("NODE_CHANNEL_SERIALIZATION_MODE", "json".to_owned()),
            ("NODE_UNIQUE_ID", seat.worker.to_string()),
        ] {
            self.environment.insert(name.into(), value.into());
        }
        self.channel = Some((ours, theirs));
        Ok(())
    }

    fn add_channel(&mut self, launcher: bool) -> Result<(), String> {
        let fault = |error: std::io::Error| format!("cannot make a channel: {error}");
        let (ours, theirs) = passing::pair().map_err(fault)?;
        passing::set_nonblocking(ours.as_fd(), true).map_err(fault)?;
        let behind_handles = u16::try_from(self.handles.len()).map_err(|error| error.to_string())?;
        let fd = if launcher { FIRST_DESCRIPTOR + behind_handles } else { STANDARD_INPUT };
        let name = ChannelName { fd, inode: passing::inode(theirs.as_fd()).map_err(fault)? };
        self.environment.insert(environment::CHANNEL.into(), name.to_string().into());
        self.channel = Some((ours, theirs));
        Ok(())
    }
}

fn asks_for_descriptors(release: &Release) -> bool {
    texts(release).any(|text| asks_for_a_descriptor(text))
}

fn asks_for(release: &Release, listener: &str) -> bool {
    let placeholder = format!("{{fd:{listener}}}");
    texts(release).any(|text| text.as_bytes().windows(placeholder.len()).any(|window| window == placeholder.as_bytes()))
}

fn texts(release: &Release) -> impl Iterator<Item = &OsString> {
    release.arguments.iter().chain(release.environment.values())
}

/// `[::]:8000` where we write `8000`: most programs want a host.
fn as_programs_write_it(address: &Address) -> String {
    match address {
        Address::Tcp { host: crate::protocol::Host::Any, port } => format!("[::]:{port}"),
        Address::Unix(path) => OsStr::new(path).to_string_lossy().into_owned(),
        Address::Tcp { .. } | Address::Abstract(_) => address.to_string(),
    }
}
